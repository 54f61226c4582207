//! Which template writes which files.

use std::collections::BTreeMap;

use minijinja::{Environment, Error, Value, context};

use super::model::{Model, Operation};
use super::{Files, MARK, pages};

/// A template for one file of the whole document.
const WHOLE: &[(&str, &str)] = &[
    ("typescript/models.ts", "sdks/typescript/src/models/index.ts"),
    ("typescript/operations.ts", "sdks/typescript/src/models/operations.ts"),
    ("typescript/errors.ts", "sdks/typescript/src/models/errors.ts"),
    ("typescript/client.ts", "sdks/typescript/src/sdk/keyhaven.ts"),
    ("typescript/hooks.ts", "sdks/typescript/src/react-query/index.ts"),
    ("typescript/secrets.ts", "sdks/typescript/src/runtime/secrets.ts"),
    ("go/shared.go", "sdks/go/shared/schemas.go"),
    ("go/operations.go", "sdks/go/operations/operations.go"),
    ("go/bodies.go", "sdks/go/sdkerrors/bodies.go"),
    ("go/calls.go", "sdks/go/calls.go"),
    ("docs/functions.md", "docs/sdks/FUNCTIONS.md"),
    ("docs/react.md", "docs/sdks/REACT_QUERY.md"),
    ("docs/llms.txt", "docs/sdks/llms.txt"),
    ("docs/models.md", "docs/sdks/models.md"),
    ("rust/models.rs", "sdks/rust/src/models.rs"),
    ("rust/operations.rs", "sdks/rust/src/operations.rs"),
    ("rust/refusals.rs", "sdks/rust/src/refusals.rs"),
    ("rust/funcs.rs", "sdks/rust/src/funcs.rs"),
    ("examples/programs.ts", "examples/typescript/programs.ts"),
    ("examples/programs.go", "examples/go/programs.go"),
    ("examples/programs.rs", "examples/rust/src/programs.rs"),
];

/// A template for a file of each operation.
const EACH: &[(&str, &str)] = &[
    ("typescript/func.ts", "sdks/typescript/src/funcs/{function}.ts"),
    ("typescript/validator.ts", "sdks/typescript/src/validators/{function}.ts"),
];

/// Templates for the operations that have hooks: with React, and without.
const HOOKS: &[(&str, &str)] = &[
    ("typescript/hook.ts", "sdks/typescript/src/react-query/{function}.ts"),
    ("typescript/hook.core.ts", "sdks/typescript/src/react-query/{function}.core.ts"),
];

/// A template for a file of each group.
const GROUPS: &[(&str, &str)] = &[
    ("typescript/group.ts", "sdks/typescript/src/sdk/{group}.ts"),
    ("docs/page.md", "docs/sdks/{page}.md"),
    ("examples/typescript.ts", "examples/typescript/{group}.ts"),
    ("examples/go.go", "examples/go/{group_snake}.go"),
    ("examples/rust.rs", "examples/rust/src/programs/{group_snake}.rs"),
];

macro_rules! sources {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../sdk/", $name, ".jinja")))),*]
    };
}

const SOURCES: &[(&str, &str)] = sources![
    "typescript/models.ts",
    "typescript/operations.ts",
    "typescript/errors.ts",
    "typescript/client.ts",
    "typescript/hooks.ts",
    "typescript/secrets.ts",
    "typescript/func.ts",
    "typescript/validator.ts",
    "typescript/hook.ts",
    "typescript/hook.core.ts",
    "typescript/group.ts",
    "typescript/macros",
    "go/shared.go",
    "go/operations.go",
    "go/bodies.go",
    "go/calls.go",
    "docs/macros",
    "docs/page.md",
    "docs/functions.md",
    "docs/react.md",
    "docs/llms.txt",
    "docs/models.md",
    "rust/models.rs",
    "rust/operations.rs",
    "rust/refusals.rs",
    "rust/funcs.rs",
    "rust/example",
    "examples/programs.ts",
    "examples/programs.go",
    "examples/programs.rs",
    "examples/typescript.ts",
    "examples/go.go",
    "examples/rust.rs",
];

