//! `cargo xtask test [CARGO'S ARGUMENTS] [-- FILTER]`: all that CI runs, closed by one line of totals.
//!
//! Every failing phase counts as a failure beside the failing tests, so the last line cannot say
//! that nothing failed when something did. With arguments only the chosen Rust tests run.

mod suites;
mod tally;

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::check;
use crate::phase::phase;
use crate::postgres::{self, Postgres};
use crate::setup;
use crate::shell::{self, Failure};
use suites::{SUITES, Suite};
use tally::Tally;

/// `cargo xtask test`
pub(crate) fn verb(words: &[String]) -> Result<(), Failure> {
    let mut tally = Tally::default();
    run(words, &mut tally);
    if tally.ran_nothing() {
        println!("\nno test ran, and that is no pass");
    }
    println!("\n{}", tally.line());
    if tally.is_good() { Ok(()) } else { Err(Failure::already_told()) }
}

/// All phases, until one that the others stand on fails.
fn run(words: &[String], tally: &mut Tally) -> Option<()> {
    counted("setup", tally, |_| setup::verb(&[]))?;
    if words.is_empty() {
        tally.fail(check::failed_checks());
    }
    counted("build", tally, |_| build(words))?;
    let database = counted("PostgreSQL", tally, |_| Postgres::start())?;
    counted("Rust tests", tally, |tally| rust_tests(words, &database, tally));
    if words.is_empty() {
        for suite in SUITES {
            counted(suite.name, tally, |tally| other_tests(suite, &database.url(), tally));
        }
    }
    Some(())
}

/// A phase whose failure counts, as one if it counted none itself.
fn counted<T>(
    name: &str,
    tally: &mut Tally,
    work: impl FnOnce(&mut Tally) -> Result<T, Failure>,
) -> Option<T> {
    let before = tally.failed();
    let done = phase(name, || work(tally));
    if done.is_none() && tally.failed() == before {
        tally.fail(1);
    }
    done
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
    shell::quietly(test.args(words.split(|word| word == "--").next().unwrap_or_default()))?;
    // A program that no test of its own package needs, but other suites do.
    let mut provider = shell::cargo();
    shell::quietly(provider.args(["build", "--locked", "--quiet", "-p", "keyhaven-fake-provider"]))
        .map(drop)
}

fn rust_tests(words: &[String], database: &Postgres, tally: &mut Tally) -> Result<(), Failure> {
    let mut test = cargo_test(words);
    test.arg("--no-fail-fast").args(words).env(postgres::VARIABLE, database.url());
    let (path, log) = log_of("rust")?;
    let before = tally.failed();
    let good = follow(test, log, |line| print_all(&tally.hear(line)))?;
    print_all(&tally.end());
    if good && tally.failed() == before {
        return Ok(());
    }
    Err(Failure(format!("everything the tests printed is in {}", path.display())))
}

fn print_all(lines: &[String]) {
    for line in lines {
        println!("{line}");
    }
}

fn other_tests(suite: &Suite, database: &str, tally: &mut Tally) -> Result<(), Failure> {
    let [name, rest @ ..] = suite.words else {
        return Err(Failure("the suite has no command".to_owned()));
    };
    let mut command = shell::program(name);
    command.args(rest).env(postgres::VARIABLE, database);
    command.env("KEYHAVEN_BIN", shell::target().join("debug/keyhaven"));
    command.env("KEYHAVEN_FAKE_PROVIDER", shell::target().join("debug/keyhaven-fake-provider"));
    command.env("KEYHAVEN_TEST_PYTHON", setup::python_folder().join("bin/python"));
    let (path, log) = log_of(suite.name)?;
    let mut last = String::new();
    let good = follow(command, log, |line| {
        if !line.trim().is_empty() {
            line.clone_into(&mut last);
        }
    })?;
    let (passed, failed) = tally::plain_line(&last).unwrap_or_default();
    tally.add(passed, failed);
    if good && failed == 0 && passed > 0 {
        return Ok(());
    }
    Err(Failure(std::fs::read_to_string(path)?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &'static str, words: &'static [&'static str], expected: &str) {
        let mut tally = Tally::default();
        let suite = Suite { name, words };
        counted(name, &mut tally, |tally| other_tests(&suite, "postgres://x", tally));
        assert_eq!(tally.line(), expected, "{name}");
    }

    #[test]
    fn another_suite_counts_what_its_last_line_says() {
        check("good", &["sh", "-c", "echo; echo node: 3 passed, 0 failed"], "3 passed, 0 failed");
        check("bad", &["sh", "-c", "echo 3 passed, 2 failed; exit 1"], "3 passed, 2 failed");
        check("told", &["sh", "-c", "echo 3 passed, 2 failed"], "3 passed, 2 failed");
    }

    #[test]
    fn another_suite_that_fails_without_saying_so_is_a_failure() {
        check("lies", &["sh", "-c", "echo 5 passed, 0 failed; exit 1"], "5 passed, 1 failed");
        check("mute", &["sh", "-c", "true"], "0 passed, 1 failed");
        check("idle", &["sh", "-c", "echo 0 passed, 0 failed"], "0 passed, 1 failed");
        check("gone", &["/nowhere/program"], "0 passed, 1 failed");
    }

    #[test]
    fn packages_named_by_the_caller_replace_the_whole_workspace() {
        let spelled = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            cargo_test(&words).get_args().any(|word| word == "--workspace")
        };
        assert!(spelled(&[]));
        assert!(spelled(&["--", "-p"]), "behind -- it is a filter");
        assert!(!spelled(&["-p", "keyhaven-store"]));
        assert!(!spelled(&["--package=keyhaven-store", "--", "codes"]));
    }
}
