//! E-mail through a real SMTP server (aiosmtpd): in the clear, with STARTTLS and login, and with TLS from the start.

use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use mesolith_notify::{Config, EmailConfig, Failure, Severity, SmtpSecurity};
use mesolith_pki::{Authority, CertificateRequest, Identity, Role};
use serde_json::Value;

use crate::{Rounds, lag, reference};

const SERVER: &str = include_str!("smtp.py");

/// The server; it ends with the test.
struct Server {
    child: Child,
    /// What it prints.
    lines: Receiver<String>,
    /// Ports by kind: clear, starttls, tls.
    ports: Value,
    ca: String,
    _dir: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::create("mail").unwrap();
        let names = [Ipv4Addr::LOCALHOST.to_string(), "localhost".to_owned()];
        let identity = Identity::new(Role::Node, "mail").unwrap();
        let material = authority
            .issue(&CertificateRequest::new(identity, names))
            .unwrap();
        let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
        std::fs::write(&cert, &material.cert).unwrap();
        std::fs::write(&key, &material.key).unwrap();
        // Debian's own Python: another one on the PATH does not have Debian's packages.
        let mut child = Command::new("/usr/bin/python3")
            .args(["-", &cert.to_string_lossy(), &key.to_string_lossy()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("/usr/bin/python3 (Debian package python3)");
        child.stdin.take().unwrap().write_all(SERVER.as_bytes()).unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap());
        let (to_test, lines) = channel();
        std::thread::spawn(move || {
            for line in printed.lines().map_while(Result::ok) {
                if to_test.send(line).is_err() {
                    return;
                }
            }
        });
        let first = next(&lines, "the ports of aiosmtpd (Debian package python3-aiosmtpd)");
        Self {
            child,
            lines,
            ports: serde_json::from_str(&first).unwrap(),
            ca: authority.cert_pem().to_owned(),
            _dir: dir,
        }
    }

    fn config(&self, kind: &str, security: SmtpSecurity) -> EmailConfig {
        let login = security != SmtpSecurity::None;
        EmailConfig {
            host: "localhost".to_owned(),
            port: Some(u16::try_from(self.ports[kind].as_u64().unwrap()).unwrap()),
            security,
            user: login.then(|| "mesolith".to_owned()),
            password: login.then(|| reference("sesame")),
            ca: login.then(|| reference(&self.ca)),
            from: "Mesolith <mesolith@example.com>".to_owned(),
            to: vec!["ops@example.com".to_owned()],
            at_least: Severity::Info,
        }
    }

    /// The next mail that it took.
    fn mail(&self) -> Value {
        serde_json::from_str(&next(&self.lines, "a mail")).unwrap()
    }
}

fn next(lines: &Receiver<String>, what: &str) -> String {
    let line = lines.recv_timeout(Duration::from_secs(30));
    line.unwrap_or_else(|problem| panic!("waited 30 s for {what}: {problem}"))
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rounds(email: EmailConfig) -> Rounds {
    Rounds::new(Config {
        email: Some(email),
        ..Config::default()
    })
}

#[tokio::test]
async fn mail_arrives_over_every_kind_of_connection() {
    let server = Server::start();
    for (kind, security, tls, user) in [
        ("clear", SmtpSecurity::None, false, Value::Null),
        ("starttls", SmtpSecurity::StartTls, true, "mesolith".into()),
        ("tls", SmtpSecurity::Tls, true, "mesolith".into()),
    ] {
        rounds(server.config(kind, security)).come_and_go(lag()).await;
        let (began, ended) = (server.mail(), server.mail());
        assert_eq!((&began["tls"], &began["user"]), (&tls.into(), &user), "{kind}");
        assert_eq!(began["from"], "mesolith@example.com");
        assert_eq!(began["to"], serde_json::json!(["ops@example.com"]));
        let header = |mail: &Value, name: &str| mail["headers"][name].as_str().unwrap_or_default().to_owned();
        assert_eq!(header(&began, "From"), "Mesolith <mesolith@example.com>");
        assert_eq!(header(&began, "To"), "ops@example.com");
        assert_eq!(
            header(&began, "Subject"),
            "[CRITICAL] P95 lag is 512 ms, above 100 ms; see <sync status> & the engine's log"
        );
        assert!(header(&ended, "Subject").starts_with("[RESOLVED] P95 lag is 512 ms"));
        assert_eq!(header(&began, "Auto-Submitted"), "auto-generated");
        assert_eq!(header(&began, "References"), header(&ended, "References"));
        assert_ne!(header(&began, "Message-ID"), header(&ended, "Message-ID"));
        assert!(!header(&began, "Date").is_empty());
        assert_eq!(
            began["body"],
            "[CRITICAL] P95 lag is 512 ms, above 100 ms; see <sync status> & the engine's log\n\n\
             Source: ZkMigration default/prod\nReason: SyncLagHigh\nSince: 2026-03-01T10:00:00Z\n\
             At: 2026-03-01T10:00:05Z\nlagP95: 512 ms\nphase: DeployMasters\n"
        );
    }
}

#[tokio::test]
async fn an_address_that_does_not_exist_is_nobody_elses_problem() {
    let server = Server::start();
    let email = EmailConfig {
        to: vec!["nobody@example.com".to_owned(), "ops@example.com".to_owned()],
        ..server.config("starttls", SmtpSecurity::StartTls)
    };
    let mut rounds = rounds(email);
    let reports = rounds.at("2026-03-01T10:00:05Z", &[lag()]).await;
    assert_eq!(reports.len(), 2);
    assert_eq!(server.mail()["to"], serde_json::json!(["ops@example.com"]));
    let failing = rounds.state.failing();
    assert_eq!(failing.len(), 1);
    let failure = &failing["email-nobody@example.com"].failure;
    assert_eq!(failure.reason(), "MessageRefused");
    assert!(failure.to_string().ends_with("(550): no such user"), "{failure}");
}

#[tokio::test]
async fn a_wrong_password_and_a_server_without_tls_are_told_apart() {
    let server = Server::start();
    let wrong = EmailConfig {
        password: Some(reference("open")),
        ..server.config("starttls", SmtpSecurity::StartTls)
    };
    // The port in the clear offers no STARTTLS: the password must not go there.
    let plain = EmailConfig {
        port: server.config("clear", SmtpSecurity::None).port,
        ..server.config("starttls", SmtpSecurity::StartTls)
    };
    let stranger = EmailConfig {
        ca: None,
        ..server.config("tls", SmtpSecurity::Tls)
    };
    let mut failures = Vec::new();
    for email in [wrong, plain, stranger] {
        let mut reports = rounds(email).at("2026-03-01T10:00:05Z", &[lag()]).await;
        failures.push(reports.remove(0).result.unwrap_err());
    }
    assert!(
        matches!(&failures[0], Failure::Denied { code: 535, .. }),
        "{failures:?}"
    );
    assert!(
        matches!(&failures[1], Failure::Unreachable { .. }),
        "{failures:?}"
    );
    assert!(
        matches!(&failures[2], Failure::Unreachable { .. }),
        "{failures:?}"
    );
}
