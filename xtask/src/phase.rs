//! One line for each phase of a verb: its name, how it ended and the wall time it took.

use std::time::Instant;

use crate::shell::Failure;

/// Runs one phase and says how it ended; why it failed is printed at once.
pub(crate) fn phase<T>(name: &str, work: impl FnOnce() -> Result<T, Failure>) -> Option<T> {
    let since = Instant::now();
    let result = work();
    let ending = if result.is_ok() { "ok" } else { "FAILED" };
    println!("{name:<28} {ending:<6} {:>7.1} s", since.elapsed().as_secs_f32());
    result.inspect_err(|failure| println!("\n{failure}\n")).ok()
}
