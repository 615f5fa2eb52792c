//! `mesos-migrate audit verify` as a person calls it.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use mesolith_audit::{Entry, Head, append};

fn log() -> (Vec<String>, Head) {
    let mut head = Head::start();
    let mut lines = Vec::new();
    for (second, cause) in ["Started", "Approved", "Advanced"].into_iter().enumerate() {
        let entry = Entry {
            time: format!("2026-03-01T10:00:0{second}Z").parse().unwrap(),
            user: "alice".to_owned(),
            cause: cause.to_owned(),
            phase: Some("DeployZk".to_owned()),
            what: format!("{cause} it"),
            uid: "6f1c".to_owned(),
        };
        let line = append(&head, &entry);
        lines.push(line.text + "\n");
        head = line.head;
    }
    (lines, head)
}

fn verify(args: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mesolith"))
        .args(["audit", "verify"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended before it read everything.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String) {
    let out = String::from_utf8_lossy(&output.stdout);
    (output.status.code(), out.into_owned())
}

#[test]
fn a_whole_log_is_summed_up_in_three_forms() {
    let (lines, head) = log();
    let text = lines.concat();
    let table = format!(
        "WHOLE     -\nEntries   3\nFrom      2026-03-01T10:00:00Z\nTo        2026-03-01T10:00:02Z\nHead      {head}\n"
    );
    assert_eq!(said(&verify(&["-"], &text)), (Some(0), table));
    let json = format!(
        r#"{{"whole":true,"entries":3,"first":"2026-03-01T10:00:00Z","last":"2026-03-01T10:00:02Z","head":{{"sequence":3,"hash":"{}"}}}}"#,
        head.hash
    ) + "\n";
    assert_eq!(
        said(&verify(
            &["--output=json", "--head", &head.to_string(), "-"],
            &text
        )),
        (Some(0), json)
    );
    let (code, yaml) = said(&verify(&["--output=yaml", "-"], &text));
    assert_eq!(code, Some(0));
    assert!(
        yaml.starts_with("whole: true\nentries: 3\n") && yaml.contains("sequence: 3"),
        "{yaml}"
    );
}

#[test]
fn a_log_that_was_changed_has_another_exit_code_and_the_line() {
    let (lines, head) = log();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("audit.log");
    let path = file.display().to_string();
    std::fs::write(&file, lines.concat().replace("Approved it", "Denied it")).unwrap();
    assert_eq!(
        said(&verify(&[&path], "")),
        (
            Some(1),
            format!(
                "BROKEN    {path}, line 2: its content does not have its hash: somebody has changed it\n"
            )
        )
    );
    std::fs::write(&file, lines[..2].concat()).unwrap();
    assert_eq!(said(&verify(&[&path], "")).0, Some(0), "only the head can tell");
    let (code, json) = said(&verify(
        &["--head", &head.to_string(), "--output=json", &path],
        "",
    ));
    assert_eq!(code, Some(1));
    assert!(
        json.starts_with(r#"{"whole":false,"line":3,"reason":"Truncated","message":"line 3: "#),
        "{json}"
    );
}

#[test]
fn what_cannot_be_read_and_wrong_usage_are_another_code() {
    let missing = verify(&["/nowhere/audit.log"], "");
    assert_eq!(missing.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&missing.stderr).into_owned();
    assert!(
        stderr.starts_with("mesos-migrate: cannot read /nowhere/audit.log: "),
        "{stderr}"
    );
    let usage = verify(&["--head", "3:abc", "-"], "");
    assert_eq!(usage.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&usage.stderr).into_owned();
    assert!(stderr.contains("'3:abc' is no end of an audit log"), "{stderr}");
}
