//! An ensemble that knows its clients by Kerberos: a real KDC, keytabs, and the program as a service would be started.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mesolith_testkit_zookeeper::{Ensemble, Setup};
use tempfile::TempDir;
use zookeeper_client::{Acl, Acls, AuthId, Client, CreateMode, Error, Permission};

use crate::sync::{Program, setup};

const REALM: &str = "MESOLITH.TEST";

/// A key distribution center of its own, with the principals of a server and of the engine.
struct Kdc {
    dir: TempDir,
    process: Child,
}

impl Drop for Kdc {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Kdc {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().display();
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let client = format!(
            "[libdefaults]\n default_realm = {REALM}\n dns_lookup_kdc = false\n dns_lookup_realm = false\n \
             dns_canonicalize_hostname = false\n rdns = false\n udp_preference_limit = 1\n\
             [realms]\n {REALM} = {{\n  kdc = 127.0.0.1:{port}\n }}\n"
        );
        let server = format!(
            "[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n\
             [realms]\n {REALM} = {{\n  database_name = {at}/principal\n  key_stash_file = {at}/stash\n  \
             acl_file = {at}/acl\n }}\n"
        );
        std::fs::write(dir.path().join("krb5.conf"), client).unwrap();
        std::fs::write(dir.path().join("kdc.conf"), server).unwrap();
        let tool = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
            command
                .env("KRB5_CONFIG", dir.path().join("krb5.conf"))
                .env("KRB5_KDC_PROFILE", dir.path().join("kdc.conf"));
            command
        };
        let run = |program: &str, arguments: &[&str]| {
            let status = tool(program, arguments).status();
            let status = status.expect("apt-get install krb5-kdc krb5-admin-server");
            assert!(status.success(), "{program} {arguments:?}: {status}");
        };
        run(
            "/usr/sbin/kdb5_util",
            &["create", "-s", "-r", REALM, "-P", "of the database"],
        );
        for (principal, keytab) in [("zookeeper/127.0.0.1", "server"), ("engine", "engine")] {
            let keytab = format!("{at}/{keytab}.keytab");
            run(
                "/usr/sbin/kadmin.local",
                &["-q", &format!("addprinc -randkey {principal}")],
            );
            run(
                "/usr/sbin/kadmin.local",
                &["-q", &format!("ktadd -k {keytab} {principal}")],
            );
        }
        let process = tool("/usr/sbin/krb5kdc", &["-n", "-r", REALM]).spawn().unwrap();
        let kdc = Self { dir, process };
        kdc.wait(port);
        kdc
    }

    fn wait(&self, port: u16) {
        let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(std::time::Instant::now() < until, "the KDC does not listen");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A server whose clients may log in.
    fn server(&self, first_id: usize) -> Setup {
        let jaas = self.file("jaas.conf");
        let text = format!(
            "Server {{\n com.sun.security.auth.module.Krb5LoginModule required\n useKeyTab=true storeKey=true \
             useTicketCache=false\n keyTab=\"{}\"\n principal=\"zookeeper/127.0.0.1\";\n}};\n",
            self.file("server.keytab").display()
        );
        std::fs::write(&jaas, text).unwrap();
        let mut setup = setup(first_id);
        setup.jvm.extend([
            format!("-Djava.security.auth.login.config={}", jaas.display()),
            format!("-Djava.security.krb5.conf={}", self.file("krb5.conf").display()),
        ]);
        setup.config =
            "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n".to_owned();
        setup
    }

    /// The environment of a service that logs in by itself.
    fn environment(&self, keytab: &Path) -> Vec<(String, String)> {
        [
            ("KRB5_CONFIG", self.file("krb5.conf")),
            ("KRB5_CLIENT_KTNAME", keytab.to_owned()),
            ("KRB5CCNAME", self.file("tickets")),
        ]
        .map(|(name, path)| (name.to_owned(), path.display().to_string()))
        .into()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_kerberos_user_may_read_is_replicated() {
    let kdc = Kdc::start();
    let (a, b) = tokio::join!(
        Ensemble::start_with(1, kdc.server(1), |_| ()),
        Ensemble::start_with(1, kdc.server(101), |_| ())
    );
    let on_a = Client::connect(&a.connect_string()).await.unwrap();
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    on_a.create("/app", b"", &open).await.unwrap();
    let owner = Acl::new(Permission::ALL, AuthId::new("sasl", &format!("engine@{REALM}")));
    let closed = CreateMode::Persistent.with_acls(Acls::new(std::slice::from_ref(&owner)));
    on_a.create("/app/secret", b"of the engine", &closed)
        .await
        .unwrap();
    let ends = [
        format!("--source={}", a.server(1)),
        format!("--target={}", b.server(1)),
        "--source-sasl=kerberos".to_owned(),
        "--target-sasl=kerberos".to_owned(),
    ];
    let line = |verb: &'static str| {
        let given = ends.iter().map(String::as_str);
        [verb, "--paths=/app"]
            .into_iter()
            .chain(given)
            .collect::<Vec<_>>()
    };

    // Without a keytab it waits for a ticket, and says so.
    let stranger = Program::with(kdc.environment(&kdc.file("no.keytab")));
    let waits = stranger.run(&[line("start"), vec!["--timeout=5s"]].concat());
    assert_eq!(waits.code, 4);
    assert!(
        waits
            .notes
            .contains("the Kerberos login failed; is there a ticket"),
        "{}",
        waits.notes
    );

    let program = Program::with(kdc.environment(&kdc.file("engine.keytab")));
    program.good(&line("start"));
    assert_eq!(program.status()["state"], "in-sync");
    // Both sides are read with the ticket. B shows it to nobody else, as A does.
    assert!(program.good(&["diff"]).contains("equal"));
    let on_b = Client::connect(&b.connect_string()).await.unwrap();
    assert!(matches!(on_b.get_data("/app/secret").await, Err(Error::NoAuth)));
}
