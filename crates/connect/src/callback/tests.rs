//! Callbacks as they come, and as an attacker sends them.

use serde_json::{Value, json};

use super::*;
use crate::egress::Egress;

fn provider(callback: Value) -> Provider {
    let mut definition = json!({
        "key": "acme",
        "name": "Acme",
        "vars": { "shard": { "pattern": "^https://[a-z0-9]+\\.acme\\.example/$", "from": "callback" } },
        "hosts": [".acme.example"],
        "authorize": { "url": "https://acme.example.com/authorize" },
        "token": { "url": "https://acme.example.com/token" },
    });
    definition["callback"] = callback;
    Provider::from_json(definition, &Egress::default()).expect("a provider")
}

fn answer(callback: Value, params: &[(&str, &str)]) -> Result<Answer, BadCallback> {
    let params: Vec<_> = params.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let secret = Secret::from("hush");
    let app = App {
        client_id: "app",
        secret: Some(&secret),
        key: None,
        key_id: None,
        login: None,
        vars: &BTreeMap::new(),
    };
    read(&provider(callback), &app, &params)
}

fn code(callback: Value, params: &[(&str, &str)]) -> String {
    match answer(callback, params).expect("an answer") {
        Answer::Code { code, .. } => code.reveal().to_owned(),
        Answer::Denied { .. } => panic!("denied"),
    }
}

fn refused(callback: Value, params: &[(&str, &str)]) -> &'static str {
    answer(callback, params).expect_err("refused").0
}

#[test]
fn a_code_is_read_by_the_providers_name_for_it() {
    assert_eq!(code(json!({}), &[("code", "c"), ("state", "s"), ("x", "y")]), "c");
    assert_eq!(code(json!({ "code": "authCode" }), &[("authCode", "c"), ("code", "x")]), "c");
}

#[test]
fn a_code_is_tidied_where_the_file_says_so() {
    assert_eq!(code(json!({ "trim": "#_" }), &[("code", "c#_")]), "c");
    assert_eq!(code(json!({}), &[("code", "c#_")]), "c#_");
    assert_eq!(code(json!({ "decode": true }), &[("code", "a%2Ab+c")]), "a*b+c");
}

#[test]
fn a_refusal_is_an_ordinary_ending() {
    for (error, expected) in [("access_denied", true), ("server_error", false)] {
        match answer(json!({}), &[("error", error), ("state", "s")]) {
            Ok(Answer::Denied { by_user }) => assert_eq!(by_user, expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn words_for_no_error_are_none() {
    for word in ["null", "undefined", "None", ""] {
        assert_eq!(code(json!({}), &[("code", "c"), ("error", word)]), "c");
    }
}

#[test]
fn a_parameter_that_comes_twice_is_refused() {
    for name in ["code", "state", "error", "iss"] {
        let params = [("code", "c"), ("state", "s"), (name, "1"), (name, "2")];
        assert_eq!(refused(json!({}), &params), "a parameter came twice");
    }
}

#[test]
fn another_issuer_is_refused_and_a_promised_one_must_come() {
    let rules = json!({ "iss": "https://acme.example.com" });
    assert_eq!(code(rules.clone(), &[("code", "c"), ("iss", "https://acme.example.com")]), "c");
    assert_eq!(refused(rules.clone(), &[("code", "c")]), "the issuer is missing");
    let other = [("code", "c"), ("iss", "https://evil.example")];
    assert_eq!(refused(rules.clone(), &other), "the issuer is another");
    let error = [("error", "access_denied"), ("iss", "https://evil.example")];
    assert_eq!(refused(rules, &error), "the issuer is another");
}

#[test]
fn a_poisoned_host_ends_the_flow() {
    let rules = json!({ "capture": { "api_access_point": "shard" } });
    match answer(rules.clone(), &[("code", "c"), ("api_access_point", "https://na1.acme.example/")])
    {
        Ok(Answer::Code { captured, .. }) => {
            assert_eq!(captured["shard"], "https://na1.acme.example/");
        }
        other => panic!("{other:?}"),
    }
    for host in [
        "https://evil.example/",
        "https://na1.acme.example.evil.example/",
        "https://na1.acme.example/@evil.example/",
        "http://na1.acme.example/",
        "https://na1.acme.example/\n",
    ] {
        let reason = refused(rules.clone(), &[("code", "c"), ("api_access_point", host)]);
        assert_eq!(reason, "a captured parameter does not fit its pattern", "{host}");
    }
}

#[test]
fn a_proof_over_the_query_is_checked() {
    let rules = json!({ "verify": "hmac_sorted_query" });
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"hush");
    let proof = hex(hmac::sign(&key, b"code=c&shop=a.example&state=s&timestamp=1").as_ref());
    let with = |proof: &str, shop: &str| {
        let params =
            [("hmac", proof), ("timestamp", "1"), ("code", "c"), ("shop", shop), ("state", "s")];
        answer(rules.clone(), &params).map(drop)
    };
    assert_eq!(with(&proof, "a.example"), Ok(()));
    assert_eq!(with(&proof.to_uppercase(), "a.example"), Ok(()));
    assert_eq!(with(&proof, "b.example"), Err(BadCallback("the proof does not fit")));
    assert_eq!(with("", "a.example"), Err(BadCallback("the proof does not fit")));
    assert_eq!(refused(rules.clone(), &[("code", "c")]), "the proof is missing");
}

#[test]
fn neither_code_nor_error_is_refused() {
    assert_eq!(refused(json!({}), &[("state", "s")]), "neither a code nor an error");
    assert_eq!(refused(json!({}), &[("code", "")]), "neither a code nor an error");
}
