//! x
pub mod app;
pub mod keyring;
pub mod limits;
pub mod operations;
pub mod refusals;
