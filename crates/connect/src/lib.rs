//! Talking to other people's servers.
//!
//! `send` is the only IO: one guarded client for every URL that somebody else chose, or whose host
//! somebody else learnt for us. What to send (`request`), what came back (`callback`, `response`) and
//! what a failure means (`verdict`) are pure functions of a `provider` file; `talk` puts them in
//! order. Nothing here stores anything, reads a clock or draws randomness.

pub mod address;
pub mod api_call;
pub mod callback;
pub mod catalogue;
pub mod egress;
pub mod failure;
pub mod provider;
pub mod request;
pub mod response;
pub mod send;
pub mod talk;
pub mod verdict;
