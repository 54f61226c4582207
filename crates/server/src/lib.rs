//! The edges of Keyhaven: HTTP, pages, command line, jobs and wiring. Decides nothing about OAuth.

pub mod app;
pub mod doors;
pub mod http;
pub mod keyring;
pub mod limits;
pub mod oauth;
pub mod operations;
pub mod refusals;
