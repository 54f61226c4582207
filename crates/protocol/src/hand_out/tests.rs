//! What an app may ask for, in both shapes of the wire.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp(1_764_244_800);

fn dollars() -> Unit {
    Unit::parse("USD").unwrap()
}

#[track_caller]
fn body(body: &Value) -> Result<HandOut, String> {
    HandOut::parse_body(body, &dollars(), NOW).map_err(|refusal| refusal.reason.into_owned())
}

#[track_caller]
fn refused(members: &Value, reason: &str) {
    let mut sent = json!({"callback_url": "https://notes.example/cb"});
    for (name, value) in members.as_object().unwrap() {
        sent[name] = value.clone();
    }
    assert_eq!(body(&sent), Err(reason.to_owned()), "{members}");
}

#[test]
fn the_older_shape_is_read() {
    let asked = body(&json!({
        "callback_url": "https://notes.example/cb",
        "code_challenge": "5BSxWuHm9vpsFuRpPXmF3J_IeTgFNKgj8RnNhhnWDqQ",
        "code_challenge_method": "S256",
        "limit": "25.0",
    }))
    .unwrap();
    assert_eq!(asked.limit, Some(Amount(25_000_000)));
    assert_eq!((asked.period, asked.expires_at), (Period::Lifetime, None));
}

#[test]
fn the_newest_shape_is_read() {
    let asked = body(&json!({
        "callback_url": "https://notes.example/cb",
        "expires_at": "2027-12-31T23:59:59.000Z",
        "key_label": "Notes laptop",
        "limit": 25,
        "usage_limit_type": "monthly",
        "workspace_id": "0195f1a2-7c11-7a8e-9d1c-0d6f3a5b2e10",
        "spawn_agent": {"any": "thing"},
    }))
    .unwrap();
    assert_eq!(asked.limit, Some(Amount(25_000_000)));
    assert_eq!(asked.expires_at, Some(Timestamp(1_830_297_599)));
    assert_eq!((asked.period, asked.label.as_deref()), (Period::Monthly, Some("Notes laptop")));
    let workspace = asked.workspace.map(|id| id.to_string());
    assert_eq!(workspace.as_deref(), Some("0195f1a2-7c11-7a8e-9d1c-0d6f3a5b2e10"));
}

#[test]
fn null_is_absent() {
    let nothing = json!({
        "callback_url": "https://notes.example/cb", "limit": null, "expires_at": null,
        "code_challenge_method": null, "key_label": null, "usage_limit_type": null,
    });
    let asked = body(&nothing).unwrap();
    assert_eq!((asked.limit, asked.challenge, asked.label), (None, None, None));
}

#[test]
fn a_limit_that_is_no_sum_of_money_is_refused() {
    let plain = "limit: an amount is a plain decimal number, zero or more";
    for limit in [json!(-1), json!("-1"), json!("NaN"), json!("1e3"), json!(""), json!("1,5")] {
        refused(&json!({"limit": limit}), plain);
    }
    let fine = "limit: an amount has no more decimals than its currency";
    refused(&json!({"limit": 0.001}), fine);
    refused(&json!({"limit": 0.000_000_1}), fine);
    refused(&json!({"limit": "0.123456789"}), fine);
    let huge = "limit: an amount is at most a thousand million";
    refused(&json!({"limit": 1e300}), huge);
    refused(&json!({"limit": 1_000_000_001}), huge);
    refused(&json!({"limit": true}), "limit is not a number");
    refused(&json!({"limit": [1]}), "limit is not a number");
}

#[test]
fn other_members_out_of_shape_are_refused() {
    refused(&json!({"callback_url": 1}), "callback_url is not a string");
    refused(&json!({"usage_limit_type": "none"}), "usage_limit_type is daily, weekly or monthly");
    refused(&json!({"usage_limit_type": "yearly"}), "usage_limit_type is daily, weekly or monthly");
    refused(&json!({"key_label": "x".repeat(101)}), "key_label has 1 to 100 characters");
    refused(&json!({"key_label": "a\nb"}), "text has no control characters or direction marks");
    refused(&json!({"workspace_id": "home"}), "workspace_id is not a UUID");
    assert_eq!(body(&json!({})), Err("callback_url is missing".into()));
    assert_eq!(body(&json!([])), Err("the body is not a JSON object".into()));
}

#[test]
fn an_end_is_utc_with_seconds_and_in_the_future() {
    let shape = "expires_at is a UTC time with seconds, ending in Z";
    for text in [
        "2027-12-31T23:59Z",
        "2027-12-31T23:59:59",
        "2027-12-31T23:59:59+00:00",
        "2027-12-31",
        "1830297599",
        "2027-13-01T00:00:00Z",
        "2027-12-31 23:59:59Z",
        "é",
        "",
    ] {
        refused(&json!({"expires_at": text}), shape);
    }
    refused(&json!({"expires_at": "2025-11-27T12:00:00Z"}), "expires_at lies in the past");
}

#[test]
fn the_query_is_read_under_the_same_rules() {
    let query = "callback_url=https%3A%2F%2Fnotes.example%2Fcb&limit=12.5&key_label=Notes\
                 &code_challenge=&workspace_id=0195F1A2-7C11-7A8E-9D1C-0D6F3A5B2E10";
    let params = Params::parse_form(query.as_bytes()).unwrap();
    let asked = HandOut::parse_query(&params, &dollars(), NOW).unwrap();
    assert_eq!(asked.limit, Some(Amount(12_500_000)));
    assert_eq!((asked.challenge, asked.label.as_deref()), (None, Some("Notes")));
    assert!(asked.workspace.is_some());
}

proptest! {
    #[test]
    fn any_members_are_read_without_panic(text in ".*", limit in any::<f64>()) {
        let _ = body(&json!({"callback_url": text, "expires_at": text, "limit": limit}));
        let _ = body(&json!({"callback_url": "https://a.test", "expires_at": text, "limit": limit}));
    }
}
