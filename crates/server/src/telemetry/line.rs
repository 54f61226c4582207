//! One log line from one event: for people or as JSON, in UTC, with the id of the request being
//! worked on. Text that came from outside is encoded, so that it can neither start a new line nor
//! speak to a terminal (A84).

use std::fmt::{self, Write};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// JSON, one object a line.
    Json,
    /// Plain text.
    Plain,
    /// Text with colours of ours.
    Coloured,
}

/// What an event says, in order.
#[derive(Default)]
struct Said {
    message: String,
    fields: Map<String, Value>,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::String(value.to_owned()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, Value::String(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::Bool(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, u64::try_from(value).unwrap_or(u64::MAX).into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
}

impl Said {
    fn put(&mut self, field: &Field, value: Value) {
        match value {
            Value::String(text) if field.name() == "message" => self.message = text,
            value => {
                self.fields.insert(field.name().to_owned(), value);
            }
        }
    }
}

/// The line of `event`, ending in a line feed.
pub(super) fn line(event: &Event<'_>, at: &str, request: Option<String>, look: Look) -> Vec<u8> {
    let mut said = Said::default();
    event.record(&mut said);
    let metadata = event.metadata();
    let line = match look {
        Look::Json => json(said, metadata.level(), metadata.target(), at, request),
        Look::Plain | Look::Coloured => pretty(&said, *metadata.level(), at, request, look),
    };
    line.into_bytes()
}

fn json(said: Said, level: &Level, target: &str, at: &str, request: Option<String>) -> String {
    let mut all = Map::new();
    all.insert("time".to_owned(), at.into());
    all.insert("level".to_owned(), level.as_str().to_ascii_lowercase().into());
    all.insert("message".to_owned(), said.message.into());
    if let Some(request) = request {
        all.insert("request_id".to_owned(), request.into());
    }
    all.insert("target".to_owned(), target.into());
    for (name, value) in said.fields {
        all.entry(name).or_insert(value);
    }
    let mut out = String::new();
    // serde_json encodes what JSON forbids; the rest that terminals obey is encoded here. Outside
    // of strings JSON has none of it, so the line stays JSON.
    encode(&Value::Object(all).to_string(), Escape::Json, &mut out);
    out.push('\n');
    out
}

fn pretty(said: &Said, level: Level, at: &str, request: Option<String>, look: Look) -> String {
    let (dim, colour, plain) = match look {
        Look::Coloured => ("\x1b[2m", colour(level), "\x1b[0m"),
        Look::Plain | Look::Json => ("", "", ""),
    };
    let mut out = String::with_capacity(160);
    // Writing to a String cannot fail.
    let _ = write!(out, "{dim}{at}{plain} {colour}{level:>5}{plain} ");
    encode(&said.message, Escape::Text, &mut out);
    let request = request.map(|id| ("request_id".to_owned(), Value::String(id)));
    for (name, value) in said.fields.clone().into_iter().chain(request) {
        let _ = write!(out, "  {dim}{name}={plain}");
        match value {
            Value::String(text) => encode(&text, Escape::Text, &mut out),
            other => out.push_str(&other.to_string()),
        }
    }
    out.push('\n');
    out
}

const fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        Level::DEBUG => "\x1b[34m",
        Level::TRACE => "\x1b[35m",
    }
}

#[derive(Clone, Copy)]
enum Escape {
    Json,
    Text,
}

/// Copies `text` with control characters, and those that reorder or hide text, as `\u` escapes.
fn encode(text: &str, escape: Escape, out: &mut String) {
    for c in text.chars() {
        if !is_unsafe(c) {
            out.push(c);
            continue;
        }
        let _ = match escape {
            // All of these are in the basic plane, so four digits do.
            Escape::Json => write!(out, "\\u{:04x}", u32::from(c)),
            Escape::Text => write!(out, "{}", c.escape_unicode()),
        };
    }
}

/// Controls of C0 and C1, line and paragraph separators, and the bidirectional controls.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
