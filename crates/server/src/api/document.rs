//! The OpenAPI document as text, byte for byte the same each time: members in the order of their
//! names, because the library keeps extensions in a hash map and what is committed is compared.

use serde_json::{Map, Value};
use utoipa::openapi::OpenApi;

/// The document with its members in order.
#[must_use]
pub fn in_order(document: &OpenApi) -> Value {
    // Strings and numbers only: turning it into a value cannot fail.
    sorted(serde_json::to_value(document).unwrap_or_default())
}

/// Whether maps keep the order of insertion or of names is a feature that any crate of a build can
/// switch on, so the order is made here in either case.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().collect();
            members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            let members = members.into_iter().map(|(name, value)| (name, sorted(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_the_same_each_time() {
        let text = || in_order(&crate::api::openapi()).to_string();
        let first = text();
        for _ in 0..8 {
            assert!(text() == first, "written in another order");
        }
    }
}
