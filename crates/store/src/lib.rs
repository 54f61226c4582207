//! What is true now: the only crate that knows SQL and sealed columns.
//!
//! A room (one file) offers operations named after what happens in the domain; the whole of an
//! operation happens or none of it. Single-use and counted things are guarded by the statement
//! that changes them, never by a check before it.

pub mod engine;
mod error;

pub use error::{Error, Source};
