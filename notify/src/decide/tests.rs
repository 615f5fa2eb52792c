//! The decision: a table of stories, and random histories with channels that fail.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::alert::Source;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn alert(key: &str, severity: Severity) -> Alert {
    Alert {
        key: key.to_owned(),
        reason: "SyncLagHigh".to_owned(),
        severity,
        summary: format!("{key} is bad"),
        details: BTreeMap::new(),
        source: Source::default(),
        since: at(0),
    }
}

fn route(channel: &str, at_least: Severity) -> Route {
    Route {
        channel: channel.to_owned(),
        at_least,
    }
}

fn policy() -> Policy {
    Policy {
        repeat: Duration::from_secs(3600),
        settle: Duration::from_secs(30),
        first_pause: Duration::from_secs(5),
        longest_pause: Duration::from_secs(60),
        alerts: 4,
    }
}

fn unreachable() -> Failure {
    Failure::Unreachable {
        host: "pager:443".to_owned(),
        problem: "connection refused".to_owned(),
    }
}

fn refused() -> Failure {
    Failure::Refused {
        host: "pager:443".to_owned(),
        code: 400,
        said: "no".to_owned(),
    }
}

/// One channel, one alert, and what is sent at which second.
struct Story {
    state: State,
    policy: Policy,
    routes: Vec<Route>,
}

impl Story {
    fn new() -> Self {
        Self {
            state: State::default(),
            policy: policy(),
            routes: vec![route("slack", Severity::Info)],
        }
    }

    /// Decides, lets every send end with `result`, and returns the words that were sent and the next time in seconds.
    fn round(
        &mut self,
        second: i64,
        alerts: &[Alert],
        result: Result<(), Failure>,
    ) -> (Vec<&'static str>, Option<i64>) {
        let decision = decide(
            std::mem::take(&mut self.state),
            &self.policy,
            &self.routes,
            alerts,
            at(second),
        );
        self.state = decision.state;
        for send in &decision.sends {
            record(&mut self.state, &self.policy, send, result.clone(), at(second));
        }
        let words = decision.sends.iter().map(|send| send.message.word()).collect();
        let next = decision.next.map(|next| next.as_second() - at(0).as_second());
        (words, next)
    }
}

#[test]
fn it_is_told_once_repeated_and_resolved() {
    let mut story = Story::new();
    let firing = [alert("lag", Severity::Warning)];
    assert_eq!(story.round(0, &firing, Ok(())).0, ["WARNING"]);
    assert_eq!(story.round(10, &firing, Ok(())), (vec![], Some(3600)));
    assert_eq!(story.round(3600, &firing, Ok(())).0, ["WARNING"]);
    assert_eq!(story.round(4000, &[], Ok(())), (vec![], Some(4030)));
    assert_eq!(story.round(4030, &[], Ok(())).0, ["RESOLVED"]);
    assert_eq!(story.round(4031, &[], Ok(())), (vec![], None));
    assert_eq!(story.state, State::default());
}

#[test]
fn one_that_swings_around_its_threshold_is_told_once() {
    let mut story = Story::new();
    let firing = [alert("lag", Severity::Warning)];
    assert_eq!(story.round(0, &firing, Ok(())).0, ["WARNING"]);
    for second in 1..200 {
        let now: &[Alert] = if second % 20 < 10 { &[] } else { &firing };
        assert_eq!(
            story.round(second, now, Ok(())).0,
            Vec::<&str>::new(),
            "second {second}"
        );
    }
}

#[test]
fn one_that_lasts_keeps_its_beginning() {
    let mut story = Story::new();
    let mut firing = [alert("lag", Severity::Warning)];
    let _ = story.round(0, &firing, Ok(()));
    firing[0].since = at(50);
    firing[0].summary = "other words".to_owned();
    let _ = story.round(50, &firing, Ok(()));
    let known: Vec<&Alert> = story.state.lasting().collect();
    assert_eq!(
        (known[0].since, known[0].summary.as_str()),
        (at(0), "other words")
    );
    let _ = story.round(60, &[], Ok(()));
    assert_eq!(story.state.lasting().count(), 1, "it may come back");
    let _ = story.round(100, &[], Ok(()));
    assert_eq!(story.state.lasting().count(), 0);
}

#[test]
fn what_was_told_before_a_restart_is_not_told_again_and_its_end_is() {
    let (kept, gone) = (
        alert("kept", Severity::Warning),
        alert("gone", Severity::Critical),
    );
    let half = alert("half", Severity::Warning);
    let mut story = Story::new();
    story.routes.push(route("pager", Severity::Critical));
    let before = [(kept.clone(), true), (gone, true), (half.clone(), false)];
    story.state = State::before(&story.routes, &before, at(0));
    let told = |story: &Story| ["kept", "half"].map(|key| story.state.is_told(&story.routes, key));
    assert_eq!(told(&story), [true, false]);
    let both = [kept, half];
    let failed = story.round(10, &both, Err(unreachable())).0;
    assert_eq!(failed, ["WARNING"], "some channel may lack it");
    assert_eq!(told(&story), [true, false]);
    assert_eq!(story.round(20, &both, Ok(())).0, ["WARNING"]);
    assert_eq!(told(&story), [true, true]);
    assert_eq!(story.round(40, &both, Ok(())).0, ["RESOLVED", "RESOLVED"]);
    assert_eq!(story.round(3600, &both, Ok(())).0, ["WARNING"]);
    assert!(!story.state.is_told(&story.routes, "gone"));
}

