//! Schemas as types: those of the document by their names, those inside others by theirs and the
//! member's.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::model::{Field, Schema, Type, Value};
use super::names;

/// Collects types while the document is read.
pub(super) struct Types<'a> {
    components: &'a serde_json::Map<String, Json>,
    pub(super) schemas: Vec<Schema>,
    pub(super) secrets: BTreeSet<String>,
}

/// A type, and whether `null` is one of its values.
type Read = (Type, bool);

impl<'a> Types<'a> {
    /// All named schemas of the document.
    pub(super) fn read(components: &'a serde_json::Map<String, Json>) -> Self {
        let mut types = Self { components, schemas: Vec::new(), secrets: BTreeSet::new() };
        for (name, schema) in components {
            types.name(&names::pascal(name), schema);
        }
        types
    }

    /// Gives a schema a name.
    fn name(&mut self, name: &str, schema: &Json) {
        if self.schemas.iter().any(|known| known.name == name) {
            return;
        }
        let at = self.schemas.len();
        self.schemas.push(Schema {
            name: name.to_owned(),
            description: text(schema, "description"),
            fields: Vec::new(),
            values: Vec::new(),
            is_error: false,
            patch: false,
            example: schema["example"].clone(),
            sample: String::new(),
        });
        let fields = self.members(name, schema);
        let values = schema["enum"].as_array().into_iter().flatten().filter_map(Json::as_str);
        self.schemas[at].values = values
            .map(|wire| Value { wire: wire.to_owned(), pascal: names::pascal(wire) })
            .collect();
        self.schemas[at].fields = fields;
    }

    /// The members of an object, those of the parts it is made of included.
    fn members(&mut self, owner: &str, schema: &Json) -> Vec<Field> {
        let mut fields = Vec::new();
        if let Some(one) = one_object(schema) {
            return self.members(owner, &one);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            let part = self.resolve(part).clone();
            fields.extend(self.members(owner, &part));
        }
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
        for (wire, member) in schema["properties"].as_object().into_iter().flatten() {
            let mut field = self.field(owner, wire, member, "body");
            field.required = required.contains(&wire.as_str());
            fields.push(field);
        }
        fields
    }

    fn resolve(&self, schema: &'a Json) -> &'a Json {
        match schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            Some(name) => &self.components[name],
            None => schema,
        }
    }

    /// A member or a parameter; the caller knows whether it is required.
    pub(super) fn field(&mut self, owner: &str, wire: &str, schema: &Json, place: &str) -> Field {
        let suggested = format!("{owner}{}", names::pascal(wire));
        let (kind, nullable) = self.type_of(schema, &suggested);
        let secret = schema["x-sdk-secret"] == Json::Bool(true);
        if secret {
            self.secrets.insert(wire.to_owned());
        }
        let is_header = place == "header";
        Field {
            wire: wire.to_owned(),
            camel: if is_header { names::camel(wire) } else { names::property(wire) },
            go: names::go(wire),
            rust: names::rust(wire),
            place: place.to_owned(),
            kind,
            required: false,
            nullable,
            secret,
            description: text(schema, "description"),
            example: schema["example"].clone(),
        }
    }

