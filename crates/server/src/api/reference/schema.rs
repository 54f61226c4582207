//! Schemas: their members as a table, their examples as JSON.

use serde_json::Value;

use super::{escape, prose, text};

/// The schema behind a reference.
pub(super) fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match referred(schema) {
        Some(name) => &document["components"]["schemas"][name],
        None => schema,
    }
}

/// The schema's name, linked.
pub(super) fn name(schema: &Value) -> String {
    match referred(schema) {
        Some(name) => format!("<a href=\"#schema-{0}\">{0}</a>", escape(name)),
        None => kind(schema),
    }
}

/// The members of an object schema.
pub(super) fn members(document: &Value, schema: &Value) -> String {
    let mut rows = String::new();
    for part in parts(document, schema) {
        let required: Vec<&str> =
            part["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (member, value) in part["properties"].as_object().into_iter().flatten() {
            let mark = if required.contains(&member.as_str()) { "required" } else { "" };
            rows.push_str(&format!(
                "<tr><td><code>{}</code><br><small>{}</small></td><td>{}</td><td>{} {}</td></tr>\n",
                escape(member),
                mark,
                name(value),
                prose(text(value, "description")),
                bounds(value)
            ));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    format!(
        "<div class=\"wide\"><table><thead><tr><th>Member</th><th>Type</th><th>Means</th></tr>\
         </thead><tbody>\n{rows}</tbody></table></div>\n"
    )
}

/// Default and limits in words.
pub(super) fn bounds(schema: &Value) -> String {
    let mut words = Vec::new();
    for (member, label) in [("minimum", "from"), ("maximum", "to"), ("default", "default")] {
        if !schema[member].is_null() {
            words.push(format!("{label} <code>{}</code>", escape(&schema[member].to_string())));
        }
    }
    if words.is_empty() { String::new() } else { format!("<small>{}</small>", words.join(", ")) }
}

/// The example of a body, its own or made of its schema's.
pub(super) fn example(document: &Value, content: &Value) -> String {
    let value = match &content["example"] {
        Value::Null => made(document, &content["schema"]),
        own => own.clone(),
    };
    if value.is_null() {
        return String::new();
    }
    let json = serde_json::to_string_pretty(&value).unwrap_or_default();
    format!("<pre tabindex=\"0\"><code>{}</code></pre>\n", escape(&json))
}

fn made(document: &Value, schema: &Value) -> Value {
    let schema = resolve(document, schema);
    if !schema["example"].is_null() {
        return schema["example"].clone();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = serde_json::Map::new();
        for part in parts {
            if let Value::Object(members) = made(document, part) {
                whole.extend(members);
            }
        }
        return Value::Object(whole);
    }
    if let Some(members) = schema["properties"].as_object() {
        let made = members.iter().map(|(member, value)| (member.clone(), made(document, value)));
        return Value::Object(made.filter(|(_, value)| !value.is_null()).collect());
    }
    if schema["type"] == "array" {
        return Value::Array(vec![made(document, &schema["items"])]);
    }
    Value::Null
}

/// A schema, or what it is put together from.
fn parts<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    match schema["allOf"].as_array() {
        Some(parts) => parts.iter().map(|part| resolve(document, part)).collect(),
        None => vec![schema],
    }
}

fn referred(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str().and_then(|path| path.rsplit('/').next())
}

/// The type in words.
fn kind(schema: &Value) -> String {
    if let Some(choices) = schema["oneOf"].as_array() {
        return choices.iter().map(name).collect::<Vec<_>>().join(" or ");
    }
    match &schema["type"] {
        Value::String(word) if word == "array" => format!("list of {}", name(&schema["items"])),
        Value::String(word) => escape(word),
        Value::Array(words) => {
            let words = words.iter().filter_map(Value::as_str).map(|word| {
                if word == "array" {
                    format!("list of {}", name(&schema["items"]))
                } else {
                    escape(word)
                }
            });
            words.collect::<Vec<_>>().join(" or ")
        }
        _ => String::new(),
    }
}
