//! What is issued, and what is not.

use std::time::{Duration, SystemTime};

use mesolith_pki::{
    Authority, AuthorityError, CertificateFacts, CertificateRequest, Identity, Material, Role,
};

use crate::world::{issue, request};

#[test]
fn a_certificate_says_who_and_where_and_until_when() {
    let ca = Authority::create("prod").unwrap();
    let facts = CertificateFacts::from_pem(&issue(&ca, Role::Node, "n1").cert).unwrap();
    assert_eq!(facts.identity, Some(Identity::new(Role::Node, "n1").unwrap()));
    assert_eq!(facts.addresses, ["127.0.0.1", "localhost"]);
    assert!(!facts.is_authority);
    assert!(facts.not_after > SystemTime::now() + Duration::from_secs(89 * 24 * 3600));
    assert!(CertificateFacts::from_pem(ca.cert_pem()).unwrap().is_authority);
}

#[test]
fn renewal_is_due_when_a_third_is_left() {
    let ca = Authority::create("prod").unwrap();
    let facts = CertificateFacts::from_pem(&issue(&ca, Role::Node, "n1").cert).unwrap();
    let life = facts.not_after.duration_since(facts.not_before).unwrap();
    assert!(!facts.needs_renewal(facts.not_before + life / 2));
    assert!(facts.needs_renewal(facts.not_after - life / 4));
    assert!(facts.needs_renewal(facts.not_after + life));
}

#[test]
fn a_stored_authority_issues_as_the_one_that_was_stored() {
    let ca = Authority::create("prod").unwrap();
    let stored = Authority::from_pem(ca.cert_pem(), &ca.key_pem()).unwrap();
    let facts = CertificateFacts::from_pem(&issue(&stored, Role::Node, "n1").cert).unwrap();
    assert_eq!(
        facts.issuer,
        CertificateFacts::from_pem(ca.cert_pem()).unwrap().subject
    );
    let other = Authority::create("prod").unwrap();
    let mixed = Authority::from_pem(ca.cert_pem(), &other.key_pem());
    assert!(matches!(mixed, Err(AuthorityError::KeyMismatch)));
}

#[test]
fn what_is_not_an_address_or_a_request_is_refused() {
    let ca = Authority::create("prod").unwrap();
    let bad = CertificateRequest::new(Identity::new(Role::Node, "n1").unwrap(), ["192.0.2.1:7070"]);
    let error = ca.issue(&bad).unwrap_err();
    assert_eq!(
        error.to_string(),
        "'192.0.2.1:7070' is neither an IP address nor a host name; give it without a port"
    );
    assert!(matches!(
        ca.sign("garbage", &request(Role::Node, "n1")),
        Err(AuthorityError::ReadRequest(_))
    ));
}

#[test]
fn a_debug_print_never_shows_a_key() {
    let material: Material = issue(&Authority::create("prod").unwrap(), Role::Node, "n1");
    assert!(!format!("{material:?}").contains("PRIVATE KEY"));
}