    /// The type of a schema; one that needs a name gets the suggested one.
    pub(super) fn type_of(&mut self, schema: &Json, suggested: &str) -> Read {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            return (named(&names::pascal(name)), false);
        }
        for several in ["oneOf", "anyOf"] {
            if let Some(parts) = schema[several].as_array() {
                return self.one_of(parts, suggested);
            }
        }
        let (kind, nullable) = kind_of(schema);
        if schema["enum"].is_array() && kind == "string" {
            self.name(suggested, schema);
            return (named(suggested), nullable);
        }
        let read = match kind {
            "string" => plain("string", "string", "String"),
            "integer" => plain("number", "int64", "i64"),
            "number" => plain("number", "float64", "f64"),
            "boolean" => plain("boolean", "bool", "bool"),
            "array" => list(&self.type_of(&schema["items"], suggested).0),
            "object" => self.object(schema, suggested),
            _ => anything(),
        };
        (read, nullable)
    }

    /// Something or nothing; several somethings are anything.
    fn one_of(&mut self, parts: &[Json], suggested: &str) -> Read {
        let nullable = parts.iter().any(|part| part["type"] == "null");
        let others: Vec<&Json> = parts.iter().filter(|part| part["type"] != "null").collect();
        match others.as_slice() {
            [one] => (self.type_of(one, suggested).0, nullable),
            _ => (anything(), nullable),
        }
    }

    /// A named schema for validators: members by wire name, `?` behind optional ones. A type is
    /// `s`, `n`, `b`, `a` (anything), `o` (any object), another shape, or a list of one.
    pub(super) fn shape(&self, name: Option<&str>, above: &mut Vec<String>) -> Json {
        let Some(schema) = self.schemas.iter().find(|schema| Some(schema.name.as_str()) == name)
        else {
            return Json::from("a");
        };
        if !schema.values.is_empty() {
            return Json::from("s");
        }
        if above.contains(&schema.name) {
            return Json::from("o");
        }
        above.push(schema.name.clone());
        let mut members = serde_json::Map::new();
        for field in &schema.fields {
            let mut inner = match field.kind.ts.trim_start_matches("Array<").trim_end_matches('>') {
                "string" => Json::from("s"),
                "number" => Json::from("n"),
                "boolean" => Json::from("b"),
                _ if field.kind.named.is_some() => self.shape(field.kind.named.as_deref(), above),
                "unknown" => Json::from("a"),
                _ => Json::from("o"),
            };
            if field.kind.list {
                inner = Json::from(vec![inner]);
            }
            let mark = if field.required && !field.nullable { "" } else { "?" };
            members.insert(format!("{}{mark}", field.wire), inner);
        }
        above.pop();
        Json::Object(members)
    }

    fn object(&mut self, schema: &Json, suggested: &str) -> Type {
        if !schema["properties"].is_object() && !schema["allOf"].is_array() {
            return free();
        }
        let same = self.components.iter().find(|(_, known)| same(known, schema));
        if let Some((name, _)) = same {
            return named(&names::pascal(name));
        }
        self.name(suggested, schema);
        named(suggested)
    }
}

/// Several objects of which a value is one, as one: what all require is required, and a member's
/// values are those of any.
fn one_object(schema: &Json) -> Option<Json> {
    let parts = schema["oneOf"].as_array()?;
    let mut members = serde_json::Map::new();
    let mut required = parts.first()?["required"].as_array().cloned().unwrap_or_default();
    for part in parts {
        let own = part["required"].as_array().cloned().unwrap_or_default();
        required.retain(|name| own.contains(name));
        for (wire, member) in part["properties"].as_object()? {
            let known = members.entry(wire.clone()).or_insert_with(|| member.clone());
            let more = member["enum"].as_array().cloned().unwrap_or_default();
            if let Some(values) = known["enum"].as_array_mut() {
                let new: Vec<Json> = more.into_iter().filter(|one| !values.contains(one)).collect();
                values.extend(new);
            }
        }
    }
    Some(serde_json::json!({"properties": members, "required": required}))
}

/// Whether two schemas have the same members.
fn same(one: &Json, other: &Json) -> bool {
    one["properties"] == other["properties"]
        && one["required"] == other["required"]
        && one["allOf"] == other["allOf"]
}

fn kind_of(schema: &Json) -> (&str, bool) {
    match &schema["type"] {
        Json::String(kind) => (kind, false),
        Json::Array(kinds) => {
            let kind = kinds.iter().filter_map(Json::as_str).find(|kind| *kind != "null");
            (kind.unwrap_or_default(), kinds.iter().any(|kind| kind == "null"))
        }
        _ if schema["properties"].is_object() || schema["allOf"].is_array() => ("object", false),
        _ => ("", false),
    }
}

fn plain(ts: &str, go: &str, rust: &str) -> Type {
    Type {
        ts: ts.to_owned(),
        go: go.to_owned(),
        rust: rust.to_owned(),
        named: None,
        nilable: false,
        list: false,
    }
}

/// A type with a name of its own.
pub(super) fn named(name: &str) -> Type {
    let go = format!("shared.{}", names::go(name));
    Type { named: Some(name.to_owned()), ..plain(name, &go, name) }
}

fn list(of: &Type) -> Type {
    Type {
        ts: format!("Array<{}>", of.ts),
        go: format!("[]{}", of.go),
        rust: format!("Vec<{}>", of.rust),
        named: of.named.clone(),
        nilable: true,
        list: true,
    }
}

fn free() -> Type {
    let rust = "serde_json::Map<String, serde_json::Value>";
    Type { nilable: true, ..plain("Record<string, unknown>", "map[string]any", rust) }
}

fn anything() -> Type {
    Type { nilable: true, ..plain("unknown", "any", "serde_json::Value") }
}

/// A member of a schema as text.
pub(super) fn text(value: &Json, name: &str) -> String {
    value[name].as_str().unwrap_or_default().trim().to_owned()
}
