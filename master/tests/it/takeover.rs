//! Who may take a framework over, and what it may change of it.

use serde_json::{Value, json};

use crate::master::Master;
use crate::scheduler::{Scheduler, info};

const REFUSED: &str = "Changing framework's principal is not allowed.";

fn with(id: Option<&str>, changes: Value) -> Value {
    let mut info = info(id);
    for (field, value) in changes.as_object().unwrap() {
        info[field] = value.clone();
    }
    info
}

#[tokio::test(flavor = "multi_thread")]
async fn another_principal_is_refused_and_the_first_stream_stays() {
    let master = Master::leading(&[]).await;
    let mut first = Scheduler::subscribe(&master, with(None, json!({"principal": "p"}))).await;
    let id = first.id.clone();
    for change in [
        json!({"principal": "other"}),
        json!({}),
        json!({"principal": "other", "user": "nobody"}),
    ] {
        let mut refused = Scheduler::subscribe(&master, with(Some(&id), change.clone())).await;
        assert_eq!(refused.id, REFUSED);
        assert!(refused.next().await.is_none());
        let mut update = with(Some(&id), change);
        update["id"] = json!({"value": id});
        let answer = first
            .call(
                "UPDATE_FRAMEWORK",
                json!({"update_framework": {"framework_info": update}}),
            )
            .await;
        assert_eq!(answer.status(), 400);
        assert_eq!(
            answer.text().await.unwrap(),
            format!("FrameworkInfo update is not valid: {REFUSED}")
        );
    }
    // The first scheduler still makes calls and gets events.
    assert_eq!(first.call("SUPPRESS", json!({})).await.status(), 202);
    first.wait("HEARTBEAT").await;
    let frameworks = master.get("/frameworks").await;
    assert_eq!(frameworks["frameworks"][0]["principal"], "p");
    assert_eq!(frameworks["frameworks"][0]["connected"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_principal_takes_over_and_keeps_user_and_checkpoint() {
    let master = Master::leading(&[]).await;
    let mut first =
        Scheduler::subscribe(&master, with(None, json!({"principal": "p", "checkpoint": true}))).await;
    let changes =
        json!({"principal": "p", "user": "nobody", "checkpoint": false, "name": "renamed", "roles": ["a"]});
    let second = Scheduler::subscribe(&master, with(Some(&first.id), changes)).await;
    assert_eq!(second.id, first.id);
    assert_eq!(
        first.wait("ERROR").await["error"]["message"],
        "Framework failed over"
    );
    let shown = master.get("/frameworks").await["frameworks"][0].clone();
    assert_eq!(
        (&shown["user"], &shown["checkpoint"]),
        (&json!("root"), &json!(true))
    );
    assert_eq!(
        (&shown["name"], &shown["roles"]),
        (&json!("renamed"), &json!(["a"]))
    );
    for (change, problem) in [
        (
            json!({"user": "nobody"}),
            "FrameworkInfo update is not valid: Updating 'FrameworkInfo.user' is unsupported; attempted to update from \
             'root' to 'nobody'",
        ),
        (
            json!({"checkpoint": false}),
            "FrameworkInfo update is not valid: Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update \
             from 'true' to 'false'",
        ),
        (
            json!({"failover_timeout": 1e10}),
            "Supplied FrameworkInfo is not valid: The framework failover_timeout (1e+10) is invalid",
        ),
        (
            json!({"roles": ["/x"]}),
            "Supplied FrameworkInfo is not valid: 'FrameworkInfo.roles' contains invalid role: Role '/x' cannot start \
             with a slash",
        ),
    ] {
        let mut update = with(Some(&first.id), json!({"principal": "p", "checkpoint": true}));
        for (field, value) in change.as_object().unwrap() {
            update[field] = value.clone();
        }
        let answer = second
            .call(
                "UPDATE_FRAMEWORK",
                json!({"update_framework": {"framework_info": update}}),
            )
            .await;
        assert_eq!(
            (answer.status().as_u16(), answer.text().await.unwrap().as_str()),
            (400, problem)
        );
    }
}
