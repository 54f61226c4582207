//! Examples of the document as literals of each language: what the pages show and the programs of
//! `examples/` run.
//!
//! What only a running server knows (whose key, which token) is a variable of the same name; the rest
//! stands there as the document has it.

use serde::Serialize;
use serde_json::Value as Json;

use super::model::{Field, Operation, Schema, Type};
use super::names;

/// Members of bodies that are variables; so is every part of a path.
const GIVEN: &[&str] = &[
    "access_token",
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "connector",
    "credential",
    "hold",
    "organization",
    "refresh_token",
    "ticket",
    "token",
    "user",
];

/// The request of one operation, and what it takes from outside.
#[derive(Debug, Default, Serialize)]
pub(super) struct Snippet {
    /// Empty where nothing must be given.
    pub(super) ts: String,
    pub(super) go: String,
    /// The body alone: Rust has the rest as arguments.
    pub(super) rust: String,
    pub(super) variables: Vec<Variable>,
}

/// Something that comes from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Variable {
    pub(super) wire: String,
    pub(super) camel: String,
    pub(super) rust: String,
}

impl Variable {
    fn of(wire: &str) -> Self {
        Self { wire: wire.to_owned(), camel: names::property(wire), rust: names::rust(wire) }
    }
}

/// The request of `operation` in all three languages.
pub(super) fn snippet(operation: &Operation, schemas: &[Schema]) -> Snippet {
    let mut writer = Writer { schemas, variables: Vec::new() };
    let path: Vec<&Field> = operation.parameters.iter().filter(|field| field.required).collect();
    for field in &path {
        writer.given(&field.wire);
    }
    let body = operation.body.as_ref().map(|body| {
        let schema = writer.schema(&body.schema);
        let example = schema.map(|schema| schema.example.clone()).unwrap_or_default();
        let example =
            if example.is_null() { Json::Object(serde_json::Map::default()) } else { example };
        (body, example)
    });
    let mut snippet = Snippet::default();
    if let Some((body, example)) = &body {
        let kind = super::schemas::named(&body.schema);
        let depth = usize::from(operation.request == "mixed");
        snippet.ts = writer.ts(example, &operation.opaque, depth);
        snippet.go = writer.go(&kind, example, false, false);
        snippet.rust = writer.rust(&kind, example);
    }
    match operation.request {
        "params" | "mixed" if !operation.request_optional => {
            let mut members: Vec<String> = path.iter().map(|field| field.camel.clone()).collect();
            let mut fields: Vec<String> = path
                .iter()
                .map(|field| format!("{}: {}", field.go, names::property(&field.wire)))
                .collect();
            if let Some((body, _)) = &body {
                members.push(format!("{}: {}", body.field, snippet.ts));
                fields.push(format!("{}: {}", names::go(&body.schema), snippet.go));
            }
            snippet.ts = braces(&members, 0);
            let name = names::go(&operation.pascal);
            snippet.go = format!("operations.{name}Request{{{}}}", fields.join(", "));
        }
        "params" | "mixed" => {
            snippet.ts = String::new();
            snippet.go = format!("operations.{}Request{{}}", names::go(&operation.pascal));
        }
        _ => {}
    }
    snippet.variables = writer.variables;
    snippet
}

struct Writer<'a> {
    schemas: &'a [Schema],
    variables: Vec<Variable>,
}

