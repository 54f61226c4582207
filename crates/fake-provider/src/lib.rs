//! An OAuth provider that does what a test tells it to: rotates, delays, drops replies, lies.
//!
//! It serves tests in process ([`Fake::start`]), browser tests and the tour as a small program. What
//! it issues is worth nothing and can be guessed. It is never part of the server.

mod act;
mod answer;
mod authorize;
mod books;
mod fake;
mod rules;
mod serve;
mod speech;
mod token;

pub use act::{Act, Endpoint, Gate};
pub use fake::Fake;
pub use rules::{Consent, Reuse, Rules, Wire};
