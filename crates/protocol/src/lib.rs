//! What OAuth says: rules as pure functions over values.
//!
//! Nothing here awaits, reads a clock, draws randomness or knows a database or HTTP framework.
//! Callers bring facts and `now`; rules return a plan or a refusal.

pub mod base62;
pub mod client;
pub mod credential;
pub mod id;
pub mod refusal;
pub mod scope;
pub mod secret;
pub mod time;