#[test]
fn one_that_becomes_worse_is_told_at_once() {
    let mut story = Story::new();
    story.routes.push(route("pager", Severity::Critical));
    assert_eq!(
        story.round(0, &[alert("lag", Severity::Warning)], Ok(())).0,
        ["WARNING"]
    );
    let both = story.round(1, &[alert("lag", Severity::Critical)], Ok(())).0;
    assert_eq!(both, ["CRITICAL", "CRITICAL"]);
    // Less bad: over for the pager, and no news for the other.
    assert_eq!(
        story.round(2, &[alert("lag", Severity::Warning)], Ok(())).0,
        ["RESOLVED"]
    );
}

#[rstest]
#[case::channel_fails(unreachable(), &[0, 5, 15, 35, 75, 135, 195])]
#[case::message_is_refused(refused(), &[0, 5, 15, 35, 75, 135, 195])]
#[case::channel_asks_for_a_pause(Failure::Throttled { host: "h".into(), retry_after: Some(100) }, &[0, 100])]
fn it_is_tried_again_with_longer_pauses(#[case] failure: Failure, #[case] tries: &[i64]) {
    let mut story = Story::new();
    let firing = [alert("lag", Severity::Warning)];
    let tried: Vec<i64> = (0..200)
        .filter(|second| !story.round(*second, &firing, Err(failure.clone())).0.is_empty())
        .collect();
    assert_eq!(tried, tries);
    assert_eq!(story.state.failing()["slack"].since, at(0));
    assert_eq!(story.state.failing()["slack"].failure, failure);
    // It works again: what has not arrived arrives, and the trouble is over.
    assert_eq!(story.round(400, &firing, Ok(())).0, ["WARNING"]);
    assert!(story.state.failing().is_empty());
}

#[test]
fn a_channel_that_fails_is_asked_with_one_message() {
    let mut story = Story::new();
    let firing = ["a", "b", "c"].map(|key| alert(key, Severity::Warning));
    assert_eq!(story.round(0, &firing, Err(unreachable())).0.len(), 3);
    assert_eq!(story.round(100, &firing, Err(unreachable())).0.len(), 1);
    let (words, next) = story.round(300, &firing, Ok(()));
    assert_eq!((words.len(), next), (1, Some(300)), "the others follow at once");
    assert_eq!(story.round(300, &firing, Ok(())).0.len(), 2);
}

#[test]
fn a_message_that_is_refused_does_not_stop_the_others() {
    let mut story = Story::new();
    let bad = alert("bad", Severity::Critical);
    assert_eq!(
        story.round(0, std::slice::from_ref(&bad), Err(refused())).0,
        ["CRITICAL"]
    );
    let both = [bad, alert("good", Severity::Warning)];
    assert_eq!(story.round(1, &both, Ok(())).0, ["WARNING"]);
}

#[test]
fn an_end_that_cannot_be_told_is_forgotten_after_a_day() {
    let mut story = Story::new();
    let firing = [alert("lag", Severity::Warning)];
    assert_eq!(story.round(0, &firing, Ok(())).0, ["WARNING"]);
    assert_eq!(story.round(40, &[], Err(unreachable())).0, Vec::<&str>::new());
    assert_eq!(story.round(80, &[], Err(unreachable())).0, ["RESOLVED"]);
    assert!(story.state.failing().contains_key("slack"));
    assert_eq!(
        story.round(90_000, &[], Err(unreachable())),
        (Vec::<&str>::new(), None)
    );
    assert_eq!(story.state, State::default());
}

#[test]
fn the_worst_and_oldest_stay_when_there_are_too_many() {
    let mut alerts: Vec<Alert> = (0..10)
        .map(|n| alert(&format!("w{n}"), Severity::Warning))
        .collect();
    alerts.push(alert("worst", Severity::Critical));
    alerts[7].since = at(-100);
    let decision = decide(
        State::default(),
        &policy(),
        &[route("slack", Severity::Info)],
        &alerts,
        at(0),
    );
    let keys: Vec<&str> = decision
        .sends
        .iter()
        .map(|send| send.message.alert.key.as_str())
        .collect();
    assert_eq!(keys, ["worst", "w7", "w0", "w1"]);
    assert_eq!((decision.left_out, decision.state.remembered()), (7, 4));
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_silent() {
    let mut story = Story::new();
    let firing = [alert("lag", Severity::Warning)];
    assert_eq!(story.round(1_000_000, &firing, Err(unreachable())).0, ["WARNING"]);
    let first = (0..7200).find(|second| !story.round(*second, &firing, Ok(())).0.is_empty());
    assert_eq!(first, Some(3600));
}

#[test]
fn the_state_survives_a_restart_as_json() {
    let mut story = Story::new();
    let firing = [alert("lag", Severity::Warning), alert("task", Severity::Critical)];
    let _ = story.round(0, &firing[..1], Ok(()));
    let _ = story.round(1, &firing, Err(unreachable()));
    let text = serde_json::to_string(&story.state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&text).unwrap(), story.state);
}

