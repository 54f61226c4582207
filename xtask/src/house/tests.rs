//! Each rule refuses what it names, in its rooms, and nothing else.

use super::complaints;

#[track_caller]
fn check(path: &str, text: &str, expected: &[&str]) {
    let found = complaints(path, text);
    let expected: Vec<String> = expected.iter().map(|line| format!("{path}:{line}")).collect();
    assert_eq!(found, expected);
}

const SQL: &str = "SQL outside crates/store";
const STATUS: &str = "an HTTP status outside crates/server/src/http";
const HEADER: &str = "the file has no `//!` header that says what it is for";
const DRAWER: &str = "a name that becomes a drawer: name the file after what is in it";
const LONG: &str = "more than 500 lines of code: split the file";
const UNFINISHED: &str = "unfinished work: finish it or leave it out";
const MACHINE: &str = "a path of somebody's machine";
const IGNORED: &str = "a test that is not run proves nothing: fix or delete it";

#[test]
fn sql_stays_in_the_store() {
    let text = "//! Room.\nconst ASK: &str = \"SELECT id\n FROM users\";\n";
    check("crates/server/src/users.rs", text, &[&format!("2: {SQL}")]);
    check("crates/store/src/users.rs", text, &[]);
    check("crates/server/tests/it/users.rs", text, &[]);
    check("bench/src/floor.rs", text, &[]);
    check("crates/server/src/a.rs", "//! R.\nx(\"INSERT INTO t\");\n", &[&format!("2: {SQL}")]);
}

#[test]
fn words_inside_names_comments_and_test_modules_are_not_sql() {
    check("crates/server/src/a.rs", "//! R.\n// SELECT is the store's.\nlet SELECTED = 1;\n", &[]);
    check("crates/server/src/a.rs", "//! R.\n#[cfg(test)]\nmod t { x(\"SELECT 1\"); }\n", &[]);
}

#[test]
fn statuses_stay_in_http() {
    let text = "//! Room.\nuse axum::http::StatusCode;\n";
    check("crates/server/src/doors/moov.rs", text, &[&format!("2: {STATUS}")]);
    check("crates/store/src/error.rs", text, &[&format!("2: {STATUS}")]);
    check("crates/server/src/http/error.rs", text, &[]);
    check("crates/server/tests/it/routes/token.rs", text, &[]);
}

#[test]
fn every_rust_file_says_what_it_is_for() {
    check("xtask/src/a.rs", "fn a() {}\n", &[&format!("1: {HEADER}")]);
    check("xtask/src/a.rs", "", &[&format!("1: {HEADER}")]);
    check("tests/clients/run.mjs", "let a;\n", &[]);
}

#[test]
fn a_file_is_split_above_five_hundred_lines_of_code() {
    let comments = "// Why.\n\n".repeat(300);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "x();\n".repeat(300));
    let code = |lines| format!("//! R.\n{comments}{}{tests}", "x();\n".repeat(lines));
    check("crates/store/src/a.rs", &code(500), &[]);
    check("crates/store/src/a.rs", &code(501), &[&format!("1102: {LONG}")]);
    check("crates/store/tests/contract/a.rs", &code(900), &[]);
}

#[test]
fn drawers_are_refused_as_file_and_as_folder() {
    check("crates/store/src/utils.rs", "//! R.\n", &[&format!("1: {DRAWER}")]);
    check("crates/server/src/common/mod.rs", "//! R.\n", &[&format!("1: {DRAWER}")]);
    check("crates/server/src/uncommon.rs", "//! R.\n", &[]);
}

#[test]
fn unfinished_work_is_found_in_every_kind_of_file() {
    let mark = concat!("TO", "DO");
    check("README.md", &format!("Later: {mark}.\n"), &[&format!("1: {UNFINISHED}")]);
    check("crates/a/src/a.rs", &format!("//! R.\n// {mark} x\n"), &[&format!("2: {UNFINISHED}")]);
    check("README.md", &format!("A {mark}S list and mas{mark}\n"), &[]);
}

#[test]
fn paths_of_machines_are_told_from_paths_of_urls() {
    let home = concat!("/ho", "me/");
    check("README.md", &format!("cd {home}anna/keyhaven\n"), &[&format!("1: {MACHINE}")]);
    check("deny.toml", &format!("p = \"{home}x\"\n"), &[&format!("1: {MACHINE}")]);
    check("README.md", &format!("see https://a.test{home}x\n"), &[]);
}

#[test]
fn tests_that_are_not_run_are_refused() {
    check("crates/a/tests/a.rs", "//! R.\n#[ignore]\nfn a() {}\n", &[&format!("2: {IGNORED}")]);
    check("crates/a/tests/a.rs", "//! R.\n  #[ignore = \"x\"]\n", &[&format!("2: {IGNORED}")]);
}
