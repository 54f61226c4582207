//! The table of abuse cases names tests that exist.

use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn every_abuse_case_names_tests_that_exist() {
    let root = Path::new(ROOT);
    let table = std::fs::read_to_string(root.join("docs/attacks.md")).expect("the table");
    let is_row = |line: &&str| line.starts_with('|') && line.contains(".rs` `");
    let rows: Vec<_> = table.lines().filter(is_row).collect();
    for row in &rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let (case, tests) = (cells[0], cells[cells.len() - 1]);
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
    // A54 and A57 attack registration by clients, which is not offered.
    for number in (1..=53).chain([55, 56]).chain(58..=68).chain([73, 80]) {
        let case = format!("A{number:02}");
        assert!(cases.contains(&case.as_str()), "{case} has no row");
    }
}
