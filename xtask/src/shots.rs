//! `cargo xtask shots [PAGE…]`: every page as its sample, on a phone and a desk, light and dark, as
//! pictures in `target/shots`.

use crate::setup;
use crate::shell::{self, Failure};

/// `cargo xtask shots [PAGE…]`
pub(crate) fn verb(pages: &[String]) -> Result<(), Failure> {
    setup::verb(&[])?;
    let mut build = shell::cargo();
    build.args(["build", "--locked", "--quiet", "--package", "keyhaven"]);
    shell::quietly(&mut build)?;
    // That test writes the samples that the browser is shown.
    let mut samples = shell::cargo();
    samples.args(["test", "--locked", "--quiet", "--package", "keyhaven", "--test", "it", "--"]);
    shell::quietly(samples.arg("pages::every_sample"))?;
    let folder = shell::target().join("shots");
    drop(std::fs::remove_dir_all(&folder));
    let mut shots = shell::program("node");
    shots.arg("tests/browser/shots.mjs").arg(folder).args(pages);
    shell::run(shots.env("KEYHAVEN_BIN", shell::target().join("debug/keyhaven")))
}