impl Writer<'_> {
    fn schema(&self, name: &str) -> Option<&Schema> {
        self.schemas.iter().find(|schema| schema.name == name)
    }

    /// Notes a variable.
    fn given(&mut self, wire: &str) -> Variable {
        let variable = Variable::of(wire);
        if !self.variables.contains(&variable) {
            self.variables.push(variable.clone());
        }
        variable
    }

    /// The variable that stands for a member, if its value is one.
    fn variable(&mut self, wire: &str, value: &Json) -> Option<Variable> {
        let text = value.as_str()?;
        (GIVEN.contains(&wire) || text.contains('…')).then(|| self.given(wire))
    }

    fn ts(&mut self, value: &Json, opaque: &[String], depth: usize) -> String {
        match value {
            Json::Object(members) => {
                let mut parts = Vec::new();
                for (wire, inner) in members {
                    let name = quoted(&names::property(wire));
                    let variable = self.variable(wire, inner);
                    parts.push(match variable {
                        Some(variable) if variable.camel == name => name,
                        Some(variable) => format!("{name}: {}", variable.camel),
                        None if opaque.contains(wire) => format!("{name}: {inner}"),
                        None => format!("{name}: {}", self.ts(inner, opaque, depth + 1)),
                    });
                }
                braces(&parts, depth)
            }
            Json::Array(items) => {
                let items: Vec<String> =
                    items.iter().map(|item| self.ts(item, opaque, depth)).collect();
                format!("[{}]", items.join(", "))
            }
            other => other.to_string(),
        }
    }

    /// A value of Go; `optional` ones are addresses unless their type tells absence by itself.
    fn go(&mut self, kind: &Type, value: &Json, optional: bool, secret: bool) -> String {
        let plain = match value {
            Json::Object(members) => match kind.named.as_deref().and_then(|name| self.schema(name))
            {
                Some(schema) => return self.go_struct(&schema.name.clone(), members, optional),
                None => return go_free(value),
            },
            Json::Array(items) => {
                let item = Type { list: false, ..element(kind) };
                let items: Vec<String> =
                    items.iter().map(|value| self.go(&item, value, false, secret)).collect();
                let items = items.join(", ").replace(&format!("{}{{", item.go), "{");
                return format!("{}{{{items}}}", kind.go);
            }
            _ if kind.go == "any" => return go_free(value),
            Json::String(text) if secret => format!("shared.Secret({text:?})"),
            Json::String(text) if kind.named.is_some() => format!("{}({text:?})", kind.go),
            other => other.to_string(),
        };
        match (optional, kind.go.as_str(), secret) {
            (false, ..) => plain,
            (true, "string", false) => format!("shared.String({plain})"),
            (true, "int64", _) => format!("shared.Int64({plain})"),
            (true, "bool", _) => format!("shared.Bool({plain})"),
            (true, "float64", _) => format!("shared.Pointer(float64({plain}))"),
            (true, ..) => format!("shared.Pointer({plain})"),
        }
    }

    fn go_struct(
        &mut self,
        name: &str,
        members: &serde_json::Map<String, Json>,
        optional: bool,
    ) -> String {
        let fields = self.schema(name).map(|schema| schema.fields.clone()).unwrap_or_default();
        let (mut parts, mut nulls) = (Vec::new(), Vec::new());
        for (wire, value) in members {
            let Some(field) = fields.iter().find(|field| field.wire == *wire) else { continue };
            let optional = !field.required || field.nullable;
            let optional = optional && !field.kind.nilable;
            if value.is_null() {
                nulls.push(format!("{wire:?}"));
                continue;
            }
            let text = match self.variable(wire, value) {
                Some(variable) => go_variable(&variable.camel, optional, field.secret),
                None => self.go(&field.kind, value, optional, field.secret),
            };
            parts.push(format!("{}: {text}", field.go));
        }
        if !nulls.is_empty() {
            parts.push(format!("NullFields: []string{{{}}}", nulls.join(", ")));
        }
        let address = if optional { "&" } else { "" };
        format!("{address}shared.{}{{{}}}", names::go(name), parts.join(", "))
    }

    /// A value of Rust, without what says that it may be absent.
    fn rust(&mut self, kind: &Type, value: &Json) -> String {
        match value {
            Json::Object(members) => match kind.named.as_deref().and_then(|name| self.schema(name))
            {
                Some(schema) => self.rust_struct(&schema.name.clone(), members),
                None => format!("object(json!({value}))"),
            },
            Json::Array(items) => {
                let item = element(kind);
                let items: Vec<String> =
                    items.iter().map(|value| self.rust(&item, value)).collect();
                format!("vec![{}]", items.join(", "))
            }
            _ if kind.rust == "serde_json::Value" => format!("json!({value})"),
            Json::String(text) if kind.named.is_some() => {
                format!("models::{}::from({text:?}.to_owned())", kind.rust)
            }
            Json::String(text) => format!("{text:?}.into()"),
            Json::Number(number) if kind.rust == "f64" && !number.is_f64() => format!("{number}.0"),
            other => other.to_string(),
        }
    }

    fn rust_struct(&mut self, name: &str, members: &serde_json::Map<String, Json>) -> String {
        let Some(schema) = self.schema(name) else { return String::new() };
        let (fields, patch) = (schema.fields.clone(), schema.patch);
        let mut parts = Vec::new();
        let mut missing = Vec::new();
        for field in &fields {
            let Some(value) = members.get(&field.wire) else {
                missing.push(format!("{}: None", field.rust));
                continue;
            };
            let optional = !field.required || field.nullable;
            let clearing = patch && !field.required && field.nullable;
            let text = match (self.variable(&field.wire, value), value) {
                (_, Json::Null) => "None".to_owned(),
                (Some(variable), _) => format!("{}.into()", variable.rust),
                (None, value) => self.rust(&field.kind, value),
            };
            let text = if optional && !value.is_null() { format!("Some({text})") } else { text };
            let text = if clearing { format!("Some({text})") } else { text };
            parts.push(format!("{}: {text}", field.rust));
        }
        if !missing.is_empty() {
            if is_default(&fields) {
                parts.push("..Default::default()".to_owned());
            } else {
                parts.extend(missing);
            }
        }
        format!("models::{name} {{ {} }}", parts.join(", "))
    }
}

