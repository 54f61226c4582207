//! A84: text from outside tries to start a new log line or to speak to the terminal
//! (RUSTSEC-2025-0055).

use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

use keyhaven::config::{LogFormat, LogLevel};
use keyhaven::telemetry::logs::Logs;
use keyhaven::telemetry::metrics::Metrics;

/// A sink that keeps what was written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// With a single subscriber, tracing lets whichever thread meets a log statement first decide for
/// all threads whether it is ever written. A process has one for all threads; a test has one for
/// itself, so a second one that does nothing keeps tracing asking.
static SECOND: LazyLock<tracing::Dispatch> =
    LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));

/// What is logged by `work`.
pub(crate) fn logged(format: LogFormat, level: LogLevel, work: impl FnOnce()) -> String {
    LazyLock::force(&SECOND);
    let kept = Kept::default();
    let dropped = Metrics::new().unwrap().dropped_lines();
    let logs = Logs { format, level, clock: Arc::new(|| 1_780_000_000_123), dropped };
    let (guard, flush) = logs.here(kept.clone()).unwrap();
    work();
    drop((guard, flush));
    kept.text()
}

const NASTY: &str = "bob\n2026-01-01T00:00:00Z ERROR forged\r\x1b[2J\x1b]0;t\x07\u{9b}31m\u{85}\u{2028}\u{202e}\u{7f}\0";

#[test]
fn nasty_text_stays_on_its_line_and_is_encoded() {
    for format in [LogFormat::Json, LogFormat::Pretty] {
        let text = logged(format, LogLevel::Info, || {
            tracing::info!(target: "keyhaven", user = NASTY, agent = %NASTY, name = ?NASTY, "signed in {NASTY}");
        });
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        let line = text.strip_suffix('\n').unwrap();
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(!line.contains(['\u{2028}', '\u{202e}']), "{line:?}");
        assert!(line.contains("bob") && line.contains("forged"), "encoded, not lost: {line}");
    }
}

#[test]
fn a_json_line_decodes_to_what_was_said() {
    let text = logged(LogFormat::Json, LogLevel::Info, || {
        tracing::info!(target: "keyhaven", user = NASTY, count = 3, time = "forged", level = "forged", "x{NASTY}");
    });
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["user"], NASTY);
    assert_eq!(line["message"], format!("x{NASTY}"));
    assert_eq!(line["count"], 3);
    assert_eq!(line["time"], "2026-05-28T20:26:40.123Z", "a field cannot replace the time");
    assert_eq!(line["level"], "info");
}

#[test]
fn libraries_are_heard_only_when_they_warn() {
    let text = logged(LogFormat::Json, LogLevel::Trace, || {
        tracing::debug!(target: "h2", "every frame");
        tracing::warn!(target: "h2", "a warning");
        tracing::trace!(target: "keyhaven::http", "ours");
    });
    assert!(!text.contains("every frame"), "{text}");
    assert!(text.contains("a warning") && text.contains("ours"), "{text}");
}

#[test]
fn less_important_lines_are_not_written() {
    let text = logged(LogFormat::Json, LogLevel::Warn, || {
        tracing::info!(target: "keyhaven", "quiet");
        tracing::warn!(target: "keyhaven", "loud");
    });
    assert!(!text.contains("quiet") && text.contains("loud"));
}
