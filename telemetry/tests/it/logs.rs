//! Shape of log lines.

use std::io::Write;
use std::sync::{Arc, Mutex};

use mesolith_telemetry::{InitError, Options, subscriber};
use serde_json::Value;

/// Lines in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn logged(options: &Options, is_json: bool, act: impl FnOnce()) -> String {
    let lines = Lines::default();
    let writer = lines.clone();
    let (subscriber, _telemetry) = subscriber("test", options, is_json, move || writer.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, act);
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_json_line_is_flat_and_names_its_span() {
    let text = logged(&Options::default(), true, || {
        let _span = tracing::info_span!("reconcile", object = "prod").entered();
        tracing::warn!(node = "cp3", attempt = 2, "node unreachable");
    });
    let line: Value = serde_json::from_str(text.trim()).unwrap();
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["message"], "node unreachable");
    assert_eq!(line["node"], "cp3");
    assert_eq!(line["attempt"], 2);
    assert_eq!(line["span"]["name"], "reconcile");
    assert_eq!(line["span"]["object"], "prod");
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(line["target"].is_string());
}

#[test]
fn a_human_line_is_not_json_and_the_filter_holds() {
    let options = Options {
        log: "warn".into(),
        ..Options::default()
    };
    let text = logged(&options, false, || {
        tracing::info!("not seen");
        tracing::warn!(node = "cp3", "seen");
    });
    assert!(
        text.contains("WARN") && text.contains("seen") && text.contains("node=\"cp3\""),
        "{text}"
    );
    assert!(!text.contains("not seen"));
}

#[test]
fn a_filter_that_is_none_is_refused_in_words() {
    let options = Options {
        log: "info,=,".into(),
        ..Options::default()
    };
    let error = subscriber("test", &options, true, std::io::sink).err().unwrap();
    assert!(matches!(error, InitError::ParseFilter { .. }));
    assert!(error.to_string().starts_with("'info,=,' is not a log filter"));
}
