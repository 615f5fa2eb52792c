//! `spec.alerts` as the settings of channels. Pure.

use mesolith_crds::Reason;
use mesolith_crds::v1alpha1::zk_migration::{Alerts, SecretKeyRef, SmtpSecurity as CrdSecurity};
use mesolith_notify::{
    Config, EmailConfig, PagerDutyConfig, SecretRef, Severity, SlackConfig, SmtpSecurity, WebhookConfig,
};

use super::undelivered::Undelivered;

/// The channels that were asked for, and why one of them cannot be. PagerDuty calls people, so it gets what is critical;
/// the others get everything.
pub(super) fn config(alerts: &Alerts) -> (Config, Option<Undelivered>) {
    let webhook = alerts.webhook.as_ref().map(|url| WebhookConfig {
        url: reference(url),
        token: alerts.webhook_token.as_ref().map(reference),
        at_least: Severity::Info,
    });
    let slack = alerts.slack_webhook.as_ref().map(|url| SlackConfig {
        url: reference(url),
        at_least: Severity::Info,
    });
    let pagerduty = alerts
        .pagerduty_integration_key
        .as_ref()
        .map(|key| PagerDutyConfig {
            routing_key: reference(key),
            url: alerts.pagerduty_url.clone(),
            at_least: Severity::Critical,
        });
    let email = alerts.smtp.as_ref().map(|smtp| EmailConfig {
        host: smtp.host.clone(),
        port: smtp.port,
        security: match smtp.security {
            CrdSecurity::StartTls => SmtpSecurity::StartTls,
            CrdSecurity::Tls => SmtpSecurity::Tls,
            CrdSecurity::None => SmtpSecurity::None,
        },
        user: smtp.user.clone(),
        password: smtp.password.as_ref().map(reference),
        ca: smtp.ca.as_ref().map(reference),
        from: smtp.from.clone(),
        to: alerts.email.clone(),
        at_least: Severity::Info,
    });
    let nobody_carries = (email.is_none() && !alerts.email.is_empty()).then(|| Undelivered {
        reason: Reason::NoMailServer,
        message: "spec.alerts.email has addresses, and no server takes mail for them: set spec.alerts.smtp"
            .to_owned(),
    });
    let config = Config {
        webhooks: webhook.into_iter().collect(),
        slack: slack.into_iter().collect(),
        pagerduty: pagerduty.into_iter().collect(),
        email,
    };
    (config, nobody_carries)
}

fn reference(secret: &SecretKeyRef) -> SecretRef {
    SecretRef {
        name: secret.name.clone(),
        key: secret.key.clone(),
    }
}
