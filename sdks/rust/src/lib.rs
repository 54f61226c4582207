//! The client of a Keyhaven server. It knows the document and no crate of the server.
#![doc = include_str!("../README.md")]

mod backoff;
mod call;
mod client;
#[cfg(feature = "dpop")]
mod dpop;
mod error;
pub mod funcs;
mod items;
#[cfg(feature = "sign")]
mod jose;
pub mod models;
pub mod operations;
mod options;
mod refusals;
mod secret;
mod security;
mod send;
pub mod tokens;
#[cfg(feature = "verify")]
pub mod verify;

pub use call::{Meta, Response};
pub use client::{Builder, Client};
#[cfg(feature = "dpop")]
pub use dpop::Dpop;
pub use error::{Challenge, Error, Kind, OAuthRefusal, Problem, ProblemField, StepUp};
pub use items::Items;
#[cfg(feature = "sign")]
pub use jose::SigningKey;
pub use options::{HookContext, Hooks, Retries};
pub use refusals::Refusal;
pub use secret::Secret;
pub use security::Security;
pub use tokens::{ClientCredentials, RefreshToken, Token, TokenSource};
