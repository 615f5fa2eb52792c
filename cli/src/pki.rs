//! `mesolith pki`: certificates by hand, for nodes that are set up before an operator knows them.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use clap::Subcommand;
use mesolith_pki::{
    Authority, CertificateFacts, CertificateRequest, DEFAULT_LIFETIME, Identity, PkiDir, Role, write_private,
    write_public,
};

/// What to do with certificates.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make the certificate authority of a cluster: ca.crt and ca.key.
    Init {
        /// Where to put it.
        #[arg(long)]
        dir: PathBuf,
        /// Name of the cluster; part of the authority's name.
        #[arg(long)]
        cluster: String,
    },
    /// Make a key and a certificate for a node or an operator: ca.crt, tls.crt and tls.key.
    Issue {
        /// Directory with ca.crt and ca.key.
        #[arg(long)]
        ca_dir: PathBuf,
        /// operator or node.
        #[arg(long)]
        role: Role,
        /// The node's name as the MesosCluster lists it.
        #[arg(long)]
        name: String,
        /// IP address or host name under which it is dialled, without a port; may be given several times.
        #[arg(long = "address", value_delimiter = ',')]
        addresses: Vec<String>,
        /// Days that the certificate is valid.
        #[arg(long, default_value_t = DEFAULT_LIFETIME.as_secs() / DAY)]
        days: u64,
        /// Where to put the three files.
        #[arg(long)]
        out: PathBuf,
    },
    /// Say whose certificate it is, for which addresses and how long it is valid.
    Show {
        /// A certificate, or a directory that holds tls.crt or ca.crt.
        path: PathBuf,
    },
}

/// Seconds in a day.
const DAY: u64 = 24 * 3600;

pub(crate) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Init { dir, cluster } => init(&dir, &cluster),
        Command::Issue {
            ca_dir,
            role,
            name,
            addresses,
            days,
            out,
        } => {
            let authority = load(&ca_dir)?;
            let lifetime = Duration::from_secs(days.clamp(1, 3650) * DAY);
            let request =
                CertificateRequest::new(Identity::new(role, &name)?, addresses).with_lifetime(lifetime);
            PkiDir::new(&out).install(&authority.issue(&request)?)?;
            println!(
                "{}: certificate of {} for {days} days",
                out.display(),
                request.identity
            );
            Ok(())
        }
        Command::Show { path } => show(&path),
    }
}

fn init(dir: &Path, cluster: &str) -> anyhow::Result<()> {
    let key = dir.join("ca.key");
    if key.exists() {
        bail!(
            "{} exists already; remove it first if every certificate it signed may become invalid",
            key.display()
        );
    }
    std::fs::create_dir_all(dir).with_context(|| format!("failed to create {}", dir.display()))?;
    let authority = Authority::create(cluster)?;
    write_private(&key, &authority.key_pem())?;
    write_public(&dir.join("ca.crt"), authority.cert_pem())?;
    println!(
        "{}: authority of cluster {cluster}; keep ca.key secret",
        dir.display()
    );
    Ok(())
}

fn load(dir: &Path) -> anyhow::Result<Authority> {
    let read = |name: &str| {
        let path = dir.join(name);
        std::fs::read_to_string(&path).with_context(|| {
            let dir = dir.display();
            format!(
                "failed to read {}; make an authority with: mesolith pki init --dir {dir} --cluster NAME",
                path.display()
            )
        })
    };
    Authority::from_pem(&read("ca.crt")?, &read("ca.key")?)
        .with_context(|| format!("{} holds no usable authority", dir.display()))
}

fn show(path: &Path) -> anyhow::Result<()> {
    let file = if path.is_dir() {
        let candidates = ["tls.crt", "ca.crt"].map(|name| path.join(name));
        let found = candidates.into_iter().find(|p| p.exists());
        found.with_context(|| format!("{} holds neither tls.crt nor ca.crt", path.display()))?
    } else {
        path.to_owned()
    };
    let pem = std::fs::read_to_string(&file).with_context(|| format!("failed to read {}", file.display()))?;
    let facts = CertificateFacts::from_pem(&pem).with_context(|| file.display().to_string())?;
    let now = SystemTime::now();
    let kind = if facts.is_authority {
        "authority"
    } else {
        "certificate"
    };
    println!("{kind:<12}{}", facts.subject);
    if let Some(identity) = &facts.identity {
        println!("identity    {identity}");
    }
    if !facts.addresses.is_empty() {
        println!("addresses   {}", facts.addresses.join(", "));
    }
    println!("issuer      {}", facts.issuer);
    let until = jiff::Timestamp::try_from(facts.not_after)?;
    let days = facts.remaining(now).as_secs() / DAY;
    let state = match (facts.not_after < now, facts.needs_renewal(now)) {
        (true, _) => "expired".to_owned(),
        (false, true) => format!("{days} days left, renewal is due"),
        (false, false) => format!("{days} days left"),
    };
    println!("valid until {until} ({state})");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Command, init, run};
    use mesolith_pki::{CertificateFacts, PkiDir, Role};

    #[test]
    fn an_authority_is_made_once_and_issues() {
        let temp = tempfile::tempdir().unwrap();
        let (ca_dir, out) = (temp.path().join("ca"), temp.path().join("n1"));
        init(&ca_dir, "prod").unwrap();
        assert!(
            init(&ca_dir, "prod")
                .unwrap_err()
                .to_string()
                .contains("ca.key exists already")
        );
        let addresses = vec!["127.0.0.11".to_owned()];
        run(Command::Issue {
            ca_dir,
            role: Role::Node,
            name: "n1".into(),
            addresses,
            days: 30,
            out: out.clone(),
        })
        .unwrap();
        let facts = CertificateFacts::from_pem(&PkiDir::new(&out).read().unwrap().cert).unwrap();
        assert_eq!(facts.identity.unwrap().to_string(), "spiffe://mesolith/node/n1");
        assert_eq!(facts.addresses, ["127.0.0.11"]);
        run(Command::Show { path: out }).unwrap();
    }

    #[test]
    fn a_missing_authority_comes_with_its_remedy() {
        let error = super::load(std::path::Path::new("/nowhere")).err().unwrap();
        assert_eq!(
            error.to_string(),
            "failed to read /nowhere/ca.crt; make an authority with: mesolith pki init --dir /nowhere --cluster NAME"
        );
    }
}
