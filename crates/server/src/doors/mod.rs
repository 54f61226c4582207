//! Published API families, one file each: a door translates its wire to an operation and back,
//! and nothing else. Two doors never call each other.

pub mod connectors;
pub mod description;
pub mod json_api_tokens;
pub mod json_tokens;
pub mod sessions;
pub mod user_keys;
