//! Structured log lines. A line is written by whoever turns an error into an answer, once; there
//! are no raw headers, queries or bodies in any of them, and secret types print as dots.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use metrics::Counter;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use super::line::{Look, line};
pub use super::sink::Flush;
use super::sink::{self, Queue};
use crate::config::{LogFormat, LogLevel};
use crate::http::request;

/// Gives the present in milliseconds since the Unix epoch.
pub type WallClock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How lines are made.
pub struct Logs {
    /// How they look; `Auto` asks whether standard error is a terminal.
    pub format: LogFormat,
    /// The least important level that is written.
    pub level: LogLevel,
    /// The time at the beginning of a line.
    pub clock: WallClock,
    /// Counts lines that were dropped.
    pub dropped: Counter,
}

impl Logs {
    /// Logs to standard error from now on, and logs panics. Keep the `Flush` until the end of
    /// `main`: dropping it writes what is queued.
    ///
    /// # Errors
    /// When the thread cannot be started or logging was already set up.
    pub fn install(self) -> io::Result<Flush> {
        let (layer, flush) = self.layer(io::stderr(), io::stderr().is_terminal())?;
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::set_global_default(subscriber).map_err(io::Error::other)?;
        std::panic::set_hook(Box::new(log_panic));
        Ok(flush)
    }

    /// Logs to `out`, for this thread and as long as the guard lives.
    ///
    /// # Errors
    /// When the thread that writes cannot be started.
    pub fn here(self, out: impl Write + Send + 'static) -> io::Result<(DefaultGuard, Flush)> {
        let (layer, flush) = self.layer(out, false)?;
        let subscriber = tracing_subscriber::registry().with(layer);
        Ok((tracing::subscriber::set_default(subscriber), flush))
    }

    fn layer<S>(
        self,
        out: impl Write + Send + 'static,
        terminal: bool,
    ) -> io::Result<(impl Layer<S>, Flush)>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let look = match (self.format, terminal) {
            (LogFormat::Json, _) | (LogFormat::Auto, false) => Look::Json,
            (LogFormat::Pretty, false) => Look::Plain,
            (LogFormat::Pretty | LogFormat::Auto, true) => Look::Coloured,
        };
        let (queue, flush) = sink::start(out, self.dropped)?;
        let lines = Lines { queue, look, clock: self.clock };
        Ok((lines.with_filter(filter(self.level)), flush))
    }
}

/// Libraries are heard only when they warn: below that, some write what passes through them.
fn filter(level: LogLevel) -> Targets {
    let level = level_filter(level);
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("keyhaven", level)
}

const fn level_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

struct Lines {
    queue: Queue,
    look: Look,
    clock: WallClock,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let millis = i64::try_from((self.clock)()).unwrap_or(i64::MAX);
        // A clock beyond the year 9999 has no text; the line is worth more than its time.
        let at = jiff::Timestamp::from_millisecond(millis)
            .map_or_else(|_| String::new(), |at| format!("{at:.3}"));
        let request = request::current().map(|id| id.to_string());
        self.queue.send(line(event, &at, request, self.look));
    }
}

/// Says where, not what: the text of a panic may hold a value that must not be logged.
fn log_panic(info: &std::panic::PanicHookInfo<'_>) {
    let place = info.location().map_or_else(String::new, ToString::to_string);
    tracing::error!(place, "a panic was caught");
}
