//! `cargo xtask bench [ARGUMENTS…]`: builds the server and its floors as they are deployed, then
//! lets the bench measure. What it measures, and how, is the bench's own business.

use crate::shell::{self, Failure};

/// `cargo xtask bench`
pub(crate) fn verb(words: &[String]) -> Result<(), Failure> {
    // Separate builds: together, the bench's features would leak into the server it measures.
    for package in ["keyhaven", "keyhaven-bench"] {
        let mut build = shell::cargo();
        build.args(["build", "--release", "--locked", "--quiet", "--package", package]);
        shell::run(&mut build)?;
    }
    let bench = shell::target().join("release/keyhaven-bench");
    shell::run(shell::program(&bench.to_string_lossy()).args(words))
}
