//! The table of abuse cases names tests that exist.

use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn every_abuse_case_names_tests_that_exist() {
    let root = Path::new(ROOT);
    let table = std::fs::read_to_string(root.join("docs/attacks.md")).expect("the table");
    let rows: Vec<_> = table.lines().filter(|line| line.starts_with(['|'])).skip(2).collect();
    for row in &rows {
        let mut cells = row.split('|').map(str::trim);
        let (case, tests) = (cells.nth(1).expect("a case"), cells.nth(1).expect("tests"));
        let words: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
        assert!(!words.is_empty() && words.len() % 2 == 0, "{case}: a file and a test, in turn");
        for pair in words.chunks(2) {
            let file = match pair[0].strip_prefix("protocol/") {
                Some(rest) => root.join("crates/protocol").join(rest),
                None => root.join("crates/server/tests/it").join(pair[0]),
            };
            let code =
                std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("{case}: {pair:?}"));
            assert!(code.contains(&format!("fn {}(", pair[1])), "{case}: {pair:?} is not there");
        }
    }
    let cases: Vec<_> =
        rows.iter().filter_map(|row| row.split('|').nth(1)).map(str::trim).collect();
    for number in 1..=53 {
        let case = format!("A{number:02}");
        assert!(cases.contains(&case.as_str()), "{case} has no row");
    }
}
