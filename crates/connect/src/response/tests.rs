//! Replies as services write them, and as nobody should.

use http::{HeaderMap, HeaderName, HeaderValue};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::{Seconds, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::*;
use crate::egress::Egress;
use crate::provider::Provider;
use crate::send::Reply;

const NOW: Timestamp = Timestamp(784_111_777);

fn provider(reply: Value) -> Provider {
    let mut definition = json!({
        "key": "acme",
        "name": "Acme",
        "vars": { "host": { "pattern": "^[a-z]+\\.acme\\.example$", "from": "reply" } },
        "authorize": { "url": "https://acme.example.com/authorize" },
        "token": { "url": "https://acme.example.com/token" },
    });
    definition["reply"] = reply;
    Provider::from_json(definition, &Egress::default()).expect("a provider")
}

fn reply(body: &str) -> Reply {
    Reply { status: 200, headers: HeaderMap::new(), body: Zeroizing::new(body.as_bytes().to_vec()) }
}

fn read(map: Value, body: &str) -> TokenReply {
    read_tokens(&provider(map), &reply(body), NOW).expect(body)
}

fn text(secret: Option<&Secret>) -> Option<&str> {
    secret.map(Secret::reveal)
}

#[test]
fn bodies_are_known_by_their_content() {
    for body in [
        r#"{"access_token":"at","refresh_token":"rt"}"#,
        "\u{feff} {\"access_token\":\"at\",\"refresh_token\":\"rt\"}\n",
        "access_token=at&refresh_token=rt&scope=&token_type=bearer",
        r#"callback( {"access_token":"at","refresh_token":"rt"} );"#,
    ] {
        let tokens = read(json!({}), body).main;
        assert_eq!(tokens.access.reveal(), "at", "{body}");
        assert_eq!(text(tokens.refresh.as_ref()), Some("rt"), "{body}");
    }
    for (body, content) in [
        ("<!doctype html><p>x", Content::Markup),
        ("<?xml version=\"1.0\"?>", Content::Markup),
        ("", Content::Empty),
        (" \n", Content::Empty),
        ("Internal error", Content::Garbage),
        ("alert(1)", Content::Garbage),
        ("{\"a\":", Content::Garbage),
    ] {
        assert_eq!(sniff(body.as_bytes()), content, "{body:?}");
    }
}

#[test]
fn ends_are_read_in_every_form() {
    let jwt = "x.eyJleHAiOjc4NDExMjM3N30.y";
    for (rule, body, lifetime) in [
        (json!({}), json!({ "expires_in": 3600 }), Lifetime::Ends(Seconds(3600))),
        (json!({}), json!({ "expires_in": "3600" }), Lifetime::Ends(Seconds(3600))),
        (json!({}), json!({ "expires_in": 3599.7 }), Lifetime::Ends(Seconds(3599))),
        (json!({}), json!({ "expires_in": 0 }), Lifetime::Never),
        (json!({}), json!({ "expires_in": -5 }), Lifetime::Ends(Seconds(0))),
        (json!({}), json!({ "expires_in": "soon" }), Lifetime::Unsaid),
        (json!({}), json!({ "expires_in": true }), Lifetime::Unsaid),
        (json!({}), json!({ "expires_in": null }), Lifetime::Unsaid),
        (json!({}), json!({}), Lifetime::Unsaid),
        (json!({ "default_ttl": "1h" }), json!({}), Lifetime::Ends(Seconds(3600))),
        (json!({ "default_ttl": "1h" }), json!({ "expires_in": 5 }), Lifetime::Ends(Seconds(5))),
        (
            json!({ "expires": { "at": "/e", "as": "ms" } }),
            json!({ "e": 5000 }),
            Lifetime::Ends(Seconds(5)),
        ),
        (
            json!({ "expires": { "at": "/e", "as": "epoch" } }),
            json!({ "e": NOW.0 + 60 }),
            Lifetime::Ends(Seconds(60)),
        ),
        (
            json!({ "expires": { "at": "/e", "as": "epoch_ms" } }),
            json!({ "e": (NOW.0 + 60) * 1000 }),
            Lifetime::Ends(Seconds(60)),
        ),
        (
            json!({ "expires": { "at": "/e", "as": "rfc3339" } }),
            json!({ "e": "1994-11-06T08:50:37Z" }),
            Lifetime::Ends(Seconds(60)),
        ),
        (
            json!({ "expires": { "as": "jwt_exp" } }),
            json!({ "access_token": jwt }),
            Lifetime::Ends(Seconds(600)),
        ),
        (json!({ "expires": { "as": "jwt_exp" } }), json!({}), Lifetime::Unsaid),
        (json!({ "expires": { "as": "none" } }), json!({ "expires_in": 5 }), Lifetime::Never),
        (
            json!({ "expires": [{ "at": "/e", "as": "epoch" }, { "at": "/expires_in" }] }),
            json!({ "expires_in": 7 }),
            Lifetime::Ends(Seconds(7)),
        ),
    ] {
        let mut object = body.clone();
        if object.get("access_token").is_none() {
            object["access_token"] = json!("at");
        }
        assert_eq!(
            read(rule.clone(), &object.to_string()).main.lifetime,
            lifetime,
            "{rule} {body}"
        );
    }
}

#[test]
fn an_absurd_end_is_cut_to_a_century() {
    for end in [json!(i64::MAX), json!(1e15), json!("99999999999999")] {
        let body = json!({ "access_token": "at", "expires_in": end }).to_string();
        assert_eq!(
            read(json!({}), &body).main.lifetime,
            Lifetime::Ends(Seconds(100 * 366 * 86_400))
        );
    }
}

#[test]
fn an_instant_is_read_by_the_clock_that_wrote_it() {
    let provider = provider(json!({ "expires": { "at": "/expires_at", "as": "epoch" } }));
    let mut reply = reply(&json!({ "access_token": "at", "expires_at": NOW.0 + 3660 }).to_string());
    let date = HeaderValue::from_static("Sun, 06 Nov 1994 08:50:37 GMT");
    reply.headers.insert(HeaderName::from_static("date"), date);
    let found = read_tokens(&provider, &reply, Timestamp(1)).expect("tokens");
    assert_eq!(found.main.lifetime, Lifetime::Ends(Seconds(3600)));
}

#[test]
fn scopes_are_read_in_every_form() {
    for (scope, expected) in [
        (json!("a b"), Some(vec!["a", "b"])),
        (json!("a,b"), Some(vec!["a", "b"])),
        (json!("a, b"), Some(vec!["a", "b"])),
        (json!(["a", "b"]), Some(vec!["a", "b"])),
        (json!(""), None),
        (json!([]), None),
        (json!(null), None),
        (json!(7), None),
    ] {
        let body = json!({ "access_token": "at", "scope": scope }).to_string();
        let found = read(json!({}), &body).main.scopes;
        let expected = expected.map(|list| list.into_iter().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(found, expected, "{scope}");
    }
}

#[test]
fn several_tokens_come_in_slots() {
    let map = json!({ "also": { "slot": "user", "root": "/authed_user" } });
    let both = read(
        map.clone(),
        r#"{"access_token":"bot","authed_user":{"access_token":"user","scope":"a,b"}}"#,
    );
    assert_eq!(both.main.access.reveal(), "bot");
    assert_eq!((both.also[0].0.as_str(), both.also[0].1.access.reveal()), ("user", "user"));
    let user_only = read(map, r#"{"authed_user":{"access_token":"user"}}"#);
    assert_eq!((user_only.slot.as_deref(), user_only.main.access.reveal()), (Some("user"), "user"));
    let listed = read(
        json!({ "also": { "slot_at": "/resource_server", "root": "/other_tokens" } }),
        r#"{"access_token":"a","other_tokens":[
            {"resource_server":"x","access_token":"b"},{"resource_server":"y","access_token":"c"}]}"#,
    );
    let names: Vec<_> = listed.also.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x", "y"]);
}

#[test]
fn what_the_file_names_is_kept_and_the_rest_dropped() {
    let map = json!({
        "root": "/data",
        "extra": { "team": "/team/id" },
        "capture": { "host": "/host" },
    });
    let body = r#"{"data":{"access_token":"at"},"team":{"id":9007199254740993},"host":"a.acme.example","x":1}"#;
    let found = read(map.clone(), body);
    assert_eq!(found.extra, [("team".to_owned(), "9007199254740993".to_owned())].into());
    assert_eq!(found.captured["host"], "a.acme.example");
    let foreign = r#"{"data":{"access_token":"at"},"host":"a.acme.example.evil.test"}"#;
    assert!(read(map, foreign).captured.is_empty());
}

#[test]
fn nothing_of_a_reply_is_printed() {
    let body =
        r#"{"access_token":"marker","refresh_token":"marker","id_token":"marker","x":"marker"}"#;
    assert!(!format!("{:?}", read(json!({}), body)).contains("marker"));
}

proptest! {
    #[test]
    fn no_body_panics_or_yields_an_empty_token(body: Vec<u8>, status in 100_u16..600) {
        let map = json!({
            "expires": [{ "at": "/a", "as": "rfc3339" }, { "as": "jwt_exp" }, { "at": "/b", "as": "ms" }],
            "also": { "slot": "s", "root": "/c" },
        });
        let reply = Reply { status, headers: HeaderMap::new(), body: Zeroizing::new(body) };
        if let Ok(found) = read_tokens(&provider(map), &reply, NOW) {
            prop_assert!(!found.main.access.reveal().is_empty());
        }
    }

    #[test]
    fn no_value_of_a_reply_panics(
        token in "\\PC{0,40}", expires in "\\PC{0,20}", number: i64, wide in any::<f64>(),
    ) {
        for end in [json!(expires), json!(number), json!(wide), json!({ "a": 1 })] {
            let body = json!({ "access_token": token, "expires_in": end, "a": end, "b": end });
            for form in ["seconds", "ms", "epoch", "epoch_ms", "rfc3339", "jwt_exp"] {
                let map = json!({ "expires": { "at": "/expires_in", "as": form } });
                let found = read_tokens(&provider(map), &reply(&body.to_string()), NOW);
                prop_assert_eq!(found.is_ok(), !token.is_empty());
            }
        }
    }
}
