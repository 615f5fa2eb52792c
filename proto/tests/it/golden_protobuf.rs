//! The same answers as bytes and as JSON.

use mesolith_proto::json;
use mesolith_proto::mesos::v1::master::Response;
use mesolith_proto::mesos::v1::master::response::get_agents::Agent;
use prost::Message;

#[test]
fn bytes_and_their_json_twin_are_the_same_message() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/protobuf");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "bin") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let message = Response::decode(bytes.as_slice()).unwrap();
        // The twin was written by Google's library: 64-bit integers as text, which Mesos accepts too. Compared as
        // text: a capability that is newer than the v1 messages is a number in the one and absent in the other.
        // Ours is read once more first, since reading JSON may move a timestamp by its last digit.
        let twin: Response = json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
        let mut again: Response = json::from_slice(&json::to_vec(&message)).unwrap();
        agents(&mut again).for_each(|a| a.agent_info.checkpoint = None);
        assert_eq!(
            json::to_string(&again),
            json::to_string(&twin),
            "{}",
            path.display()
        );
        assert_eq!(
            message.encode_to_vec().len(),
            bytes.len(),
            "nothing was dropped: {}",
            path.display()
        );
        seen += 1;
    }
    assert_eq!(seen, 16);
}

/// Agents of a response: the twin's writer did not know that they have `checkpoint`.
fn agents(response: &mut Response) -> impl Iterator<Item = &mut Agent> {
    let all = response.get_state.as_mut().and_then(|s| s.get_agents.as_mut());
    all.into_iter()
        .chain(response.get_agents.as_mut())
        .flat_map(|a| &mut a.agents)
}
