//! The OpenAPI document as a model.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::model::{Group, Model, Operation, Scheme};
use super::names;
use super::operations::Reader;
use super::samples::samples;
use super::schemas::{Types, text};
use super::snippets::snippet;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Reads the document; an error names the operation that cannot be offered.
pub(super) fn read(document: &Json) -> Result<Model, String> {
    let nothing = serde_json::Map::new();
    let components = document["components"]["schemas"].as_object().unwrap_or(&nothing);
    let mut types = Types::read(components);
    let schemes = schemes(document);
    let mut reader = Reader { document, schemes: &schemes, types: &mut types };
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS.iter().filter(|method| item[**method].is_object()) {
            operations.push(reader.read(path, method, &item[*method])?);
        }
    }
    let secrets = types.secrets.iter().cloned().collect();
    let mut schemas = types.schemas;
    let errors: BTreeSet<String> = operations
        .iter()
        .filter(|operation| !operation.problems)
        .flat_map(|operation| operation.errors.iter().map(|refusal| refusal.class.clone()))
        .filter(|class| schemas.iter().any(|schema| schema.name == *class))
        .collect();
    for schema in &mut schemas {
        schema.is_error = errors.contains(&schema.name);
        schema.patch = operations.iter().any(|operation| {
            operation.method == "PATCH"
                && operation.body.as_ref().is_some_and(|body| body.schema == schema.name)
        });
    }
    for (at, sample) in samples(&schemas).into_iter().enumerate() {
        schemas[at].sample = format!("{sample:#}");
    }
    for operation in &mut operations {
        operation.snippet = snippet(operation, &schemas);
    }
    Ok(Model {
        version: text(&document["info"], "version"),
        groups: groups(document, &operations),
        operations,
        schemas,
        schemes,
        errors: errors.into_iter().collect(),
        secrets,
    })
}

/// The credentials' names and where they go.
fn schemes(document: &Json) -> Vec<Scheme> {
    let all = document["components"]["securitySchemes"].as_object();
    all.into_iter().flatten().filter_map(|(name, scheme)| read_scheme(name, scheme)).collect()
}

fn read_scheme(name: &str, scheme: &Json) -> Option<Scheme> {
    let kind = match (scheme["type"].as_str()?, scheme["scheme"].as_str(), scheme["in"].as_str()) {
        ("http", Some("basic"), _) => "basic",
        ("http", Some("bearer"), _) => "bearer",
        ("apiKey", _, Some("cookie")) => "cookie",
        ("apiKey", _, Some("header")) => "header",
        _ => return None,
    };
    Some(Scheme {
        key: names::camel(name),
        snake: names::snake(name),
        go: names::go(name),
        kind,
        name: text(scheme, "name"),
        description: text(scheme, "description"),
        guarded: kind == "basic" || name == "api_key",
    })
}

/// Groups in the order of the document's tags.
fn groups(document: &Json, operations: &[Operation]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (at, operation) in operations.iter().enumerate() {
        if let Some(group) = groups.iter_mut().find(|group| group.name == operation.group) {
            group.operations.push(at);
            continue;
        }
        groups.push(Group {
            name: operation.group.clone(),
            pascal: operation.group_pascal.clone(),
            snake: operation.group_snake.clone(),
            page: names::kebab(&operation.group),
            description: String::new(),
            operations: vec![at],
        });
    }
    let tags: Vec<&Json> = document["tags"].as_array().into_iter().flatten().collect();
    let place = |name: &str| tags.iter().position(|tag| names::camel(&text(tag, "name")) == name);
    for group in &mut groups {
        if let Some(at) = place(&group.name) {
            group.description = text(tags[at], "description");
        }
    }
    groups.sort_by_key(|group| place(&group.name).unwrap_or(usize::MAX));
    groups
}