/// What happens in one step of a random history.
#[derive(Debug, Clone)]
struct Step {
    seconds: i64,
    /// Severity of each alert that fires, by its number.
    firing: BTreeMap<u8, u8>,
    /// How channel X ends each of its sends.
    fails: u8,
}

fn severity(number: u8) -> Severity {
    [Severity::Info, Severity::Warning, Severity::Critical][usize::from(number % 3)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        1..900i64,
        prop::collection::btree_map(0..6u8, 0..3u8, 0..6),
        0..4u8,
    );
    prop::collection::vec(
        step.prop_map(|(seconds, firing, fails)| Step {
            seconds,
            firing,
            fails,
        }),
        1..60,
    )
}

fn outcome(fails: u8) -> Result<(), Failure> {
    match fails {
        0 | 1 => Ok(()),
        2 => Err(unreachable()),
        _ => Err(refused()),
    }
}

/// Runs a history for the channels X (whose sends end as `ends` says) and Y (which always works); returns what was
/// sent to Y, and checks on the way what must hold at every step.
fn run(steps: &[Step], ends: impl Fn(u8) -> Result<(), Failure>) -> Vec<Send> {
    let policy = Policy {
        alerts: 6,
        ..policy()
    };
    let routes = [route("x", Severity::Info), route("y", Severity::Warning)];
    let (mut state, mut now) = (State::default(), at(0));
    // By channel and key: the severity and time of the last message that arrived, while it says that the alert fires.
    let mut known: BTreeMap<(String, String), (Severity, Timestamp)> = BTreeMap::new();
    let mut to_y = Vec::new();
    // At the end nothing fires and everything works, for as long as all the waits together need.
    let calm = Step {
        seconds: 400,
        firing: BTreeMap::new(),
        fails: 0,
    };
    let history = steps
        .iter()
        .map(|step| (step, ends(step.fails)))
        .chain(std::iter::repeat_n((&calm, Ok(())), 4));
    for (step, end_of_x) in history {
        now = after(now, Duration::from_secs(step.seconds.unsigned_abs()));
        let alerts: Vec<Alert> = step
            .firing
            .iter()
            .map(|(key, bad)| alert(&key.to_string(), severity(*bad)))
            .collect();
        let decision = decide(state, &policy, &routes, &alerts, now);
        assert!(decision.state.remembered() <= policy.alerts);
        assert!(decision.next.is_none_or(|next| next >= now));
        state = decision.state;
        let mut seen = BTreeSet::new();
        for send in &decision.sends {
            let key = (send.channel.clone(), send.message.alert.key.clone());
            assert!(seen.insert(key.clone()), "one message about one alert at a time");
            let severity = send.message.alert.severity;
            if send.message.state == Lasts::Firing {
                assert!(send.channel == "x" || severity >= Severity::Warning);
                if let Some((told, when)) = known.get(&key) {
                    let again = now >= after(*when, policy.repeat);
                    assert!(again || severity > *told, "repeated too early: {send:?}");
                }
            }
            let result = if send.channel == "x" {
                end_of_x.clone()
            } else {
                Ok(())
            };
            if result.is_ok() {
                match send.message.state {
                    Lasts::Firing => known.insert(key, (severity, now)),
                    Lasts::Resolved => known.remove(&key),
                };
            }
            record(&mut state, &policy, send, result, now);
            if send.channel == "y" {
                to_y.push(send.clone());
            }
        }
    }
    assert!(
        known.is_empty(),
        "whoever was told of an alert is told of its end"
    );
    assert_eq!(state, State::default(), "nothing is remembered of what is over");
    to_y
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_failing_channel_changes_nothing_for_another(steps in steps()) {
        prop_assert_eq!(run(&steps, outcome), run(&steps, |_| Ok(())));
    }

    #[test]
    fn a_dead_channel_is_asked_rarely(steps in steps()) {
        let policy = policy();
        let routes = [route("x", Severity::Info)];
        let (mut state, mut now, mut asked) = (State::default(), at(0), 0i64);
        for step in &steps {
            now = after(now, Duration::from_secs(step.seconds.unsigned_abs()));
            let alerts: Vec<Alert> = step.firing.keys().map(|key| alert(&key.to_string(), Severity::Info)).collect();
            let decision = decide(state, &policy, &routes, &alerts, now);
            state = decision.state;
            // As the driver does it: a failure of the channel ends its turn.
            if let Some(send) = decision.sends.first() {
                asked += 1;
                record(&mut state, &policy, send, Err(unreachable()), now);
            }
        }
        // Five pauses grow to the longest one.
        prop_assert!(asked <= 6 + (now.as_second() - at(0).as_second()) / 60);
    }
}
