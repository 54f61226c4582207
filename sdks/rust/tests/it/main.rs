//! What every SDK must do, and what only this one can, against the fault server and a real one.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod faults;
mod grants;
mod live;
mod once;
mod proofs;
mod scenarios;
mod sharing;
mod sources;