/// All files.
pub(super) fn render(model: &Model) -> Result<Files, Error> {
    let environment = environment(model)?;
    let mut files = BTreeMap::new();
    for (template, path) in WHOLE {
        let text = environment.get_template(template)?.render(context! { model })?;
        files.insert((*path).to_owned(), text);
    }
    for operation in &model.operations {
        let hooks = if operation.hook_kind == "none" { &[] } else { HOOKS };
        for (template, path) in EACH.iter().chain(hooks) {
            let text = environment.get_template(template)?.render(context! { model, operation })?;
            files.insert(path.replace("{function}", &operation.function), text);
        }
    }
    for group in &model.groups {
        let operations: Vec<&Operation> =
            group.operations.iter().map(|at| &model.operations[*at]).collect();
        for (template, path) in GROUPS {
            let context = context! { model, group, operations };
            let path = path.replace("{group}", &group.name).replace("{page}", &group.page);
            let path = path.replace("{group_snake}", &group.snake);
            files.insert(path, environment.get_template(template)?.render(context)?);
        }
    }
    Ok(files)
}

fn environment(model: &Model) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_keep_trailing_newline(true);
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.add_global("mark", MARK);
    environment.add_filter("note", note);
    environment.add_filter("cell", pages::cell);
    environment.add_filter("literal", |value: Value, opaque: Value, depth: usize| {
        pages::literal(&value, &opaque, depth)
    });
    environment.add_filter("lines", |text: &str, prefix: &str| lines(text, prefix));
    environment.add_filter("go", |name: &str| super::names::go(name));
    environment.add_filter("gotype", go);
    environment.add_filter("rusttype", rust);
    environment.add_filter("rustgives", gives);
    environment.add_filter("defaultable", is_defaultable);
    let errors = model.errors.clone();
    environment.add_filter("ts", move |kind: Value| typescript(&kind, &errors));
    for (name, source) in SOURCES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

/// A documentation comment of TypeScript at a depth.
fn note(text: &str, depth: Option<usize>) -> String {
    let indent = " ".repeat(depth.unwrap_or(0));
    let text = text.replace("*/", "* /");
    if text.contains('\n') {
        return format!("{indent}/**\n{}\n{indent} */", lines(&text, &format!("{indent} * ")));
    }
    format!("{indent}/** {text} */")
}

fn lines(text: &str, prefix: &str) -> String {
    let lines = text.lines().map(|line| format!("{prefix}{line}").trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

/// A type as TypeScript has it: classes take the names of refusals, their bodies are `…Data`.
fn typescript(kind: &Value, errors: &[String]) -> Result<String, Error> {
    let text = kind.get_attr("ts")?.to_string();
    let named = kind.get_attr("named")?;
    match named.as_str() {
        Some(name) if errors.iter().any(|error| error == name) => {
            Ok(text.replace(name, &format!("{name}Data")))
        }
        _ => Ok(text),
    }
}

/// The type of a member or parameter as a package of Go has it: what may be absent is a pointer,
/// unless it tells absence by itself.
fn go(field: &Value, package: &str) -> Result<String, Error> {
    let kind = field.get_attr("type")?;
    let mut text = kind.get_attr("go")?.to_string();
    if field.get_attr("secret")?.is_true() && text == "string" {
        text = "shared.Secret".to_owned();
    }
    if package == "shared" {
        text = text.replace("shared.", "");
    }
    let always = field.get_attr("required")?.is_true() && !field.get_attr("nullable")?.is_true();
    let plain = always || kind.get_attr("nilable")?.is_true();
    Ok(if plain { text } else { format!("*{text}") })
}

/// The type of a member as Rust has it, whether or not it may be absent.
fn rust(field: &Value) -> Result<String, Error> {
    let text = field.get_attr("type")?.get_attr("rust")?.to_string();
    let secret = field.get_attr("secret")?.is_true() && text == "String";
    Ok(if secret { "Secret".to_owned() } else { text })
}

/// What an operation gives in Rust.
fn gives(operation: &Value) -> Result<String, Error> {
    let schema = operation.get_attr("success")?.get_attr("schema")?;
    Ok(schema.as_str().map_or_else(|| "()".to_owned(), |name| format!("models::{name}")))
}

/// Whether a schema has a default: every member is absent, plain or a list.
fn is_defaultable(schema: &Value) -> Result<bool, Error> {
    for field in schema.get_attr("fields")?.try_iter()? {
        let kind = field.get_attr("type")?;
        let plain = kind.get_attr("named")?.is_none() || kind.get_attr("list")?.is_true();
        let always =
            field.get_attr("required")?.is_true() && !field.get_attr("nullable")?.is_true();
        if always && !plain {
            return Ok(false);
        }
    }
    Ok(true)
}
