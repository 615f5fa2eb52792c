//! Member lists as servers of several versions print them.

use proptest::prelude::*;

use super::*;

fn endpoints(texts: &[&str]) -> Vec<Endpoint> {
    texts.iter().map(|t| Endpoint::parse(t).unwrap()).collect()
}

#[test]
fn reads_a_list_with_everything_in_it() {
    let text = "server.1=zk1:2888:3888:participant;0.0.0.0:2181\n\
                server.2=192.0.2.2:2888:3888|198.51.100.2:2889:3889:participant;192.0.2.2:2181\n\
                server.3=[2001:db8::3]:2888:3888:observer;[::]:2182\n\
                server.12=zk12:2888:3888\n\
                weight.1=1\ngroup.1=1:2\n\nversion=1000000ab";
    let list = Membership::parse(text).unwrap();
    assert_eq!(list.version, Some(0x1_0000_00ab));
    let [one, two, three, twelve] = &list.members[..] else {
        panic!("{list:?}")
    };
    assert_eq!(one.quorum, endpoints(&["zk1:2888"]));
    assert_eq!(one.client_address(), Endpoint::parse("zk1:2181"));
    assert_eq!(two.quorum, endpoints(&["192.0.2.2:2888", "198.51.100.2:2889"]));
    assert_eq!(three.role, Role::Observer);
    assert_eq!(three.quorum_at("x"), ["[2001:db8::3]:2888"]);
    assert_eq!(three.client_address(), Endpoint::parse("[2001:db8::3]:2182"));
    assert_eq!((twelve.id, &twelve.client), (12, &None));
}

#[test]
fn a_wildcard_is_the_host_of_the_server_asked() {
    let list = Membership::parse("server.1=0.0.0.0:2888:3888:participant;2181\nversion=0").unwrap();
    assert_eq!(list.members[0].quorum_at("zk1.example"), ["zk1.example:2888"]);
    assert_eq!(list.members[0].client_address(), None);
}

#[test]
fn a_member_is_found_by_number_address_or_host() {
    let text = "server.1=a:1:2;a:2181\nserver.2=b:1:2;b:2181\nserver.3=b:3:4;b:2182\nserver.260=c:1:2";
    let list = Membership::parse(text).unwrap();
    let find = |client: &str, id| list.find(&Endpoint::parse(client).unwrap(), id).map(|m| m.id);
    assert_eq!(find("elsewhere:2181", Some(2)), Some(2));
    assert_eq!(find("b:2182", None), Some(3));
    assert_eq!(find("a:9999", None), Some(1));
    assert_eq!(find("b:9999", None), None);
    assert_eq!(find("c:2181", None), Some(260));
    assert_eq!(find("a:2181", Some(7)), None);
    assert_eq!(list.find_by_session(0x0400_0000_0000_0001).unwrap().id, 260);
    assert_eq!(list.find_by_session(-1), None);
}

#[test]
fn a_line_that_is_not_understood_is_named() {
    for line in [
        "server.x=a:1:2",
        "server.1=a",
        "server.1=a:1",
        "server.1=a:0:1",
        "server.1=a:1:2;b:x",
    ] {
        let error = Membership::parse(&format!("version=0\n{line}")).unwrap_err();
        assert!(error.to_string().contains(line), "{error}");
    }
    assert_eq!(Membership::parse("").unwrap(), Membership::default());
}

#[test]
fn conf_gives_its_own_ports_and_maybe_the_members() {
    let old = "clientPort=2181\ndataDir=/x\nserverId=3\ninitLimit=10\nelectionPort=3888\nquorumPort=2889\npeerType=0\n";
    let conf = Conf::parse(old).unwrap().unwrap();
    assert_eq!(
        (conf.id, conf.quorum_port, conf.membership),
        (Some(3), Some(2889), None)
    );
    let new = format!("{old}membership: \nserver.3=h:2889:3888:participant\nversion=0");
    let conf = Conf::parse(&new).unwrap().unwrap();
    assert_eq!(conf.membership.unwrap().members[0].id, 3);
    let refused = "conf is not executed because it is not in the whitelist.\n";
    assert_eq!(Conf::parse(refused).unwrap(), None);
}

#[test]
fn a_server_is_named_with_or_without_its_quorum_port() {
    let read = |text: &str| {
        let server: Server = text.parse().unwrap();
        (server.client, server.quorum)
    };
    assert_eq!(read("zk1"), ("zk1:2181".into(), None));
    assert_eq!(read("zk1:2182"), ("zk1:2182".into(), None));
    assert_eq!(read("zk1:1:2"), ("zk1:1".into(), Some("zk1:2".into())));
    assert_eq!(read("[::1]:1:2"), ("[::1]:1".into(), Some("[::1]:2".into())));
    assert_eq!(read("[::1]"), ("[::1]:2181".into(), None));
    for text in ["", ":1", "a:0", "a:b", "a:1:2:3", "[::1", "a:", "::1"] {
        let error = text.parse::<Server>().unwrap_err();
        assert!(error.to_string().starts_with(&format!("'{text}'")), "{error}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text: String, lines in proptest::collection::vec("(server|version|group)[.=][0-9a-f:;|\\[\\].=]{0,30}", 0..5)) {
        let _ = Membership::parse(&text);
        let _ = Conf::parse(&text);
        let _ = text.parse::<Server>();
        let lines = lines.join("\n");
        let _ = Membership::parse(&lines);
        let _ = Conf::parse(&format!("clientPort=1\nmembership: {lines}"));
        let _ = lines.parse::<Server>();
    }

    #[test]
    fn endpoints_survive_their_text(host in "[a-z0-9.-]{1,20}|([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}", port in 1u16..) {
        let endpoint = Endpoint::new(host, port);
        prop_assert_eq!(Endpoint::parse(&endpoint.to_string()), Some(endpoint));
    }
}
