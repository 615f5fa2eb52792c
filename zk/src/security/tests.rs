//! Wrong configurations, and what users are told about them.

use super::*;

fn secret() -> Credentials {
    Credentials {
        user: "me".to_owned(),
        password: "hunter2".to_owned(),
    }
}

#[test]
fn debug_shows_no_secret() {
    let security = Security {
        quorum_sasl: Some(secret()),
        client_sasl: Some(Sasl::DigestMd5(secret())),
        credentials: vec![secret()],
        ..Security::default()
    };
    let shown = format!("{security:?}");
    assert!(!shown.contains("hunter2") && shown.contains("me:***"), "{shown}");
}

#[cfg(not(feature = "kerberos"))]
#[test]
fn kerberos_is_refused_with_what_to_do() {
    let security = Security {
        client_sasl: Some(Sasl::Kerberos {
            service: "zookeeper".to_owned(),
        }),
        ..Security::default()
    };
    let error = security.connector().map(|_| ()).unwrap_err();
    assert_eq!(error.reason(), "KerberosUnsupported");
    assert!(error.to_string().contains("--features kerberos"), "{error}");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let own = rcgen::generate_simple_self_signed(vec!["a".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(vec!["b".to_owned()]).unwrap();
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = file("own.pem", &own.cert.pem());
    let key = file("own.key", &own.signing_key.serialize_pem());
    let others = file("other.key", &other.signing_key.serialize_pem());
    let empty = file("empty.pem", "");
    let check = |tls: Tls| {
        let security = Security {
            client_tls: Some(tls),
            ..Security::default()
        };
        security.check().map_err(|e| (e.reason(), e.to_string()))
    };
    let tls = || Tls::new([certificate.clone()]);
    assert_eq!(check(tls().with_identity(&certificate, &key)), Ok(()));
    let refused = [
        (Tls::new([]), "NoCertificateAuthority", "CA"),
        (
            Tls::new(["/nowhere".into()]),
            "SecurityFileUnreadable",
            "/nowhere",
        ),
        (Tls::new([empty.clone()]), "CertificateInvalid", "empty.pem"),
        (
            tls().with_identity(&empty, &key),
            "CertificateInvalid",
            "empty.pem",
        ),
        (
            tls().with_identity(&certificate, &empty),
            "PrivateKeyInvalid",
            "empty.pem",
        ),
        (
            tls().with_identity(&certificate, &others),
            "PrivateKeyInvalid",
            "other.key",
        ),
    ];
    for (tls, reason, named) in refused {
        let (found, text) = check(tls).unwrap_err();
        assert_eq!(found, reason, "{text}");
        assert!(text.contains(named), "{text}");
    }
}
