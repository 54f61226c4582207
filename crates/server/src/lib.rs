//! The edges of Keyhaven: HTTP, configuration, logs, metrics and the life of the process.
//! It decides nothing about OAuth (that is `keyhaven-protocol`) and holds no SQL (`keyhaven-store`).

pub mod config;
pub mod http;
pub mod operator;
pub mod serve;
pub mod telemetry;
