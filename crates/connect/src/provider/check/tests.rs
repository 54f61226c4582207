//! Definitions that must not pass, each a good one with one edit.

use serde_json::{Value, json};

use super::super::Provider;
use crate::egress::Egress;

fn good() -> Value {
    json!({
        "key": "acme",
        "name": "Acme",
        "vars": { "site": { "pattern": "^[a-z]+$", "title": "Site" } },
        "authorize": { "url": "https://{site}.acme.example.com/authorize" },
        "token": { "url": "https://{site}.acme.example.com/token" },
    })
}

fn refused(edit: impl FnOnce(&mut Value), rule: &str) {
    let mut value = good();
    edit(&mut value);
    let error = Provider::from_json(value, &Egress::default()).expect_err(rule).to_string();
    assert!(error.contains(rule), "{error}");
}

#[test]
fn a_good_definition_passes() {
    let provider = Provider::from_json(good(), &Egress::default()).expect("a provider");
    assert_eq!(provider.key, "acme");
}

#[test]
fn unknown_keys_are_refused_at_every_depth() {
    refused(|v| v["colour"] = json!("red"), "unknown field");
    refused(|v| v["token"]["colour"] = json!("red"), "unknown field");
    refused(|v| v["vars"]["site"]["colour"] = json!("red"), "unknown field");
    refused(|v| v["refresh"] = json!({ "colour": "red" }), "unknown field");
}

#[test]
fn urls_are_https_and_public() {
    for (url, rule) in [
        ("http://acme.example.com/token", "URL is not https"),
        ("https://acme.example.com:8443/token", "port is not 443"),
        ("https://127.0.0.1/token", "loopback"),
        ("https://localhost/token", "private network"),
        ("https://{site}@acme.example.com/token", "user information"),
        ("acme.example.com/token", "is no URL"),
    ] {
        refused(|v| v["token"]["url"] = json!(url), rule);
        refused(|v| v["revoke"] = json!({ "url": url }), rule);
        refused(|v| v["account"] = json!({ "url": url }), rule);
    }
}

#[test]
fn an_operators_exception_opens_a_definition_too() {
    let mut value = good();
    value["token"]["url"] = json!("http://127.0.0.1:4000/token");
    let egress = Egress::parse(["127.0.0.1"]).expect("entries");
    assert!(Provider::from_json(value, &egress).is_ok());
}

#[test]
fn placeholders_are_declared() {
    refused(|v| v["token"]["url"] = json!("https://{tenant}.acme.example.com/"), "{tenant}");
    refused(|v| v["token"]["params"] = json!({ "a": "{token}" }), "{token}");
    refused(|v| v["authorize"]["params"] = json!({ "a": "{client_secret}" }), "{client_secret}");
    refused(|v| v["vars"]["token"] = json!({ "pattern": "^a$" }), "name of something else");
}

#[test]
fn patterns_are_anchored_and_fit_their_defaults() {
    refused(|v| v["vars"]["site"]["pattern"] = json!("[a-z]+"), "begins with ^");
    refused(|v| v["vars"]["site"]["default"] = json!("A"), "default or example does not fit");
}

#[test]
fn a_host_that_is_anybodys_must_be_bounded() {
    let open = |v: &mut Value| v["token"]["url"] = json!("https://{site}/token");
    refused(open, "its host is open");
    let mut value = good();
    open(&mut value);
    value["hosts"] = json!(["{site}"]);
    assert!(Provider::from_json(value, &Egress::default()).is_ok());
}

#[test]
fn a_host_learnt_from_the_provider_bounds_nothing() {
    refused(
        |v| {
            v["vars"]["shard"] = json!({ "pattern": "^[a-z.]+$", "from": "callback" });
            v["callback"] = json!({ "capture": { "shard": "shard" } });
            v["token"]["url"] = json!("https://{shard}/token");
            v["hosts"] = json!(["{shard}"]);
        },
        "only the connector's own variables",
    );
}

#[test]
fn parts_that_belong_together_come_together() {
    refused(|v| v["token"] = Value::Null, "token: is missing");
    refused(|v| v["authorize"] = Value::Null, "no other grant");
    refused(|v| v["kind"] = json!("api_key"), "no token calls");
    refused(|v| v["refresh"] = json!({ "kind": "exchange" }), "token_param");
    refused(|v| v["token"]["auth"] = json!("signed_secret"), "token.assertion");
    refused(|v| v["account"] = json!({ "id": "/id" }), "account.url");
    refused(|v| v["callback"] = json!({ "capture": { "x": "y" } }), "nothing declares");
    refused(|v| v["reply"] = json!({ "capture": { "site": "/x" } }), "another source");
}
