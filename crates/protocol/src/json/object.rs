//! A JSON object written member by member, for the few answers that are given so often that
//! serialising them generically would be a good part of their cost.

use std::io::Write as _;

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
        let mut out = Vec::with_capacity(COMMON);
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

    /// The text.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }

    #[inline]
    fn name(&mut self, name: &'static str) {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }
}

impl Default for Object {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_reads_back_as_what_was_written() {
        let id = Id::v7(1, [7; 10]);
        let mut object = Object::new();
        object.text("a", "say \"hi\"\n").maybe_text("b", None).number("c", -5);
        object.id("d", id).maybe_id("e", None).raw("f", b"[true]");
        let read: serde_json::Value = serde_json::from_slice(&object.finish()).unwrap();
        let wanted = serde_json::json!({
            "a": "say \"hi\"\n", "c": -5, "d": id.to_string(), "f": [true]
        });
        assert_eq!(read, wanted);
        assert_eq!(Object::new().finish(), b"{}");
    }
}
