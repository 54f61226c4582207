//! What keys handed to apps are: the unit of their limits, what is written in front of their text,
//! and what they open.

use keyhaven_protocol::amount::Unit;
use keyhaven_protocol::scope::Scopes;

use super::Setting;
use crate::operations::keys::parse_key_scopes;

/// A currency or a named unit.
#[derive(Clone, Debug)]
pub struct LimitUnit(pub Unit);

impl Setting for LimitUnit {
    fn parse(text: &str) -> Result<Self, String> {
        Unit::parse(text).map(Self).map_err(str::to_owned)
    }
}

/// What a family writes in front of its keys; empty for nothing.
#[derive(Clone, Debug)]
pub struct KeyPrefix(pub String);

impl Setting for KeyPrefix {
    fn parse(text: &str) -> Result<Self, String> {
        let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let sound = text.len() <= 20 && text.bytes().all(known);
        let ends = text.is_empty() || text.ends_with('-');
        if sound && ends {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected lower-case letters, digits and hyphens, ending in a hyphen, such as \
                 sk-or-v1-"
                .to_owned())
        }
    }
}

/// Scopes of keys, space-separated.
#[derive(Clone, Debug)]
pub struct KeyScopes(pub Scopes);

impl Setting for KeyScopes {
    fn parse(text: &str) -> Result<Self, String> {
        parse_key_scopes(text).map(Self).map_err(str::to_owned)
    }
}
