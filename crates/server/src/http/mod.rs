//! HTTP: who is let in and how much they may take, bodies in, answers and refusals out. The only
//! room that knows status codes. It knows nothing of OAuth.

pub mod bearer;
pub mod body;
pub mod browser;
pub mod call;
pub mod connector_family;
pub mod cookies;
pub mod cors;
pub mod dpop;
pub mod error;
pub mod idempotency_key;
pub mod keys_family;
pub mod limits;
pub mod listener;
pub mod operator;
pub mod page;
pub mod passing;
pub mod rate_limit;
pub mod refusal;
pub mod reply;
pub mod request;
pub mod rpc;
pub mod same_origin;
pub mod stop;
pub mod tls;
pub mod turned_away;

mod client_address;
mod connection;
mod connections;
mod exchange;
mod front;
mod head;
mod pulse;
mod socket;
mod under_way;
mod upload;
mod wire;

use axum::http::{HeaderName, HeaderValue, header};

pub use front::Front;

/// For answers that are personal or secret: no cache keeps them (RFC 9111 §5.2.2.5).
pub const NO_STORE: (HeaderName, HeaderValue) =
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
