//! What is different between two documents, as lines for `CHANGELOG.md`: operations, parameters,
//! members. What breaks callers says so, and needs another major version.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
const BREAKING: &str = "**breaking**";

/// The lines, what breaks first.
pub(super) fn between(old: &Value, new: &Value) -> Vec<String> {
    let mut lines = operations(old, new);
    lines.extend(schemas(old, new));
    lines.sort_by_key(|line| !line.starts_with(BREAKING));
    lines
}

/// Whether callers must be told by the version, and are not: the first number that is not zero is the
/// one that says it.
pub(super) fn hides_a_break(old: &Value, new: &Value, lines: &[String]) -> bool {
    let major = |document: &Value| {
        let version = document["info"]["version"].as_str().unwrap_or_default();
        let mut numbers = version.split('.').map(str::to_owned);
        numbers.find(|number| number != "0")
    };
    lines.iter().any(|line| line.starts_with(BREAKING)) && major(old) == major(new)
}

fn named(document: &Value) -> BTreeMap<String, &Value> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| {
            let all = METHODS.iter().filter_map(move |method| Some((method, item.get(method)?)));
            all.map(move |(method, operation)| {
                (format!("`{} {path}`", method.to_uppercase()), operation)
            })
        })
        .collect()
}

fn operations(old: &Value, new: &Value) -> Vec<String> {
    let (before, after) = (named(old), named(new));
    let mut lines = Vec::new();
    for (name, had) in &before {
        match after.get(name) {
            None => lines.push(format!("{BREAKING} {name} is gone.")),
            Some(has) => lines.extend(operation(name, had, has)),
        }
    }
    let made = after.iter().filter(|(name, _)| !before.contains_key(*name));
    lines.extend(made.map(|(name, operation)| {
        let summary = operation["summary"].as_str().unwrap_or_default();
        format!("**added** {name}: {summary}.")
    }));
    lines
}

fn operation(name: &str, had: &Value, has: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for (what, word) in
        [("operationId", "is called otherwise"), ("security", "asks for another credential")]
    {
        if had[what] != has[what] {
            lines.push(format!("{BREAKING} {name} {word}."));
        }
    }
    let (before, after) = (parameters(had), parameters(has));
    for (parameter, required) in &after {
        match before.get(parameter) {
            None if *required => lines.push(format!("{BREAKING} {name} needs `{parameter}`.")),
            Some(false) if *required => {
                lines.push(format!("{BREAKING} {name} needs `{parameter}`."));
            }
            None => lines.push(format!("**added** {name} takes `{parameter}`.")),
            Some(_) => {}
        }
    }
    let gone = before.keys().filter(|parameter| !after.contains_key(*parameter));
    lines.extend(gone.map(|parameter| format!("{BREAKING} {name} takes no `{parameter}`.")));
    let statuses = |operation: &Value| -> BTreeSet<String> {
        operation["responses"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(status, _)| status.clone())
            .collect()
    };
    let (before, after) = (statuses(had), statuses(has));
    lines.extend(before.difference(&after).map(|status| {
        // A success that is gone breaks callers, a refusal does not.
        let word = if status.starts_with('2') { BREAKING } else { "**changed**" };
        format!("{word} {name} no longer answers {status}.")
    }));
    lines.extend(
        after.difference(&before).map(|status| format!("**changed** {name} may answer {status}.")),
    );
    lines
}

/// Whether each parameter is required, by name.
fn parameters(operation: &Value) -> BTreeMap<String, bool> {
    let all = operation["parameters"].as_array().into_iter().flatten();
    all.filter_map(|one| Some((one["name"].as_str()?.to_owned(), one["required"] == true)))
        .collect()
}

fn schemas(old: &Value, new: &Value) -> Vec<String> {
    let asked = asked_with(new);
    let (Some(before), Some(after)) =
        (old["components"]["schemas"].as_object(), new["components"]["schemas"].as_object())
    else {
        return Vec::new();
    };
    let both = before.iter().filter_map(|(name, had)| Some((name, had, after.get(name)?)));
    both.flat_map(|(name, had, has)| members(name, had, has, asked.contains(name))).collect()
}

fn members(name: &str, had: &Value, has: &Value, is_asked_with: bool) -> Vec<String> {
    let empty = serde_json::Map::new();
    let of = |schema: &'_ Value| {
        schema["properties"].as_object().cloned().unwrap_or_else(|| empty.clone())
    };
    let needs = |schema: &Value, member: &str| {
        schema["required"].as_array().is_some_and(|list| list.iter().any(|one| one == member))
    };
    let (before, after) = (of(had), of(has));
    let mut lines = Vec::new();
    for (member, was) in &before {
        let place = format!("`{name}.{member}`");
        match after.get(member) {
            None => lines.push(format!("{BREAKING} {place} is gone.")),
            Some(is) if kind(was) != kind(is) => {
                lines.push(format!("{BREAKING} {place} is of another type."));
            }
            Some(_) if needs(has, member) && !needs(had, member) && is_asked_with => {
                lines.push(format!("{BREAKING} {place} is needed."));
            }
            Some(_) if needs(had, member) && !needs(has, member) && !is_asked_with => {
                lines.push(format!("{BREAKING} {place} may be absent."));
            }
            Some(_) => {}
        }
    }
    for member in after.keys().filter(|member| !before.contains_key(*member)) {
        let place = format!("`{name}.{member}`");
        let breaks = is_asked_with && needs(has, member);
        lines.push(format!(
            "{} {place}{}.",
            if breaks { BREAKING } else { "**added**" },
            if breaks { " is needed" } else { "" }
        ));
    }
    lines
}

