//! A configuration becomes channels, and each mistake an error that names its field and shows no secret.

use rstest::rstest;

use super::*;

fn reference(key: &str) -> SecretRef {
    SecretRef {
        name: "alerts".to_owned(),
        key: key.to_owned(),
    }
}

/// The secret of a key is what the key says; `none` is missing.
fn lookup(reference: &SecretRef) -> Option<Secret> {
    (reference.key != "none").then(|| Secret::new(reference.key.clone()))
}

fn email() -> EmailConfig {
    EmailConfig {
        host: "mail.example.com".to_owned(),
        port: None,
        security: SmtpSecurity::StartTls,
        user: Some("mesolith".to_owned()),
        password: Some(reference("hunter2")),
        ca: None,
        from: "Mesolith <mesolith@example.com>".to_owned(),
        to: vec!["ops@example.com".to_owned(), "lead@example.com".to_owned()],
        at_least: Severity::Warning,
    }
}

fn slack(url: &str) -> SlackConfig {
    SlackConfig {
        url: reference(url),
        at_least: Severity::Info,
    }
}

#[test]
fn each_entry_is_a_channel_and_no_secret_is_shown() {
    let config = Config {
        webhooks: vec![WebhookConfig {
            url: reference("https://hooks.example.com/sesame-1?key=sesame-2"),
            token: Some(reference("sesame-3")),
            at_least: Severity::Info,
        }],
        slack: vec![slack("https://hooks.slack.com/services/sesame-4")],
        pagerduty: vec![PagerDutyConfig {
            routing_key: reference("sesame-5"),
            url: None,
            at_least: Severity::Critical,
        }],
        email: Some(email()),
    };
    let resolved = config.resolve(lookup);
    assert_eq!(resolved.errors, []);
    let names: Vec<&str> = resolved.channels.iter().map(Channel::name).collect();
    assert_eq!(
        names,
        [
            "webhook-0",
            "slack-0",
            "pagerduty-0",
            "email-ops@example.com",
            "email-lead@example.com"
        ]
    );
    assert_eq!(resolved.channels[2].route().at_least, Severity::Critical);
    let shown = format!("{:?}", resolved.channels);
    assert!(!shown.contains("sesame") && !shown.contains("hunter2"), "{shown}");
    assert!(shown.contains("events.pagerduty.com"), "{shown}");
    assert_eq!(config.secrets().len(), 5);
}

#[rstest]
#[case::missing(
    slack("none"),
    "alerts.slack[0].url: there is no key none in Secret alerts; create it: kubectl create secret generic alerts --from-literal=none=..."
)]
#[case::no_url(
    slack("hooks.slack.com/sesame"),
    "alerts.slack[0].url: this is no URL: relative URL without a base; write http://host/path or https://host/path"
)]
#[case::other_scheme(
    slack("file:///sesame"),
    "alerts.slack[0].url: this is no URL: it has another scheme or no host; write http://host/path or https://host/path"
)]
fn a_wrong_channel_is_named_and_the_others_stay(#[case] wrong: SlackConfig, #[case] says: &str) {
    let config = Config {
        slack: vec![wrong, slack("https://hooks.slack.com/x")],
        ..Config::default()
    };
    let resolved = config.resolve(lookup);
    assert_eq!(resolved.channels.len(), 1);
    assert_eq!(resolved.channels[0].name(), "slack-1");
    let said: Vec<String> = resolved.errors.iter().map(ToString::to_string).collect();
    assert_eq!(said, [says]);
}

#[rstest]
#[case::half_a_login(EmailConfig { password: None, ..email() }, "alerts.email: a login is a user and a password; give both or neither")]
#[case::in_clear(EmailConfig { security: SmtpSecurity::None, ..email() }, "alerts.email.security: a password is sent over protected connections only; set security to StartTls or Tls")]
#[case::from(EmailConfig { from: "mesolith".into(), ..email() }, "alerts.email.from: 'mesolith' is no address; write name@example.com")]
#[case::to(EmailConfig { to: vec!["a b@c d".into()], ..email() }, "alerts.email.to: 'a b@c d' is no address; write name@example.com")]
fn wrong_mail_settings_are_named(#[case] email: EmailConfig, #[case] says: &str) {
    let config = Config {
        email: Some(email),
        ..Config::default()
    };
    assert_eq!(config.resolve(lookup).errors[0].to_string(), says);
}

#[test]
fn an_unknown_field_is_refused() {
    let error = serde_json::from_str::<Config>(r#"{"slak": []}"#).unwrap_err();
    assert!(error.to_string().contains("unknown field `slak`"), "{error}");
}
