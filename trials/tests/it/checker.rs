//! The comparison finds every kind of difference. Each is made on a real server and must be the only one that is
//! reported.

use std::time::Duration;

use mesolith_testkit_zookeeper::Ensemble;
use mesolith_trials::checker::{Expected, compare, lost, read};
use mesolith_trials::client::{OPEN, connect};
use mesolith_trials::version::PACKAGED;
use zookeeper_client::{Acl, Acls, AuthId, Client, CreateMode, Permission};

/// Makes the same nodes below each of two roots.
async fn plant(client: &Client, root: &str) {
    client.create(root, b"", &OPEN).await.unwrap();
    for name in ["plain", "set", "acl", "counted"] {
        client
            .create(&format!("{root}/{name}"), b"1", &OPEN)
            .await
            .unwrap();
    }
    client
        .create(&format!("{root}/counted/child"), b"", &OPEN)
        .await
        .unwrap();
    let ephemeral = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    client
        .create(&format!("{root}/mine"), b"", &ephemeral)
        .await
        .unwrap();
}

async fn fields(client: &Client, a: &str, b: &str) -> Vec<(String, &'static str)> {
    let a = read(client, a, &[]).await.unwrap();
    let b = read(client, b, &[]).await.unwrap();
    compare(&a, &b)
        .into_iter()
        .map(|found| (found.path, found.field))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn finds_each_planted_difference() {
    let ensemble = Ensemble::start(1).await;
    let client = connect(&ensemble.connect_string(), PACKAGED, Duration::from_secs(30))
        .await
        .unwrap();
    let other = connect(&ensemble.connect_string(), PACKAGED, Duration::from_secs(30))
        .await
        .unwrap();
    plant(&client, "/a").await;
    plant(&client, "/b").await;
    assert_eq!(fields(&client, "/a", "/b").await, []);
    let found = |path: &str, field| (path.to_owned(), field);

    // Other data, which also changes the version; then the version alone.
    client.set_data("/b/set", b"2", None).await.unwrap();
    assert_eq!(
        fields(&client, "/a", "/b").await,
        [found("/set", "data"), found("/set", "version")]
    );
    client.set_data("/a/set", b"2", None).await.unwrap();
    client.set_data("/b/set", b"2", None).await.unwrap();
    assert_eq!(fields(&client, "/a", "/b").await, [found("/set", "version")]);
    client.set_data("/a/set", b"2", None).await.unwrap();
    assert_eq!(fields(&client, "/a", "/b").await, []);

    // The ACL; then the number of times that it was set.
    let list = [
        Acl::new(Permission::ALL, AuthId::anyone()),
        Acl::new(Permission::READ, AuthId::new("ip", "192.0.2.1")),
    ];
    client.set_acl("/b/acl", &list, None).await.unwrap();
    assert_eq!(
        fields(&client, "/a", "/b").await,
        [found("/acl", "acl"), found("/acl", "aversion")]
    );
    client.set_acl("/b/acl", &Acls::anyone_all(), None).await.unwrap();
    assert_eq!(fields(&client, "/a", "/b").await, [found("/acl", "aversion")]);
    for _ in 0..2 {
        client.set_acl("/a/acl", &Acls::anyone_all(), None).await.unwrap();
    }
    assert_eq!(fields(&client, "/a", "/b").await, []);

    // Only the permissions: the same identity may do less.
    let less = [Acl::new(Permission::READ | Permission::ADMIN, AuthId::anyone())];
    client.set_acl("/a/acl", &less, None).await.unwrap();
    client.set_acl("/b/acl", &Acls::anyone_all(), None).await.unwrap();
    assert_eq!(fields(&client, "/a", "/b").await, [found("/acl", "acl")]);
    for root in ["/a", "/b"] {
        client.set_acl(&format!("{root}/acl"), &less, None).await.unwrap();
    }
    assert_eq!(fields(&client, "/a", "/b").await, []);

    // The counter of children, with the same children.
    client.create("/b/counted/gone", b"", &OPEN).await.unwrap();
    client.delete("/b/counted/gone", None).await.unwrap();
    assert_eq!(fields(&client, "/a", "/b").await, [found("/counted", "cversion")]);
    client.create("/a/counted/gone", b"", &OPEN).await.unwrap();
    client.delete("/a/counted/gone", None).await.unwrap();

    // A node on one side only, each way.
    client.create("/b/plain/more", b"", &OPEN).await.unwrap();
    let more = [
        found("/plain", "cversion"),
        found("/plain", "children"),
        found("/plain/more", "node"),
    ];
    assert_eq!(fields(&client, "/a", "/b").await, more);
    assert_eq!(fields(&client, "/b", "/a").await, more);
    client.create("/a/plain/more", b"", &OPEN).await.unwrap();

    // Another owner: the same node of another session.
    client.delete("/b/mine", None).await.unwrap();
    client.delete("/a/mine", None).await.unwrap();
    let ephemeral = CreateMode::Ephemeral.with_acls(Acls::anyone_all());
    client.create("/a/mine", b"", &ephemeral).await.unwrap();
    other.create("/b/mine", b"", &ephemeral).await.unwrap();
    assert_eq!(fields(&client, "/a", "/b").await, [found("/mine", "owner")]);
    client.delete("/b/mine", None).await.unwrap();
    client.delete("/a/mine", None).await.unwrap();
    assert_eq!(fields(&client, "/a", "/b").await, []);

    // An acknowledged write that is missing.
    let tree = read(&client, "/a", &[]).await.unwrap();
    let value = |text: &str| Some(text.as_bytes().to_vec());
    let expected: Expected = [
        ("/set".to_owned(), vec![value("2")]),
        ("/plain".to_owned(), vec![value("2"), value("1")]),
        ("/gone".to_owned(), vec![None]),
    ]
    .into();
    assert_eq!(lost(&expected, &tree), []);
    let expected: Expected = [
        ("/set".to_owned(), vec![value("3")]),
        ("/never".to_owned(), vec![value("x")]),
        ("/plain".to_owned(), vec![None]),
    ]
    .into();
    assert_eq!(lost(&expected, &tree).len(), 3);
}
