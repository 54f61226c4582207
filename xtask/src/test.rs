//! `cargo xtask test [CARGO'S ARGUMENTS] [-- FILTER]`: all that CI runs, closed by one line of totals.
//!
//! Every failing phase counts as a failure beside the failing tests, so the last line cannot say
//! that nothing failed when something did. With arguments only the chosen Rust tests run.

mod tally;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::check;
use crate::phase::phase;
use crate::postgres::{self, Postgres};
use crate::setup;
use crate::shell::{self, Failure};
use tally::Tally;

/// A test suite in another language. It ends with a line of its own, `N passed, N failed`, and
/// finds the server's program in `KEYHAVEN_BIN` and a database in `KEYHAVEN_TEST_POSTGRES`.
struct Suite {
    name: &'static str,
    words: &'static [&'static str],
}

/// The suites that run after the Rust tests, from the root of the repository.
const SUITES: &[Suite] = &[];

/// `cargo xtask test`
pub(crate) fn verb(words: &[String]) -> Result<(), Failure> {
    let mut tally = Tally::default();
    if phase("setup", || setup::verb(&[])).is_none() {
        tally.fail();
        return close(&tally);
    }
    if words.is_empty() {
        (0..check::failed_checks()).for_each(|_| tally.fail());
    }
    let ran = phase("build", || build(words))
        .and_then(|()| phase("PostgreSQL", Postgres::start))
        .and_then(|database| beside(&database, words, &mut tally));
    if ran.is_none() {
        tally.fail();
    }
    close(&tally)
}

/// The phases that need the database; it stops when they end, however they end.
fn beside(database: &Postgres, words: &[String], tally: &mut Tally) -> Option<()> {
    let ran = phase("Rust tests", || rust_tests(words, database, tally));
    if words.is_empty() {
        for suite in SUITES {
            if phase(suite.name, || other_tests(suite, database, tally)).is_none() {
                tally.fail();
            }
        }
    }
    ran
}

fn close(tally: &Tally) -> Result<(), Failure> {
    println!("\n{}", tally.line());
    if tally.is_good() { Ok(()) } else { Err(Failure::already_told()) }
}

/// What `words` choose; everything when they choose nothing.
fn cargo_test(words: &[String]) -> Command {
    let mut test = shell::cargo();
    test.args(["test", "--locked"]);
    let chosen = words.split(|word| word == "--").next().unwrap_or_default();
    if !chosen.iter().any(|word| word.starts_with("-p") || word.starts_with("--package")) {
        test.arg("--workspace");
    }
    test
}

fn build(words: &[String]) -> Result<(), Failure> {
    let mut test = cargo_test(words);
    test.args(["--no-run", "--quiet"]);
    shell::quietly(test.args(words.split(|word| word == "--").next().unwrap_or_default())).map(drop)
}

fn rust_tests(words: &[String], database: &Postgres, tally: &mut Tally) -> Result<(), Failure> {
    let mut test = cargo_test(words);
    test.arg("--no-fail-fast").args(words).env(postgres::VARIABLE, database.url());
    let (log, lines) = log_of("rust")?;
    let before = tally.failed();
    let good = follow(test, lines, |line| {
        for shown in tally.hear(line) {
            println!("{shown}");
        }
    })?;
    tally.end().iter().for_each(|shown| println!("{shown}"));
    if good || tally.failed() > before {
        return told(tally.failed() - before, &log);
    }
    Err(Failure(format!("cargo test failed without a failing test; see {}", log.display())))
}

/// A failing test was already counted and printed; the phase only points to the whole output.
fn told(failed: usize, log: &Path) -> Result<(), Failure> {
    if failed > 0 {
        println!("everything printed is in {}", log.display());
    }
    Ok(())
}

fn other_tests(suite: &Suite, database: &Postgres, tally: &mut Tally) -> Result<(), Failure> {
    let [name, rest @ ..] = suite.words else {
        return Err(Failure("the suite has no command".to_owned()));
    };
    let mut command = shell::program(name);
    command.args(rest).env(postgres::VARIABLE, database.url());
    command.env("KEYHAVEN_BIN", shell::target().join("debug/keyhaven"));
    command.env("KEYHAVEN_TEST_PYTHON", setup::python_folder().join("bin/python"));
    let (log, lines) = log_of(suite.name)?;
    let mut last = String::new();
    let good = follow(command, lines, |line| {
        if !line.trim().is_empty() {
            line.clone_into(&mut last);
        }
    })?;
    let (passed, failed) = tally::plain_line(&last).unwrap_or_default();
    if good && failed == 0 && passed > 0 {
        tally.add(passed, 0);
        return Ok(());
    }
    // The caller counts one failure for the phase.
    tally.add(passed, failed.saturating_sub(1));
    Err(Failure(std::fs::read_to_string(log)?))
}

/// A fresh log for one suite.
fn log_of(name: &str) -> Result<(PathBuf, File), Failure> {
    let folder = shell::target().join("xtask");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(format!("{}.log", name.replace(' ', "-")));
    let file = File::create(&path)?;
    Ok((path, file))
}

/// Runs `command`, writes both its outputs to `log` in the order they came, and lets `heard` have
/// every line. Says whether it ended well.
fn follow(
    mut command: Command,
    mut log: File,
    mut heard: impl FnMut(&str),
) -> Result<bool, Failure> {
    let (reader, writer) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // It holds our ends of the pipe, which must close before the reader can see the end.
    drop(command);
    for line in BufReader::new(reader).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        writeln!(log, "{line}")?;
        heard(&line);
    }
    Ok(child.wait()?.success())
}
