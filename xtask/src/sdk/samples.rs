//! A value of each schema: what the document shows of it, with the members it must have besides; where
//! the document shows nothing, every member.

use serde_json::{Map, Value as Json, json};

use super::model::{Field, Schema, Type};

/// Schemas that hold themselves end here.
const DEEPEST: usize = 8;

/// A value of each of `schemas`, in their order.
pub(super) fn samples(schemas: &[Schema]) -> Vec<Json> {
    schemas.iter().map(|schema| sample(schema, schemas, 0)).collect()
}

fn sample(schema: &Schema, schemas: &[Schema], depth: usize) -> Json {
    if let Some(first) = schema.values.first() {
        return json!(first.wire);
    }
    let mut members = schema.example.as_object().cloned().unwrap_or_default();
    let shows_all = depth == 0 && schema.example.is_null();
    let is_shown = |field: &&Field| shows_all || field.required && !field.nullable;
    for field in schema.fields.iter().filter(is_shown) {
        let member = members.entry(field.wire.clone());
        member.or_insert_with(|| value(field, schemas, depth));
    }
    Json::Object(members)
}

fn value(field: &Field, schemas: &[Schema], depth: usize) -> Json {
    if !field.example.is_null() {
        return field.example.clone();
    }
    let one = one(&field.kind, schemas, depth);
    if field.kind.list { json!([one]) } else { one }
}

fn one(kind: &Type, schemas: &[Schema], depth: usize) -> Json {
    let is_named = |schema: &&Schema| Some(&schema.name) == kind.named.as_ref();
    if let Some(schema) = schemas.iter().find(is_named).filter(|_| depth < DEEPEST) {
        return sample(schema, schemas, depth + 1);
    }
    match kind.rust.trim_start_matches("Vec<").trim_end_matches('>') {
        "String" => json!("…"),
        "i64" => json!(1),
        "f64" => json!(1.5),
        "bool" => json!(true),
        _ => Json::Object(Map::new()),
    }
}
