//! Reports as files: the JSON is read and written again, and the page is made from it. Where a page is to change on
//! purpose, `MESOLITH_GOLDEN=write` writes the new one, and the difference is read before it is committed.

use mesolith_report::Report;
use rstest::rstest;

#[rstest]
#[case("completed")]
#[case("rolled-back")]
#[case("not-started")]
fn reports_are_as_they_were(#[case] name: &str) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let json = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
    let report: Report = serde_json::from_str(&json).unwrap();
    assert_eq!(report.json(), json);
    let page = folder.join(format!("{name}.md"));
    if std::env::var_os("MESOLITH_GOLDEN").is_some() {
        std::fs::write(&page, report.markdown()).unwrap();
    }
    assert_eq!(report.markdown(), std::fs::read_to_string(&page).unwrap());
}
