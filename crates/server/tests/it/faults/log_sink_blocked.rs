//! F22: nobody takes the log lines. Requests go on, and the lines that were dropped are counted.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, channel};

use keyhaven::config::{LogFormat, LogLevel};
use keyhaven::telemetry::logs::Logs;
use keyhaven::telemetry::metrics::Metrics;

/// A sink that takes nothing until its other end is gone.
struct Blocked(Receiver<()>);

impl Write for Blocked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_blocked_sink_drops_lines_and_counts_them() {
    let metrics = Metrics::new().unwrap();
    let (release, gate) = channel::<()>();
    let logs = Logs {
        format: LogFormat::Json,
        level: LogLevel::Info,
        clock: std::sync::Arc::new(|| 0),
        dropped: metrics.dropped_lines(),
    };
    let (guard, flush) = logs.here(Blocked(gate)).unwrap();
    // This loop ends only because writing never waits.
    for n in 0..10_000 {
        tracing::info!(target: "keyhaven", n, "a line");
    }
    let text = metrics.render();
    let line = text.lines().find_map(|line| line.strip_prefix("keyhaven_log_lines_dropped_total "));
    let dropped: u64 = line.unwrap().parse().unwrap();
    assert!((5_000..10_000).contains(&dropped), "{dropped}");
    drop(release);
    drop((guard, flush));
}
