//! Writes of all kinds through a client, and a comparison of a tree with what a client reads.

use std::time::Duration;

use mesolith_zk::tree::Tree;
use zookeeper_client::{Acl, Acls, AuthId, Client, CreateMode, Permission, Stat};

/// What a server's version can do.
#[derive(Clone, Copy)]
pub struct Abilities {
    /// Container nodes (3.5+).
    pub containers: bool,
    /// TTL nodes (3.5.3+ with extended types).
    pub ttl: bool,
}

pub const ALL: Abilities = Abilities {
    containers: true,
    ttl: true,
};

/// A client that works with every version.
pub async fn connect(servers: &str, old: bool) -> Client {
    let mut connector = Client::connector().with_session_timeout(Duration::from_secs(30));
    if old {
        connector = connector.with_server_version(3, 4, 14);
    }
    let until = std::time::Instant::now() + Duration::from_secs(60);
    loop {
        match connector.clone().connect(servers).await {
            Ok(client) => return client,
            Err(error) => assert!(std::time::Instant::now() < until, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Writes below `root`, which it creates: about six transactions a round and one node that stays.
pub async fn write(
    client: &Client,
    root: &str,
    rounds: usize,
    can: Abilities,
) -> Result<(), zookeeper_client::Error> {
    let open = CreateMode::Persistent.with_acls(Acls::anyone_all());
    let list = [
        Acl::new(Permission::ALL, AuthId::anyone()),
        Acl::new(Permission::READ, AuthId::new("ip", "192.0.2.3")),
    ];
    client.mkdir(root, &open).await?;
    for round in 0..rounds {
        let path = format!("{root}/n{round}");
        client
            .create(&path, format!("data {round}").as_bytes(), &open)
            .await?;
        client.set_data(&path, &vec![b'x'; round * 7 % 300], None).await?;
        let sequential = CreateMode::PersistentSequential.with_acls(Acls::new(&list));
        client.create(&format!("{path}/seq-"), b"", &sequential).await?;
        let in_multi = format!("{path}/m");
        let mut multi = client.new_multi_writer();
        if can.containers {
            multi.add_create(&in_multi, b"in a multi", &open).unwrap();
        } else {
            // The client's multi creates by create2, which 3.4 does not know.
            client.create(&in_multi, b"before the multi", &open).await?;
        }
        multi.add_check_version(&path, 1).unwrap();
        multi.add_set_data(&in_multi, b"twice", None).unwrap();
        multi.commit().await?;
        match round % 6 {
            0 => drop(
                client
                    .create(
                        &format!("{path}/e"),
                        b"",
                        &CreateMode::Ephemeral.with_acls(Acls::anyone_all()),
                    )
                    .await?,
            ),
            1 => drop(client.set_acl(&path, &list, None).await?),
            2 => client.delete(&format!("{path}/m"), None).await?,
            3 => {
                let mut failing = client.new_multi_writer();
                failing.add_set_data(&path, b"never", None).unwrap();
                failing.add_delete(&format!("{path}/missing"), None).unwrap();
                assert!(failing.commit().await.is_err());
                assert!(client.delete(&format!("{root}/missing"), None).await.is_err());
            }
            4 if can.containers => {
                let container = CreateMode::Container.with_acls(Acls::anyone_all());
                client
                    .create(&format!("{path}/container"), b"", &container)
                    .await?;
                client
                    .create(&format!("{path}/container/child"), b"", &open)
                    .await?;
            }
            5 if can.ttl => {
                let ttl = open.clone().with_ttl(Duration::from_secs(3600));
                client.create(&format!("{path}/ttl"), b"", &ttl).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Reads everything and compares data, ACL, children and all eleven fields of the stat. Returns the number of nodes.
pub async fn compare(client: &Client, tree: &Tree) -> usize {
    let mut paths = vec!["/".to_owned()];
    let mut at = 0;
    while let Some(path) = paths.get(at).cloned() {
        at += 1;
        let node = tree
            .get(&path)
            .unwrap_or_else(|| panic!("{path} is missing in the tree"));
        let (data, mut stat) = client.get_data(&path).await.unwrap();
        if path == "/zookeeper/config" {
            // Each server makes this node itself, at the time of its own start.
            stat.mtime = node.stored().mtime;
        }
        assert_eq!(node.data().unwrap_or_default(), data, "data of {path}");
        assert_eq!(seen(&node), stat, "stat of {path}");
        let (acl, _) = client.get_acl(&path).await.unwrap();
        let acl: Vec<_> = acl
            .iter()
            .map(|a| format!("{:?} {} {}", a.permission(), a.scheme(), a.id()))
            .collect();
        let open = [mesolith_zk::record::Acl::open()];
        let ours: Vec<_> = node
            .acl()
            .unwrap_or(&open)
            .iter()
            .map(|a| {
                let permission = [Permission::READ, Permission::ALL]
                    .into_iter()
                    .find(|p| *p == permission(a.perms));
                format!(
                    "{:?} {} {}",
                    permission.unwrap_or(Permission::NONE),
                    a.id.scheme,
                    a.id.id
                )
            })
            .collect();
        assert_eq!(ours, acl, "ACL of {path}");
        let mut children = client.list_children(&path).await.unwrap();
        let mut names: Vec<_> = node.children().map(|c| c.name().to_owned()).collect();
        children.sort();
        names.sort();
        assert_eq!(names, children, "children of {path}");
        let above = if path == "/" { "" } else { &path };
        paths.extend(children.iter().map(|name| format!("{above}/{name}")));
    }
    assert_eq!(at, tree.len());
    at
}

fn permission(perms: i32) -> Permission {
    match perms {
        1 => Permission::READ,
        31 => Permission::ALL,
        _ => Permission::NONE,
    }
}

fn seen(node: &mesolith_zk::tree::Node<'_>) -> Stat {
    let stat = node.stat();
    Stat {
        czxid: stat.node.czxid.0,
        mzxid: stat.node.mzxid.0,
        pzxid: stat.node.pzxid.0,
        ctime: stat.node.ctime,
        mtime: stat.node.mtime,
        version: stat.node.version,
        cversion: stat.node.cversion,
        aversion: stat.node.aversion,
        ephemeral_owner: stat.node.ephemeral_owner,
        data_length: stat.data_length,
        num_children: stat.num_children,
    }
}
