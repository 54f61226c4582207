//! JSON from strangers (RFC 8259), read strictly: a duplicate key at any depth, deep nesting, a
//! number out of range, a lone surrogate, a NUL or anything after the value is a refusal, because
//! two parsers that disagree about a document are an attack. Also the string writer for the JSON
//! that is too hot to serialise generically.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The longest JSON request body.
pub const MAX_BODY: usize = 64 * 1024;
/// How deep arrays and objects may nest.
pub const MAX_DEPTH: u8 = 16;

/// Why a document was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonError {
    /// It breaks the named rule of this file.
    Rule(&'static str),
    /// It is sound JSON but not of the expected shape. The text never repeats a value.
    Shape(String),
}

impl JsonError {
    /// The broken rule, for logs and tests.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Rule(reason) => reason,
            Self::Shape(reason) => reason,
        }
    }
}

/// Reads a request body as any JSON value.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    parse_within(MAX_BODY, bytes).map_err(JsonError::Rule)
}

/// Reads a request body as a `T`, under the same rules.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    serde_json::from_value(parse(bytes)?).map_err(|error| JsonError::Shape(shape(&error)))
}

/// Reads a document of at most `limit` bytes.
pub(crate) fn parse_within(limit: usize, bytes: &[u8]) -> Result<Value, &'static str> {
    if bytes.len() > limit {
        return Err("JSON document too large");
    }
    let broken = Cell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Strict { depth: 0, broken: &broken }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| broken.get().unwrap_or_else(|| rule_behind(&error)))
}

/// Appends `text` as a JSON string.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut clean = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[clean..at]);
        clean = at + 1;
        push_escape(out, byte);
    }
    out.push_str(&text[clean..]);
    out.push('"');
}

fn push_escape(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        _ => {
            out.push_str("\\u00");
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// Builds a value while watching the rules serde_json does not. A broken rule is left in `broken`,
/// since a serde error can carry only text.
#[derive(Clone, Copy)]
struct Strict<'rule> {
    depth: u8,
    broken: &'rule Cell<Option<&'static str>>,
}

impl Strict<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.refuse("JSON nested too deep"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn text<E: serde::de::Error>(self, text: String) -> Result<String, E> {
        // No text of ours holds a NUL, and PostgreSQL would answer it with an error of its own.
        if text.contains('\0') { Err(self.refuse("NUL in a JSON string")) } else { Ok(text) }
    }

    fn refuse<E: serde::de::Error>(self, reason: &'static str) -> E {
        self.broken.set(Some(reason));
        E::custom(reason)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.text(text.to_owned()).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let key = self.text(key)?;
            if object.contains_key(&key) {
                return Err(self.refuse("duplicate key in JSON"));
            }
            let value = members.next_value_seed(inner)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

/// Names the rule behind serde_json's own refusal. Only its text tells the causes apart; the tests
/// below notice when that text changes.
fn rule_behind(error: &serde_json::Error) -> &'static str {
    let text = error.to_string();
    let begins = |start| text.starts_with(start);
    if begins("number out of range") {
        "JSON number out of range"
    } else if begins("lone leading surrogate") || begins("unexpected end of hex escape") {
        "lone surrogate in JSON"
    } else if begins("trailing characters") {
        "trailing bytes after JSON"
    } else {
        "malformed JSON"
    }
}

/// serde's account of a wrong shape, without the value it quotes: that may be a secret.
fn shape(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("JSON value of the wrong type, expected {expected}"),
        None if text.starts_with("missing field") => text,
        None => "JSON value of the wrong shape".into(),
    }
}

#[cfg(test)]
mod tests {
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
        fn a_written_string_reads_back(text in "\\PC*|[\\x00-\\x7f]*") {
            let mut out = String::new();
            push_string(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
