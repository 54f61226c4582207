//! What the command line says: one JSON document, or tables for people. Colours only on a terminal.

use std::io::{self, IsTerminal, Write};

use anyhow::Result;
use serde_json::{Value, json};

use super::refused::Refused;

/// Colours that mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Bold,
    Dim,
    Good,
    Warn,
    Bad,
    Name,
    Text,
    Number,
}

impl Ink {
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "1;32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Name => "36",
            Self::Text => "32",
            Self::Number => "35",
        }
    }
}

/// Prints for whoever asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Printer {
    json: bool,
    ink: bool,
}

impl Printer {
    /// `colour` is whether the environment leaves colours to us.
    pub(super) fn of(json: bool, colour: bool) -> Self {
        Self { json, ink: colour && !json && io::stdout().is_terminal() }
    }

    /// Whether a JSON document was asked for.
    pub(super) const fn is_json(self) -> bool {
        self.json
    }

    /// `text` in a colour, on a terminal.
    pub(super) fn paint(self, ink: Ink, text: &str) -> String {
        if self.ink { format!("\x1b[{}m{text}\x1b[0m", ink.code()) } else { text.to_owned() }
    }

    /// Text for people.
    pub(super) fn say(self, text: &str) -> Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }

    /// A document for machines.
    pub(super) fn document(self, document: &Value) -> Result<()> {
        self.say(&serde_json::to_string_pretty(document)?)
    }

    /// One thing: the members in `order` first, then the others.
    pub(super) fn item(self, item: &Value, order: &[&str]) -> Result<()> {
        if self.json {
            return self.document(item);
        }
        let mut table = plain();
        for (name, value) in ordered(item, order) {
            table.add_row([label(name), cell(name, value)]);
        }
        let lines = lines(&mut table);
        let text: Vec<String> = lines.iter().map(|line| self.label_dim(line)).collect();
        self.say(&text.join("\n"))
    }

    /// A page of things: one line each, with these members as columns.
    pub(super) fn list(self, page: &Value, columns: &[&str]) -> Result<()> {
        if self.json {
            return self.document(page);
        }
        let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut table = plain();
        table.set_header(columns.iter().map(|name| label(name)));
        for item in items {
            table.add_row(columns.iter().map(|path| cell(path, at(item, path))));
        }
        let lines = lines(&mut table);
        let (head, rest) =
            lines.split_first().map_or(("", &[][..]), |(h, rest)| (h.as_str(), rest));
        let rest = if items.is_empty() { "(none)".to_owned() } else { rest.join("\n") };
        self.say(&format!("{}\n{rest}", self.paint(Ink::Bold, head)))?;
        match page["next"].as_str() {
            None => Ok(()),
            Some(next) => self.say(&self.paint(Ink::Dim, &format!("more: --cursor {next}"))),
        }
    }

    /// Says that the secret above will not be shown again.
    pub(super) fn shown_once(self, there_is_one: bool) -> Result<()> {
        if self.json || !there_is_one {
            return Ok(());
        }
        self.say(&self.paint(Ink::Warn, "\nKeep the secret now: it is not shown again."))
    }

    /// Something happened: a sentence for people, a document for machines.
    pub(super) fn done(self, sentence: &str, document: &Value) -> Result<()> {
        if self.json {
            return self.document(document);
        }
        self.say(&format!("{} {sentence}", self.paint(Ink::Good, "✓")))
    }

    /// The last word of a failed command, on the error output.
    pub(super) fn error(self, error: &anyhow::Error) {
        let mut out = io::stderr().lock();
        let line = if self.json {
            let told = error.downcast_ref::<Refused>().map(|refused| refused.document.clone());
            let told = told.unwrap_or_else(|| json!({ "title": format!("{error:#}") }));
            told.to_string()
        } else {
            format!("keyhaven: {error:#}")
        };
        // Nobody is left to tell when this fails.
        let _ = writeln!(out, "{line}");
    }

    fn label_dim(self, line: &str) -> String {
        let end = line.find("  ").unwrap_or(line.len());
        format!("{}{}", self.paint(Ink::Dim, &line[..end]), &line[end..])
    }
}

/// A table without lines.
pub(super) fn plain() -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table
}

/// Its lines, two spaces between columns and none around them.
fn lines(table: &mut comfy_table::Table) -> Vec<String> {
    table.discover_columns();
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// The member at a dotted path.
fn at<'a>(item: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(item, |value, name| &value[name])
}

fn ordered<'a>(item: &'a Value, order: &[&str]) -> Vec<(&'a str, &'a Value)> {
    let Some(members) = item.as_object() else { return Vec::new() };
    let rank = |name: &str| order.iter().position(|known| *known == name).unwrap_or(order.len());
    let mut members: Vec<_> = members.iter().map(|(name, value)| (name.as_str(), value)).collect();
    members.sort_by_key(|(name, _)| rank(name));
    members.into_iter().flat_map(|(name, value)| inner(name, value)).collect()
}

/// The members of an object stand for it; one without members is not worth a line.
fn inner<'a>(name: &'a str, value: &'a Value) -> Vec<(&'a str, &'a Value)> {
    match value {
        Value::Null => Vec::new(),
        Value::Object(members) => {
            members.iter().flat_map(|(name, value)| inner(name, value)).collect()
        }
        _ => vec![(name, value)],
    }
}

fn label(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).replace('_', " ")
}

/// A value in a table. What others named must not steer the terminal.
fn cell(name: &str, value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::String(text) if is_time(name) => {
            text.parse().ok().and_then(moment).unwrap_or_else(|| text.clone())
        }
        Value::String(text) => text.clone(),
        Value::Number(seconds) if is_time(name) => {
            seconds.as_i64().and_then(moment).unwrap_or_else(|| seconds.to_string())
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| cell(name, item)).collect();
            items.join(" ")
        }
        other => other.to_string(),
    };
    harmless(&text)
}

/// Text that others chose, unable to steer a terminal.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn is_time(name: &str) -> bool {
    ["at", "now", "not_before", "iat", "exp", "nbf"].contains(&name)
        || name.ends_with("_at")
        || name.ends_with("_by")
        || name.ends_with("_from")
}

/// Seconds since 1970 as people and machines read them (RFC 3339).
pub(super) fn moment(seconds: i64) -> Option<String> {
    jiff::Timestamp::from_second(seconds).ok().map(|moment| moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_out_and_control_characters_are_not() {
        assert_eq!(cell("created_at", &json!(0)), "1970-01-01T00:00:00Z");
        assert_eq!(cell("access_ttl", &json!(300)), "300");
        assert_eq!(cell("name", &json!("a\u{1b}[31mb")), "a\u{fffd}[31mb");
        assert_eq!(cell("groups", &json!(["a", "b"])), "a b");
    }

    #[test]
    fn members_come_in_the_order_asked_for_and_none_is_lost() {
        let item = json!({"a": 1, "b": 2, "c": 3});
        let names: Vec<_> = ordered(&item, &["c"]).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["c", "a", "b"]);
    }
}
