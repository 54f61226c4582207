//! `cargo xtask fuzz [TARGET…] [--seconds N]`: lets the fuzzer at every parser of what strangers send.
//!
//! Not part of `test`: it draws other inputs each time. What it finds becomes a test. The coverage
//! instrumentation is a feature of unstable compilers, so the build is told to behave like one.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Failure};
use crate::{network, setup};

const CARGO_FUZZ: &str = "0.13.2";
const SECONDS: &str = "60";

/// `cargo xtask fuzz`
pub(crate) fn verb(words: &[String]) -> Result<(), Failure> {
    let (targets, seconds) = parse(words)?;
    let program = cargo_fuzz()?;
    let known = targets_in(&shell::quietly(fuzz(&program).arg("list"))?.stdout);
    if let Some(target) = targets.iter().find(|target| !known.contains(target)) {
        return Err(Failure(format!("no target `{target}`; there are: {}", known.join(", "))));
    }
    for target in if targets.is_empty() { known } else { targets } {
        println!("fuzz: {target}, {seconds} s");
        let mut run = fuzz(&program);
        run.args(["run", "--sanitizer", "none", &target, "--"]);
        run.arg(format!("-max_total_time={seconds}"))
            .args(["-print_final_stats=1", "-verbosity=0"]);
        shell::run(&mut run)?;
    }
    Ok(())
}

fn parse(words: &[String]) -> Result<(Vec<String>, String), Failure> {
    let mut targets = words.to_vec();
    let Some(at) = targets.iter().position(|word| word == "--seconds") else {
        return Ok((targets, SECONDS.to_owned()));
    };
    let seconds = targets.drain(at..targets.len().min(at + 2)).nth(1);
    match seconds.filter(|seconds| seconds.parse::<u32>().is_ok_and(|seconds| seconds > 0)) {
        Some(seconds) => Ok((targets, seconds)),
        None => Err(Failure("--seconds wants a number of seconds".to_owned())),
    }
}

fn targets_in(listed: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(listed).lines().map(str::to_owned).collect()
}

fn fuzz(program: &Path) -> Command {
    let mut command = shell::program(&program.to_string_lossy());
    command.env("RUSTC_BOOTSTRAP", "1");
    command
}

/// The pinned cargo-fuzz, built once into target/tools.
fn cargo_fuzz() -> Result<PathBuf, Failure> {
    let program = shell::target().join("tools/bin/cargo-fuzz");
    if !shell::answers(shell::program(&program.to_string_lossy()).arg("--version")) {
        println!("fuzz: building cargo-fuzz {CARGO_FUZZ} into target/tools (once)");
        network::patiently(|| setup::install_tool("cargo-fuzz", CARGO_FUZZ))?;
    }
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> Result<(Vec<String>, String), String> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        parse(&words).map_err(|failure| failure.0)
    }

    #[test]
    fn seconds_are_a_number_and_targets_are_the_rest() {
        assert_eq!(told(&[]), Ok((vec![], SECONDS.to_owned())));
        let wanted = Ok((vec!["json".to_owned()], "5".to_owned()));
        assert_eq!(told(&["json", "--seconds", "5"]), wanted);
        assert_eq!(told(&["--seconds", "5", "json"]), wanted);
        for bad in [&["--seconds"][..], &["--seconds", "0"], &["--seconds", "json"]] {
            assert!(told(bad).is_err(), "{bad:?}");
        }
    }
}
