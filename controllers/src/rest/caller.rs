//! Who calls, and what the caller may do: the API server decides both.

use super::Rest;
use super::answer::{Answer, Problem};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec, UserInfo};
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::Client;
use kube::api::{Api, PostParams};
use mesolith_secret::Secret;

/// A caller whose token the API server knows.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The name by which approvals are signed.
    pub(super) name: String,
    user: UserInfo,
    token: Secret,
}

/// What a request touches.
#[derive(Debug, Clone)]
pub(super) struct Wish<'a> {
    /// A verb of Kubernetes.
    pub(super) verb: &'static str,
    /// Where.
    pub(super) namespace: &'a str,
    /// Which; none for all of them.
    pub(super) name: Option<&'a str>,
}

impl FromRequestParts<Rest> for Caller {
    type Rejection = Box<Problem>;

    async fn from_request_parts(parts: &mut Parts, rest: &Rest) -> Result<Self, Self::Rejection> {
        let given = parts.headers.get(header::AUTHORIZATION);
        let token = given.and_then(|value| value.to_str().ok()).and_then(bearer);
        let token = token.ok_or_else(|| {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "TokenMissing",
                "send a bearer token of the Kubernetes API: Authorization: Bearer $(kubectl create token NAME)",
            )
        })?;
        Self::review(&rest.kubernetes.own, Secret::new(token)).await
    }
}

/// The token of `Bearer TOKEN`.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// A name of Kubernetes (RFC 1123).
fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    let ends = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= 253 && text.chars().all(plain) && text.starts_with(ends) && text.ends_with(ends)
}

impl Caller {
    async fn review(client: &Client, token: Secret) -> Answer<Self> {
        let reviews: Api<TokenReview> = Api::all(client.clone());
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: Some(token.expose().to_owned()),
                ..TokenReviewSpec::default()
            },
            ..TokenReview::default()
        };
        let answer = reviews.create(&PostParams::default(), &review).await;
        let answer = answer.map_err(|error| own_trouble("check the token", &error))?;
        let status = answer.status.unwrap_or_default();
        let known = status.authenticated.unwrap_or_default();
        let user = status.user.filter(|_| known);
        let named = user.and_then(|user| Some((user.username.clone()?, user)));
        let (name, user) = named.ok_or_else(|| {
            Problem::new(
                StatusCode::UNAUTHORIZED,
                "TokenUnknown",
                "the API server does not take this token: it has expired, or is for another audience",
            )
        })?;
        Ok(Self { name, user, token })
    }

    /// Whether the caller may do that.
    pub(super) async fn may(&self, rest: &Rest, wish: &Wish<'_>) -> Answer<()> {
        // Names become parts of addresses: what is no name must not reach the API server as a path or a query.
        if let Some(odd) = [Some(wish.namespace), wish.name]
            .into_iter()
            .flatten()
            .find(|name| !is_name(name))
        {
            return Err(Box::new(Problem::bad(
                "InvalidName",
                format!("{odd:?} is no name: small letters, digits, dashes and dots"),
            )));
        }
        let reviews: Api<SubjectAccessReview> = Api::all(rest.kubernetes.own.clone());
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: self.user.username.clone(),
                groups: self.user.groups.clone(),
                uid: self.user.uid.clone(),
                extra: self.user.extra.clone(),
                resource_attributes: Some(ResourceAttributes {
                    group: Some(mesolith_crds::GROUP.to_owned()),
                    resource: Some("zkmigrations".to_owned()),
                    verb: Some(wish.verb.to_owned()),
                    namespace: Some(wish.namespace.to_owned()),
                    name: wish.name.map(str::to_owned),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let answer = reviews.create(&PostParams::default(), &review).await;
        let answer = answer.map_err(|error| own_trouble("check the caller's rights", &error))?;
        if answer.status.is_some_and(|status| status.allowed) {
            return Ok(());
        }
        let object = wish.name.map(|name| format!(" {name}")).unwrap_or_default();
        Err(Box::new(Problem::new(
            StatusCode::FORBIDDEN,
            "Forbidden",
            format!(
                "{} may not {} zkmigrations{object} in namespace {}: a Role with that verb has to be given",
                self.name, wish.verb, wish.namespace
            ),
        )))
    }

    /// The same, with a look at whether the token still holds.
    pub(super) async fn still_may(&self, rest: &Rest, wish: &Wish<'_>) -> Answer<()> {
        let again = Self::review(&rest.kubernetes.own, self.token.clone()).await?;
        again.may(rest, wish).await
    }

    /// Writes as the caller.
    pub(super) fn client(&self, rest: &Rest) -> Answer<Client> {
        rest.kubernetes.with_token(&self.token)
    }
}

/// The operator itself may not ask: that is no fault of the caller.
fn own_trouble(what: &str, error: &kube::Error) -> Problem {
    let problem = Problem::kubernetes(what, error);
    Problem {
        status: StatusCode::SERVICE_UNAVAILABLE,
        ..problem
    }
}

#[cfg(test)]
mod tests {
    use super::{bearer, is_name};

    #[test]
    fn only_names_are_names() {
        assert!(is_name("mig-001") && is_name("prod.zk"));
        for text in [
            "",
            "a/b",
            "..",
            "a?watch=true",
            "A",
            "a b",
            "-a",
            &"a".repeat(254),
        ] {
            assert!(!is_name(text), "{text}");
        }
    }

    #[test]
    fn only_bearer_tokens_are_tokens() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        for header in ["Basic abc", "Bearer", "Bearer ", "abc"] {
            assert_eq!(bearer(header), None, "{header}");
        }
    }
}
