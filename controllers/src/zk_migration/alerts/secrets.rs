//! Secrets of Kubernetes, as the channels of alerts name them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::FutureExt;
use k8s_openapi::api::core::v1::Secret as Stored;
use kube::{Api, Client};
use mesolith_notify::SecretRef;
use mesolith_secret::Secret;

use super::deliver::Secrets;
use crate::outcome::chain;

/// Reads them from the API server.
pub(in super::super) fn reader(client: Client) -> Secrets {
    Arc::new(move |namespace, named| read(client.clone(), namespace, named).boxed())
}

async fn read(
    client: Client,
    namespace: String,
    named: Vec<SecretRef>,
) -> Result<BTreeMap<SecretRef, Secret>, String> {
    let api: Api<Stored> = Api::namespaced(client, &namespace);
    let names: BTreeSet<&str> = named.iter().map(|reference| reference.name.as_str()).collect();
    let mut values = BTreeMap::new();
    for name in names {
        let stored = api.get_opt(name).await;
        let stored =
            stored.map_err(|error| format!("Secret {namespace}/{name} cannot be read: {}", chain(&error)))?;
        if let Some(stored) = stored {
            values.extend(values_of(&stored, name, &named));
        }
    }
    Ok(values)
}

/// The named keys that one Secret has. Without the line end that a file leaves behind.
fn values_of<'a>(
    stored: &'a Stored,
    name: &'a str,
    named: &'a [SecretRef],
) -> impl Iterator<Item = (SecretRef, Secret)> + 'a {
    let wanted = named.iter().filter(move |reference| reference.name == name);
    wanted.filter_map(|reference| {
        let bytes = stored.data.as_ref()?.get(&reference.key)?;
        let text = std::str::from_utf8(&bytes.0).ok()?;
        Some((
            reference.clone(),
            Secret::new(text.trim_end_matches(['\r', '\n'])),
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::ByteString;

    #[test]
    fn keys_are_found_and_lose_their_line_end() {
        let stored = Stored {
            data: Some(BTreeMap::from([
                (
                    "url".to_owned(),
                    ByteString(b"https://hooks.example.com/x\n".to_vec()),
                ),
                ("bytes".to_owned(), ByteString(vec![0xff])),
            ])),
            ..Stored::default()
        };
        let named =
            [("a", "url"), ("a", "none"), ("a", "bytes"), ("b", "url")].map(|(name, key)| SecretRef {
                name: name.to_owned(),
                key: key.to_owned(),
            });
        let found: Vec<(SecretRef, Secret)> = values_of(&stored, "a", &named).collect();
        assert_eq!(
            found,
            [(named[0].clone(), Secret::new("https://hooks.example.com/x"))]
        );
    }
}
