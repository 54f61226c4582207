//! `keyhaven config`: each key, its value (secrets masked) and where it came from.

use serde::Serialize;

use super::Loaded;

/// One line of the print.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The key.
    pub key: &'static str,
    /// The value as an operator would write it; dots for a secret that is set.
    pub value: String,
    /// The layer it came from.
    pub from: String,
}

/// The lines, in the order of the reference page.
#[must_use]
pub fn lines(loaded: &Loaded) -> Vec<Line> {
    let line = |origin: &super::load::Origin| Line {
        key: origin.key.name,
        value: origin.shown.clone(),
        from: origin.from.clone(),
    };
    loaded.origins.iter().map(line).collect()
}

/// As a table for people.
#[must_use]
pub fn table(loaded: &Loaded) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["key", "value", "from"]);
    for line in lines(loaded) {
        table.add_row([line.key, &line.value, &line.from]);
    }
    table.to_string()
}

/// As JSON for machines: an array of lines.
#[must_use]
pub fn json(loaded: &Loaded) -> serde_json::Value {
    serde_json::json!(lines(loaded))
}
