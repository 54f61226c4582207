//! What the bench says to its own worker processes over their pipes: one JSON value per line.
//!
//! Workers are processes so that their processor time can be told apart and each can have its own
//! core. A worker ends when its input does, so none outlives the bench.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Outcome;
use crate::histogram::Histogram;

/// An order to a loader or to the raw-row floor.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// As fast as answers come, on every connection, for this long.
    Closed { millis: u64 },
    /// This many requests per second, whether answers come or not, for this long.
    Open { per_second: f64, millis: u64 },
    /// Send until `count` answers came and write their `field`s to `file`, one a line: members of the
    /// body, or parameters of where the answer leads.
    Collect { count: usize, field: String, file: PathBuf },
    /// Take the lines of `file` for what is left of the tokens.
    Feed { file: PathBuf },
}

/// A worker's answer to an order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Slice(Slice),
    Collected(usize),
    /// A wrong status, a missing word or a broken connection: nothing was measured.
    Failed(String),
}

/// One short stretch of load.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Slice {
    pub(crate) requests: u64,
    pub(crate) elapsed_us: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
}

impl Slice {
    pub(crate) fn new(latencies: &Histogram, elapsed: std::time::Duration) -> Self {
        Self {
            requests: latencies.total(),
            elapsed_us: elapsed.as_secs_f64() * 1e6,
            p50_us: latencies.quantile_us(0.5),
            p99_us: latencies.quantile_us(0.99),
            p999_us: latencies.quantile_us(0.999),
        }
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed_us * 1e6
    }
}

/// Reads orders until the input ends and answers each.
pub(crate) fn obey(mut act: impl FnMut(Order) -> Outcome<Answer>) -> Outcome<()> {
    for line in io::stdin().lock().lines() {
        let answer = serde_json::from_str(&line?).map_err(Into::into).and_then(&mut act);
        say(&answer.unwrap_or_else(|error| Answer::Failed(error.to_string())))?;
    }
    Ok(())
}

/// Writes one value and a line end to standard output, at once.
pub(crate) fn say(value: &impl Serialize) -> Outcome<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// Blocks until whoever started this process closes its input.
pub(crate) fn wait_for_end() {
    for line in io::stdin().lock().lines() {
        if line.is_err() {
            break;
        }
    }
}
