//! What the pages of `docs/sdks/` need beside templates: cells of tables, and examples of the
//! document as literals of TypeScript.

use minijinja::value::ValueKind;
use minijinja::{Error, Value};

use super::names;

/// A description as a cell of a table.
pub(super) fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

/// An example of the document as a literal in camelCase, but not below members whose keys are data.
pub(super) fn literal(value: &Value, opaque: &Value, depth: usize) -> Result<String, Error> {
    let indent = "  ".repeat(depth + 1);
    let end = "  ".repeat(depth);
    match value.kind() {
        ValueKind::Map => {
            let mut lines = Vec::new();
            for key in value.try_iter()? {
                let wire = key.to_string();
                let inner = value.get_item(&key)?;
                let is_opaque = opaque.try_iter()?.any(|name| name == key);
                let text =
                    if is_opaque { inner.to_string() } else { literal(&inner, opaque, depth + 1)? };
                lines.push(format!("{indent}{}: {text},\n", quoted(&names::property(&wire))));
            }
            if lines.is_empty() {
                return Ok("{}".to_owned());
            }
            Ok(format!("{{\n{}{end}}}", lines.concat()))
        }
        ValueKind::Seq => {
            let items: Result<Vec<String>, Error> =
                value.try_iter()?.map(|item| literal(&item, opaque, depth)).collect();
            Ok(format!("[{}]", items?.join(", ")))
        }
        ValueKind::None | ValueKind::Undefined => Ok("null".to_owned()),
        ValueKind::Bool => Ok(value.is_true().to_string()),
        ValueKind::String => Ok(serde_json::Value::from(value.to_string()).to_string()),
        _ => Ok(value.to_string()),
    }
}

/// A name that needs quotes as a key has them.
fn quoted(name: &str) -> String {
    let plain = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    if plain { name.to_owned() } else { format!("{name:?}") }
}
