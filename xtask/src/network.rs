//! Commands that download: tried again when the network, and not the request, was at fault.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::shell::{self, Failure};

const WAITS: [Duration; 3] =
    [Duration::from_secs(5), Duration::from_secs(20), Duration::from_secs(60)];

/// Runs the command quietly; after a network error it waits and runs it again, three times at most.
pub(crate) fn patiently(mut command: impl FnMut() -> Command) -> Result<(), Failure> {
    for wait in WAITS {
        match shell::quietly(&mut command()) {
            Ok(_) => return Ok(()),
            Err(Failure(why)) if blames_network(&why) => {
                println!("setup: the network failed, trying again in {} s", wait.as_secs());
                sleep(wait);
            }
            Err(failure) => return Err(failure),
        }
    }
    shell::quietly(&mut command()).map(drop)
}

/// What package clients print when a line broke; a refusal or a wrong name reads differently.
const SIGNS: &[&str] = &[
    "timed out",
    "timeout",
    "temporary failure",
    "temporarily unavailable",
    "could not resolve",
    "failed to fetch",
    "connection reset",
    "connection refused",
    "connection closed",
    "network is unreachable",
    "network error",
    "econnreset",
    "etimedout",
    "eai_again",
    "502 bad gateway",
    "503 service",
    "504 gateway",
    "unexpected eof",
];

fn blames_network(output: &str) -> bool {
    let output = output.to_lowercase();
    SIGNS.iter().any(|sign| output.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_broken_line_is_worth_another_try() {
        assert!(blames_network("npm error code ECONNRESET"));
        assert!(blames_network("warning: spurious network error (3 tries remaining)"));
        assert!(blames_network("E: Failed to fetch … Temporary failure resolving"));
        assert!(!blames_network("E: Unable to locate package postgresq"));
        assert!(!blames_network("error: could not find `cargo-denny` in registry"));
    }
}
