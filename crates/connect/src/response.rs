//! What a provider's reply means, as a pure function of its file and the bytes that came.
//!
//! A reply is judged by its content, not by its label. What the file does not name is dropped.
//! Nothing here believes a claim beyond what TLS and the provider's own endpoint vouch for.

mod identity;
mod lifetime;
mod sniff;
mod tokens;

pub use identity::{Identity, from_call, from_claims};
pub use lifetime::{Lifetime, http_date};
pub use sniff::{Content, sniff};
pub use tokens::{TokenReply, Tokens, read_tokens};

#[cfg(test)]
mod tests;
