//! The edges of Keyhaven: HTTP, pages, command line, jobs and wiring. Decides nothing about OAuth.

pub mod api;
pub mod app;
pub mod boot;
pub mod certificates;
pub mod cli;
pub mod client_keys;
pub mod config;
pub mod doors;
pub mod http;
pub mod jobs;
pub mod key_limits;
pub mod keyring;
pub mod limits;
pub mod mail;
pub mod master_key;
pub mod oauth;
pub mod operations;
pub mod pace;
pub mod pages;
pub mod password_pool;
pub mod refusals;
pub mod routes;
pub mod serve;
pub mod telemetry;
pub mod upstream;
pub mod vault;
