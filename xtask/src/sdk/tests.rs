//! The generator on documents small enough to read.

use serde_json::json;

use super::*;

fn document() -> Value {
    json!({
        "info": {"version": "1"}, "tags": [{"name": "things", "description": "Things."}],
        "security": [{"administrator": []}],
        "components": {
            "securitySchemes": {"administrator": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Thing": {"type": "object", "required": ["thing_id"], "properties": {
                    "thing_id": {"type": "string"}, "free": {"type": ["object", "null"]},
                    "colour": {"type": "string", "enum": ["red", "dark_blue"]},
                    "token": {"type": "string", "x-sdk-secret": true},
                }},
                "Listing_Thing": {"type": "object", "required": ["items"], "properties": {
                    "items": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                    "next": {"type": ["string", "null"]},
                }},
                "NoThing": {"type": "object", "required": ["errorText"],
                    "properties": {"errorText": {"type": "string"}}},
            },
        },
        "paths": {"/things/{kind}": {
            "get": {"operationId": "list_things", "tags": ["things"], "summary": "List things",
                "parameters": [
                    {"name": "kind", "in": "path", "required": true, "schema": {"type": "string"}},
                    {"name": "cursor", "in": "query", "schema": {"type": "string"}}],
                "responses": {"200": {"content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/Listing_Thing"}}}}}},
            "post": {"operationId": "make", "x-sdk-name": "makers.makeOne", "tags": ["things"],
                "summary": "Make one", "security": [{}], "x-sdk-react": {"name": "Maker"},
                "parameters": [
                    {"name": "kind", "in": "path", "required": true, "schema": {"type": "string"}}],
                "requestBody": {"required": true, "content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/Thing"}}}},
                "responses": {"204": {}, "400": {"content": {"application/json": {
                    "schema": {"$ref": "#/components/schemas/NoThing"}}}}}},
        }},
    })
}

#[test]
fn an_operation_is_called_by_its_tag_unless_it_says_otherwise() {
    let model = document::read(&document()).unwrap();
    let functions: Vec<&str> = model.operations.iter().map(|op| op.function.as_str()).collect();
    assert_eq!(functions, ["thingsListThings", "makersMakeOne"]);
    assert_eq!(model.groups[0].description, "Things.");
    assert_eq!(model.operations[0].hook, "ListThings");
    assert_eq!(model.operations[1].hook, "Maker");
}

#[test]
fn retrying_and_security_follow_method_and_document() {
    let model = document::read(&document()).unwrap();
    let [list, make] = &model.operations[..] else { panic!("two operations") };
    assert_eq!((list.retry.as_str(), make.retry.as_str()), ("safe", "never"));
    assert_eq!(list.security[0][0].key, "administrator");
    assert!(make.security[0].is_empty());
    assert!(list.paginated && !make.paginated);
    assert_eq!((list.request, make.request), ("params", "mixed"));
}

#[test]
fn free_members_secrets_and_bodies_of_refusals_are_found() {
    let model = document::read(&document()).unwrap();
    assert_eq!(model.operations[0].opaque, ["free"]);
    assert_eq!(model.secrets, ["token"]);
    assert_eq!(model.errors, ["NoThing"]);
    let colour = model.schemas.iter().find(|schema| schema.name == "ThingColour").unwrap();
    assert_eq!(colour.values[1].pascal, "DarkBlue");
}

#[test]
fn one_of_several_objects_is_an_object_with_the_members_of_all() {
    let mut document = document();
    document["components"]["schemas"]["Thing"] = json!({"oneOf": [
        {"type": "object", "required": ["action", "why"], "properties": {
            "action": {"type": "string", "enum": ["open"]}, "why": {"type": "string"}}},
        {"type": "object", "required": ["action"], "properties": {
            "action": {"type": "string", "enum": ["close"]}}},
    ]});
    let model = document::read(&document).unwrap();
    let thing = model.schemas.iter().find(|schema| schema.name == "Thing").unwrap();
    let fields: Vec<(&str, bool)> =
        thing.fields.iter().map(|field| (field.wire.as_str(), field.required)).collect();
    assert_eq!(fields, [("action", true), ("why", false)]);
    let action = model.schemas.iter().find(|schema| schema.name == "ThingAction").unwrap();
    let words: Vec<&str> = action.values.iter().map(|value| value.wire.as_str()).collect();
    assert_eq!(words, ["open", "close"]);
}

#[test]
fn an_example_is_a_literal_of_each_language_and_what_a_server_knows_a_variable() {
    let mut document = document();
    document["components"]["schemas"]["Thing"]["example"] =
        json!({"thing_id": "7", "token": "kh_…", "colour": "red", "free": {"a": 1}});
    let model = document::read(&document).unwrap();
    let snippet = &model.operations[1].snippet;
    let thing = r#"colour: "red", free: {"a":1}, thingId: "7", token"#;
    assert_eq!(snippet.ts, format!("{{ kind, thing: {{ {thing} }} }}"));
    assert!(
        snippet.go.contains(r#"Token: shared.Pointer(shared.Secret(token))"#),
        "{}",
        snippet.go
    );
    assert!(snippet.rust.contains("token: Some(token.into())"), "{}", snippet.rust);
    let names: Vec<&str> = snippet.variables.iter().map(|one| one.wire.as_str()).collect();
    assert_eq!(names, ["kind", "token"]);
}

#[test]
fn a_page_shows_the_lines_that_run() {
    let files = written(&document()).map_err(|failure| failure.0).unwrap();
    let files = cut::with_snippets(files).unwrap();
    let page = &files["docs/sdks/things.md"];
    assert!(page.contains("await thingsListThings(keyhaven, { kind });"), "{page}");
    assert!(!page.contains("@cut") && !page.contains("// end"));
    let asks = Files::from([("a.md".to_owned(), "@cut b.ts nothing\n".to_owned())]);
    assert_eq!(cut::with_snippets(asks).unwrap_err(), "there is no snippet `b.ts nothing`");
}

#[test]
fn an_unknown_scheme_is_refused_by_name() {
    let mut document = document();
    document["paths"]["/things/{kind}"]["get"]["security"] = json!([{"nobody": []}]);
    assert_eq!(document::read(&document).unwrap_err(), "no scheme `nobody`");
}

#[test]
fn every_file_of_the_smallest_document_says_that_it_is_generated() {
    let files = written(&document()).map_err(|failure| failure.0).unwrap();
    assert!(files.len() > 10);
    for (path, text) in &files {
        assert!(text.lines().next().is_some_and(|line| line.contains(MARK)), "{path}");
    }
}
