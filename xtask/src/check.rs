//! `cargo xtask check [NAME…]`: format, lints, dependencies, house rules and generated files, or only
//! the named ones. No tests.

use std::path::PathBuf;

use crate::phase::phase;
use crate::shell::{self, Failure};
use crate::{generate, house, sdk, setup};

/// `cargo xtask check [NAME…]`
pub(crate) fn verb(words: &[String]) -> Result<(), Failure> {
    if let Some(word) = words.iter().find(|word| !CHECKS.iter().any(|(name, _)| name == word)) {
        let known: Vec<_> = CHECKS.iter().map(|(name, _)| *name).collect();
        return Err(Failure(format!("no check `{word}`; there are: {}", known.join(", "))));
    }
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
    match failed_of(chosen) {
        0 => Ok(()),
        count => Err(Failure(format!("{count} failed"))),
    }
}

type Check = fn() -> Result<(), Failure>;

const CHECKS: &[(&str, Check)] = &[
    ("format", format),
    ("house", house::check),
    ("lints", lints),
    ("dependencies", dependencies),
    ("advisories", advisories),
    ("generated", || generate::verb(&["--check".to_owned()])),
    ("sdks", || sdk::verb(&["--check".to_owned()])),
];

/// Runs every check, whatever became of the one before, and counts those that failed.
pub(crate) fn failed_checks() -> usize {
    failed_of(|_| true)
}

fn failed_of(chosen: impl Fn(&str) -> bool) -> usize {
    let run = |(name, check): &&(&str, Check)| chosen(name) && phase(name, check).is_none();
    CHECKS.iter().filter(run).count()
}

fn format() -> Result<(), Failure> {
    shell::quietly(shell::cargo().args(["fmt", "--all", "--check"])).map(drop)
}

fn lints() -> Result<(), Failure> {
    let mut clippy = shell::cargo();
    clippy.args(["clippy", "--workspace", "--all-targets", "--locked", "--quiet"]);
    shell::quietly(clippy.args(["--keep-going", "--", "-D", "warnings"])).map(drop)
}

fn dependencies() -> Result<(), Failure> {
    deny(&["bans", "licenses", "sources"])
}

/// Advisories live in a database that is fetched from elsewhere. A check must give the same answer
/// on a machine that cannot reach it, so it is consulted only where somebody put one; the floors in
/// deny.toml hold everywhere.
fn advisories() -> Result<(), Failure> {
    let present = advisory_folder()
        .and_then(|folder| std::fs::read_dir(folder).ok())
        .is_some_and(|mut databases| databases.next().is_some());
    if present { deny(&["--disable-fetch", "advisories"]) } else { Ok(()) }
}

/// cargo-deny's own default place.
fn advisory_folder() -> Option<PathBuf> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")))?;
    Some(home.join("advisory-dbs"))
}

fn deny(checks: &[&str]) -> Result<(), Failure> {
    let program = setup::deny_program()
        .ok_or_else(|| Failure("cargo-deny is missing; cargo xtask setup".to_owned()))?;
    let mut deny = shell::program(&program.to_string_lossy());
    deny.args(["--log-level", "error", "--locked", "check", "--hide-inclusion-graph"]);
    shell::quietly(deny.args(checks)).map(drop)
}
