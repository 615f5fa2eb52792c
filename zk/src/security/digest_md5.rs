//! The client side of DIGEST-MD5 (RFC 2831), without security layers. Quorum ports use it.

use std::collections::HashMap;
use std::fmt::Write as _;

use md5::{Digest, Md5};

use crate::Credentials;

/// The exchange cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("the server's SASL challenge is not understood: {0}")]
    Challenge(&'static str),
    #[error("the server does not know the password: it may be another server than it says")]
    Server,
}

/// The answer to a challenge, and the proof that the server must send afterwards.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) text: String,
    proof: String,
}

/// Answers a challenge of a service on a host.
pub(crate) fn respond(
    challenge: &[u8],
    credentials: &Credentials,
    service: &str,
    host: &str,
    cnonce: &str,
) -> Result<Response, Error> {
    let directives = directives(challenge).ok_or(Error::Challenge("it is no list of directives"))?;
    let get = |name: &str| directives.get(name).map(String::as_str);
    let nonce = get("nonce").ok_or(Error::Challenge("it has no nonce"))?;
    if get("algorithm") != Some("md5-sess") {
        return Err(Error::Challenge("its algorithm is not md5-sess"));
    }
    if get("qop").is_some_and(|q| !q.split(',').any(|q| q.trim() == "auth")) {
        return Err(Error::Challenge(
            "it wants every message signed, which quorum ports do not",
        ));
    }
    let realm = get("realm").unwrap_or_default();
    let utf8 = get("charset") == Some("utf-8");
    let uri = format!("{service}/{host}");
    let Credentials { user, password } = credentials;

    let mut secret = Md5::new();
    secret.update(hashed_text(user));
    secret.update(b":");
    secret.update(hashed_text(realm));
    secret.update(b":");
    secret.update(hashed_text(password));
    let mut a1 = Md5::new();
    a1.update(secret.finalize());
    a1.update(format!(":{nonce}:{cnonce}"));
    let a1 = hex(&a1.finalize());
    let proof = |a2: &str| {
        let a2 = hex(&Md5::digest(a2));
        hex(&Md5::digest(format!("{a1}:{nonce}:00000001:{cnonce}:auth:{a2}")))
    };
    let response = proof(&format!("AUTHENTICATE:{uri}"));

    let mut text = String::new();
    if utf8 {
        text += "charset=utf-8,";
    }
    let (user, realm) = (quoted(user), quoted(realm));
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "username={user},realm={realm},nonce={},nc=00000001,cnonce={},digest-uri={},maxbuf=65536,response={response},\
         qop=auth",
        quoted(nonce),
        quoted(cnonce),
        quoted(&uri)
    );
    Ok(Response {
        text,
        proof: proof(&format!(":{uri}")),
    })
}

impl Response {
    /// Whether the server's proof shows that it knows the password too.
    pub(crate) fn check(&self, last: &[u8]) -> Result<(), Error> {
        let directives =
            directives(last).ok_or(Error::Challenge("its last word is no list of directives"))?;
        match directives.get("rspauth") {
            Some(proof) if *proof == self.proof => Ok(()),
            _ => Err(Error::Server),
        }
    }
}

/// A nonce, as text.
pub(crate) fn nonce() -> Result<String, Error> {
    let mut bytes = [0; 24];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| Error::Challenge("this machine has no random numbers for the answer"))?;
    Ok(hex(&bytes))
}

/// Text in ISO 8859-1 if that is possible, otherwise in UTF-8. Both sides must hash the same bytes.
fn hashed_text(text: &str) -> Vec<u8> {
    let narrow: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
    narrow.unwrap_or_else(|_| text.as_bytes().to_vec())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Parses `name=value,name="quoted value"`. Of several realms the first one counts.
fn directives(bytes: &[u8]) -> Option<HashMap<String, String>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut found = HashMap::new();
    let mut rest = text.trim_matches([' ', ',', '\0']);
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('"') {
            Some(inner) => unquoted(inner)?,
            None => match after.split_once(',') {
                Some((value, left)) => (value.trim().to_owned(), left),
                None => (after.trim().to_owned(), ""),
            },
        };
        found.entry(name.trim().to_ascii_lowercase()).or_insert(value);
        rest = left.trim_start_matches([' ', ',']);
    }
    Some(found)
}

/// The text before the closing quote, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn chris() -> Credentials {
        Credentials {
            user: "chris".to_owned(),
            password: "secret".to_owned(),
        }
    }

    /// The example of RFC 2831, section 4.
    #[test]
    fn answers_as_the_standard_does() {
        let challenge = br#"realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8"#;
        let response = respond(
            challenge,
            &chris(),
            "imap",
            "elwood.innosoft.com",
            "OA6MHXh6VqTrRk",
        )
        .unwrap();
        assert!(
            response
                .text
                .contains("response=d388dad90d4bbd760a152321f2143af7"),
            "{}",
            response.text
        );
        response
            .check(b"rspauth=ea40f60335c427b5527b84dbabcdfffd")
            .unwrap();
        assert_eq!(
            response.check(b"rspauth=ea40f60335c427b5527b84dbabcdfffe"),
            Err(Error::Server)
        );
        assert!(!response.text.contains("secret"));
    }

    #[test]
    fn quotes_and_wide_letters_are_carried() {
        let found = directives(br#"a="x,\"y\\", B = z,, realm="one",realm="two""#).unwrap();
        assert_eq!((found["a"].as_str(), found["b"].as_str()), ("x,\"y\\", "z"));
        assert_eq!(found["realm"], "one");
        assert_eq!(hashed_text("ä"), [0xe4]);
        assert_eq!(hashed_text("ж"), "ж".as_bytes());
        assert_eq!(quoted("a\"b"), "\"a\\\"b\"");
    }

    proptest! {
        #[test]
        fn arbitrary_challenges_never_panic(bytes: Vec<u8>, text in "[a-z=\",\\\\ ]{0,60}") {
            for challenge in [bytes.as_slice(), text.as_bytes()] {
                let _ = respond(challenge, &chris(), "s", "h", "c");
            }
            let fine = respond(br#"nonce="n",algorithm=md5-sess"#, &chris(), "s", "h", "c").unwrap();
            let _ = fine.check(&bytes);
        }
    }
}