/// What makes a type another one. Words that an enumeration gains are none: all of ours are open.
fn kind(schema: &Value) -> [&Value; 4] {
    [&schema["type"], &schema["$ref"], &schema["items"], &schema["oneOf"]]
}

/// Schemas that requests are made of, and those in them.
fn asked_with(document: &Value) -> BTreeSet<String> {
    let mut waiting: Vec<&Value> =
        named(document).into_values().map(|one| &one["requestBody"]).collect();
    let mut found = BTreeSet::new();
    while let Some(value) = waiting.pop() {
        match value {
            Value::Array(all) => waiting.extend(all),
            Value::Object(all) => {
                let reference = all.get("$ref").and_then(Value::as_str);
                if let Some(name) = reference.and_then(|text| text.rsplit('/').next())
                    && found.insert(name.to_owned())
                {
                    waiting.push(&document["components"]["schemas"][name]);
                }
                waiting.extend(all.values());
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({"info": {"version": "1.2.0"}, "paths": {"/things": {"post": {
            "operationId": "make", "summary": "Make one", "security": [{"a": []}],
            "parameters": [{"name": "kind", "in": "query"}],
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Make"}}}},
            "responses": {"201": {}, "400": {}},
        }}}, "components": {"schemas": {
            "Make": {"required": ["name"], "properties": {"name": {"type": "string"}, "size": {"type": "integer"}}},
            "Thing": {"required": ["id"], "properties": {"id": {"type": "string"}}},
        }}})
    }

    #[track_caller]
    fn check(edit: impl FnOnce(&mut Value), expected: &[&str]) {
        let (old, mut new) = (document(), document());
        edit(&mut new);
        assert_eq!(between(&old, &new), expected);
    }

    #[test]
    fn the_same_document_has_no_line() {
        check(|_| {}, &[]);
    }

    #[test]
    fn each_difference_is_a_line_and_what_breaks_says_so() {
        let operation = "/paths/~1things/post";
        let at =
            |new: &mut Value, place: &str, value: Value| *new.pointer_mut(place).unwrap() = value;
        check(
            |new| new["paths"]["/things"]["get"] = json!({"summary": "List things"}),
            &["**added** `GET /things`: List things."],
        );
        check(|new| new["paths"] = json!({}), &["**breaking** `POST /things` is gone."]);
        check(
            |new| at(new, &format!("{operation}/operationId"), json!("produce")),
            &["**breaking** `POST /things` is called otherwise."],
        );
        check(
            |new| {
                at(
                    new,
                    &format!("{operation}/parameters/0"),
                    json!({"name": "kind", "required": true}),
                );
            },
            &["**breaking** `POST /things` needs `kind`."],
        );
        check(
            |new| at(new, &format!("{operation}/responses"), json!({"201": {}, "409": {}})),
            &[
                "**changed** `POST /things` no longer answers 400.",
                "**changed** `POST /things` may answer 409.",
            ],
        );
        check(
            |new| at(new, &format!("{operation}/responses"), json!({"200": {}, "400": {}})),
            &[
                "**breaking** `POST /things` no longer answers 201.",
                "**changed** `POST /things` may answer 200.",
            ],
        );
        let schemas = "/components/schemas";
        check(
            |new| at(new, &format!("{schemas}/Make/required"), json!(["name", "size"])),
            &["**breaking** `Make.size` is needed."],
        );
        check(
            |new| at(new, &format!("{schemas}/Thing/required"), json!([])),
            &["**breaking** `Thing.id` may be absent."],
        );
        check(
            |new| {
                at(
                    new,
                    &format!("{schemas}/Thing/properties"),
                    json!({"id": {"type": "integer"}, "more": {}}),
                );
            },
            &["**breaking** `Thing.id` is of another type.", "**added** `Thing.more`."],
        );
    }

    #[test]
    fn a_break_needs_another_major_version_and_below_one_another_minor() {
        let lines = ["**breaking** x".to_owned()];
        let version = |text: &str| json!({"info": {"version": text}});
        for (before, after, hides) in [
            ("1.2.0", "1.3.0", true),
            ("1.2.0", "2.0.0", false),
            ("0.1.0", "0.1.1", true),
            ("0.1.0", "0.2.0", false),
        ] {
            assert_eq!(
                hides_a_break(&version(before), &version(after), &lines),
                hides,
                "{before} {after}"
            );
            assert!(!hides_a_break(&version(before), &version(after), &[]));
        }
    }
}