/// Whether a schema has a default in Rust: what must be there is plain or a list.
pub(super) fn is_default(fields: &[Field]) -> bool {
    fields.iter().all(|field| {
        let plain = field.kind.named.is_none() || field.kind.list;
        !field.required || field.nullable || plain
    })
}

/// The type of what a list has.
fn element(kind: &Type) -> Type {
    let inner = |text: &str, before: &str, after: &str| {
        text.strip_prefix(before)
            .and_then(|text| text.strip_suffix(after))
            .unwrap_or(text)
            .to_owned()
    };
    Type {
        ts: inner(&kind.ts, "Array<", ">"),
        go: inner(&kind.go, "[]", ""),
        rust: inner(&kind.rust, "Vec<", ">"),
        named: kind.named.clone(),
        nilable: false,
        list: false,
    }
}

fn go_variable(name: &str, optional: bool, secret: bool) -> String {
    match (optional, secret) {
        (false, false) => name.to_owned(),
        (true, false) => format!("&{name}"),
        (false, true) => format!("shared.Secret({name})"),
        (true, true) => format!("shared.Pointer(shared.Secret({name}))"),
    }
}

/// Data of no type of ours.
fn go_free(value: &Json) -> String {
    match value {
        Json::Object(members) => {
            let members: Vec<String> = members
                .iter()
                .map(|(name, value)| format!("{name:?}: {}", go_free(value)))
                .collect();
            format!("map[string]any{{{}}}", members.join(", "))
        }
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(go_free).collect();
            format!("[]any{{{}}}", items.join(", "))
        }
        Json::Null => "nil".to_owned(),
        other => other.to_string(),
    }
}

const WIDEST: usize = 72;

/// Members of an object of TypeScript, on one line if they fit.
fn braces(members: &[String], depth: usize) -> String {
    let line = members.join(", ");
    if line.is_empty() {
        return "{}".to_owned();
    }
    if line.len() + 2 * depth <= WIDEST && !line.contains('\n') {
        return format!("{{ {line} }}");
    }
    let indent = "  ".repeat(depth);
    let lines: Vec<String> =
        members.iter().map(|member| format!("{indent}  {member},\n")).collect();
    format!("{{\n{}{indent}}}", lines.concat())
}

/// A name that needs quotes as a key has them.
fn quoted(name: &str) -> String {
    let plain = name.chars().all(|letter| letter.is_alphanumeric() || letter == '_');
    if plain { name.to_owned() } else { format!("{name:?}") }
}
