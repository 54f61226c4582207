//! Documents that two parsers would read differently, and the limits on both sides of their edge.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

fn refused(text: &str) -> &'static str {
    parse_within(MAX_BODY, text.as_bytes()).expect_err("was accepted")
}

#[test]
fn sound_json_is_read_like_serde_json_reads_it() {
    let text = r#" {"a":[1,-2,2.5,true,null,"ä\u00e4\ud83d\ude00"],"b":{"c":{}}} "#;
    assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
}

#[test]
fn tricks_are_refused() {
    let cases = [
        (r#"{"a":1,"a":1}"#, "duplicate key in JSON"),
        (r#"{"a":1,"\u0061":1}"#, "duplicate key in JSON"),
        (r#"[{"b":{"a":1,"a":2}}]"#, "duplicate key in JSON"),
        ("1e400", "JSON number out of range"),
        ("[-1e400]", "JSON number out of range"),
        (r#""\ud800""#, "lone surrogate in JSON"),
        (r#""\udc00""#, "lone surrogate in JSON"),
        (r#""\ud800\ud800""#, "lone surrogate in JSON"),
        (r#"{"\udc00":1}"#, "lone surrogate in JSON"),
        (r#""a\u0000b""#, "NUL in a JSON string"),
        (r#"{"\u0000":1}"#, "NUL in a JSON string"),
        ("{} {}", "trailing bytes after JSON"),
        ("1,", "trailing bytes after JSON"),
        ("", "malformed JSON"),
        ("{", "malformed JSON"),
        ("{'a':1}", "malformed JSON"),
        ("[1,]", "malformed JSON"),
        ("NaN", "malformed JSON"),
        ("01", "malformed JSON"),
        ("\u{feff}{}", "malformed JSON"),
        ("\"a\nb\"", "malformed JSON"),
    ];
    for (text, reason) in cases {
        assert_eq!(refused(text), reason, "{text:?}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    assert_eq!(parse(b"\"\xff\"").unwrap_err(), JsonError::Rule("malformed JSON"));
}

#[test]
fn the_limits_hold_exactly() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(nested(16).as_bytes()).is_ok());
    assert_eq!(refused(&nested(17)), "JSON nested too deep");
    assert_eq!(refused(&"[".repeat(1000)), "JSON nested too deep");
    assert_eq!(refused(&"{\"a\":".repeat(1000)), "JSON nested too deep");
    let sized = |size: usize| format!("\"{}\"", "x".repeat(size - 2));
    assert!(parse(sized(64 * 1024).as_bytes()).is_ok());
    assert_eq!(refused(&sized(64 * 1024 + 1)), "JSON document too large");
}

#[test]
fn a_wrong_shape_is_named_without_its_value() {
    #[derive(Debug, Deserialize)]
    struct Body {
        #[expect(dead_code, reason = "only its type matters here")]
        count: u32,
    }
    let reason = |text: &str| parse_json::<Body>(text.as_bytes()).unwrap_err();
    assert_eq!(reason("{}").reason(), "missing field `count`");
    for text in [r#"{"count":"marker, expected marker"}"#, r#"{"count":-77}"#, "77"] {
        let error = reason(text);
        assert!(matches!(error, JsonError::Shape(_)), "{error:?}");
        assert!(!error.reason().contains("marker") && !error.reason().contains("77"));
    }
    assert_eq!(reason(r#"{"count":1,"count":1}"#).reason(), "duplicate key in JSON");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        let _ = parse(&bytes);
    }

    #[test]
    fn whatever_is_accepted_serde_json_accepts_too(text in r#"[\[\]{}",:0-9eEu\\dab. -]{0,24}"#) {
        if let Ok(value) = parse(text.as_bytes()) {
            prop_assert_eq!(Some(value), serde_json::from_str(&text).ok());
        }
    }

    #[test]
    fn a_string_is_written_as_serde_json_writes_it(text in "\\PC*|[\\x00-\\x7f]*") {
        let mut out = Vec::new();
        push_string(&mut out, &text);
        prop_assert_eq!(out, serde_json::to_vec(&text).unwrap());
    }
}
