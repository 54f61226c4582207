//! Talking to other people's servers.
//!
//! `send` is the only IO: one guarded client for every URL that somebody else chose, or whose host
//! somebody else learnt for us. What to send and what a reply means are pure functions beside it.
//! Nothing here stores anything, reads a clock or draws randomness.

pub mod address;
pub mod egress;
pub mod failure;
pub mod send;
