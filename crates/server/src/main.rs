//! The one place where time, randomness and the environment enter.

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use keyhaven::app::{Clock, Dice};
use keyhaven::cli::{Cli, World};

/// A loaded server has many requests at once, and what one thread allocates another often frees.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let world = World { environment: environment(), clock: clock(), dice: dice() };
    match Cli::read() {
        Ok(cli) => cli.run(world),
        Err(code) => code,
    }
}

/// Variables that are not text are not ours.
#[expect(clippy::disallowed_methods, reason = "the environment enters here")]
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[expect(clippy::disallowed_methods, reason = "time enters here")]
fn clock() -> Clock {
    let start = Instant::now();
    Clock::new(
        || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        },
        move || u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
    )
}

/// The operating system's generator behind aws-lc's. Without randomness nothing may go on.
#[expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "randomness enters here; without it nothing may be issued"
)]
fn dice() -> Dice {
    Dice::new(|out| aws_lc_rs::rand::fill(out).expect("the system's random generator works"))
}
