//! One file for each attack of the abuse cases, named after it.

mod ambiguous_framing;
mod cors_reflection;
mod exposed_internals;
mod forged_client_address;
mod http2_abuse;
mod log_forging;
mod oversized_requests;
mod path_confusion;
mod secrets_in_logs;
mod slow_clients;
