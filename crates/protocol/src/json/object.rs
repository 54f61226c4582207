//! A JSON object written member by member, for the few answers that are given so often that
//! serialising them generically would be a good part of their cost.

use std::io::Write as _;

use serde_json::{Map, Value};

use super::push_string;
use crate::id::Id;

/// Room for most answers, so that writing one grows nothing.
const COMMON: usize = 1024;

/// An object being written. Names are ours and need no escape; values are escaped.
#[derive(Debug)]
pub struct Object(Vec<u8>);

impl Object {
    /// An object without members.
    #[must_use]
    pub fn new() -> Self {
        Self::with_room(COMMON)
    }

    /// An object without members, and room for `bytes`.
    #[must_use]
    pub fn with_room(bytes: usize) -> Self {
        let mut out = Vec::with_capacity(bytes);
        out.push(b'{');
        Self(out)
    }

    /// Adds a member that is written already: a number, a literal, an array.
    #[inline]
    pub fn raw(&mut self, name: &'static str, value: &[u8]) -> &mut Self {
        self.name(name);
        self.0.extend_from_slice(value);
        self
    }

    /// Adds a text.
    #[inline]
    pub fn text(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.name(name);
        push_string(&mut self.0, value);
        self
    }

    /// Adds a text, if there is one.
    #[inline]
    pub fn maybe_text(&mut self, name: &'static str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    /// Adds an id in its hyphenated form.
    #[inline]
    pub fn id(&mut self, name: &'static str, value: Id) -> &mut Self {
        self.name(name);
        self.0.push(b'"');
        self.0.extend_from_slice(&value.hyphenated());
        self.0.push(b'"');
        self
    }

    /// Adds an id, if there is one.
    #[inline]
    pub fn maybe_id(&mut self, name: &'static str, value: Option<Id>) -> &mut Self {
        match value {
            Some(value) => self.id(name, value),
            None => self,
        }
    }

    /// Adds a whole number.
    #[inline]
    pub fn number(&mut self, name: &'static str, value: i64) -> &mut Self {
        self.name(name);
        // Writing to a Vec cannot fail.
        let _ = write!(self.0, "{value}");
        self
    }

    /// Adds a whole number, if there is one.
    #[inline]
    pub fn maybe_number(&mut self, name: &'static str, value: Option<i64>) -> &mut Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }

    /// Adds members that are known by value only. Their names must be others than those here.
    pub fn members(&mut self, members: &Map<String, Value>) -> &mut Self {
        for (name, value) in members {
            self.comma();
            push_string(&mut self.0, name);
            // Writing to a Vec cannot fail.
            let _ = write!(self.0, ":{value}");
        }
        self
    }

    /// The text.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }

    #[inline]
    fn name(&mut self, name: &'static str) {
        self.comma();
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    #[inline]
    fn comma(&mut self) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
    }
}

impl Default for Object {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_written_as_serde_json_writes_a_struct() {
        #[derive(Serialize)]
        struct Answer<'a> {
            text: &'a str,
            number: i64,
            #[serde(skip_serializing_if = "Option::is_none")]
            left_out: Option<&'a str>,
            last: Option<&'a str>,
        }
        for text in
            ["", "kh_refresh_0", "say \"hi\"", "a\\b/c", "\u{8}\t\n\u{c}\r\u{1}\u{7f}", "ü☂𝄞"]
        {
            let answer = Answer { text, number: i64::MIN, left_out: None, last: Some(text) };
            let mut object = Object::with_room(1);
            object.text("text", text).number("number", i64::MIN);
            object.maybe_text("left_out", None).maybe_text("last", Some(text));
            assert_eq!(object.finish(), serde_json::to_vec(&answer).unwrap());
        }
    }

    #[test]
    fn an_object_reads_back_as_what_was_written() {
        let id = Id::v7(1, [7; 10]);
        let mut object = Object::new();
        object.text("a", "say \"hi\"\n").maybe_text("b", None).number("c", -5);
        object.id("d", id).maybe_id("e", None).raw("f", b"[true]");
        object.maybe_number("g", Some(0)).maybe_number("h", None);
        object.members(json!({"\"i": {"k": [null]}}).as_object().unwrap());
        let read: serde_json::Value = serde_json::from_slice(&object.finish()).unwrap();
        let wanted = json!({
            "a": "say \"hi\"\n", "c": -5, "d": id.to_string(), "f": [true], "g": 0,
            "\"i": {"k": [null]},
        });
        assert_eq!(read, wanted);
        assert_eq!(Object::new().finish(), b"{}");
    }
}
