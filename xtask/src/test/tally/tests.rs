//! The totals must be right whatever the test programs print, and above all when they die.

use super::{Tally, plain_line};

fn heard(output: &str) -> (Tally, String) {
    let mut tally = Tally::default();
    let mut shown: Vec<String> = output.lines().flat_map(|line| tally.hear(line)).collect();
    shown.extend(tally.end());
    (tally, shown.join("\n"))
}

const GOOD: &str = "\
     Running unittests src/lib.rs (target/debug/deps/keyhaven_store-0123456789abcdef)

running 2 tests
test a ... ok
test b ... ok

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.12s

";

const BAD: &str = "\
     Running tests/contract/main.rs (target/debug/deps/contract-0123456789abcdef)

running 2 tests
test a ... ok
test b ... FAILED

failures:

---- b stdout ----
code was redeemed twice

failures:
    b

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s

error: test failed, to rerun pass `-p keyhaven-store --test contract`
";

const DEAD: &str = "\
     Running tests/it/main.rs (target/debug/deps/it-0123456789abcdef)

running 2 tests
memory allocation of 99 bytes failed
error: test failed, to rerun pass `-p keyhaven --test it`
  process didn't exit successfully: `it` (signal: 6, SIGABRT: process abort signal)
";

#[test]
fn suites_are_summed_and_named() {
    let (tally, shown) = heard(&format!("{GOOD}{BAD}"));
    assert_eq!(tally.line(), "3 passed, 1 failed");
    assert!(shown.contains("keyhaven_store "), "{shown}");
    assert!(shown.contains("contract "), "{shown}");
}

#[test]
fn a_failing_test_is_shown_and_a_passing_one_is_not() {
    let (_, shown) = heard(&format!("{GOOD}{BAD}"));
    assert!(shown.contains("code was redeemed twice"), "{shown}");
    assert!(!shown.contains("test a ... ok"), "{shown}");
}

#[test]
fn a_suite_that_dies_is_a_failure_with_its_last_words() {
    for output in [DEAD.to_owned(), format!("{DEAD}{GOOD}"), format!("{GOOD}{DEAD}")] {
        let (tally, shown) = heard(&output);
        assert_eq!(tally.failed(), 1, "{output}");
        assert!(shown.contains("SIGABRT"), "{shown}");
    }
}

#[test]
fn an_ignored_test_is_not_a_pass() {
    let (tally, _) = heard(&GOOD.replace("0 ignored", "1 ignored"));
    assert_eq!(tally.line(), "2 passed, 1 failed");
}

#[test]
fn a_run_of_nothing_is_not_good() {
    let (tally, _) = heard("");
    assert_eq!(tally.line(), "0 passed, 0 failed");
    assert!(!tally.is_good());
}

#[test]
fn merged_documentation_tests_count_each_of_their_parts() {
    let parts = "   Doc-tests keyhaven_protocol\n\nrunning 1 test\ntest x ... ok\n\n\
        test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.0s\n\n\
        running 3 tests\n\n\
        test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.0s\n\n\
        all doctests ran in 0.63s; merged doctests compilation took 0.60s\n";
    let (tally, _) = heard(parts);
    assert_eq!(tally.line(), "4 passed, 0 failed");
}

#[test]
fn output_between_suites_is_not_counted() {
    let stray = "test result: ok. 9 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";
    let (tally, _) = heard(&format!("{GOOD}{stray}\n"));
    assert_eq!(tally.line(), "2 passed, 0 failed");
}

#[test]
fn the_closing_line_of_other_suites_is_read_exactly() {
    assert_eq!(plain_line("12 passed, 0 failed"), Some((12, 0)));
    assert_eq!(plain_line("node: 3 passed, 1 failed\n"), Some((3, 1)));
    assert_eq!(plain_line("about node: 3 passed, 1 failed"), None);
    assert_eq!(plain_line("3 passed, 1 failed, 2 skipped"), None);
    assert_eq!(plain_line("all good"), None);
}
