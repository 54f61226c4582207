//! What OAuth says: rules as pure functions over values.
//!
//! Nothing here awaits, reads a clock, draws randomness or knows a database or HTTP framework (the
//! one exception is argued in `jose::signing_key`).
//! Callers bring facts and `now`; rules return a plan or a refusal.

pub mod access_token;
pub mod allow_list;
pub mod amount;
pub mod api_key;
pub mod authorization;
pub mod authorize;
mod base32;
pub mod base62;
pub mod basic;
pub mod bearer;
pub mod budget;
pub mod client;
pub mod client_assertion;
pub mod client_auth;
pub mod connection;
pub mod consent;
pub mod continuation;
pub mod credential;
pub mod currency;
pub mod display_name;
pub mod dpop;
pub mod email;
mod form_decoding;
pub mod grants;
pub mod hand_out;
pub mod id;
pub mod id_token;
pub mod introspect;
pub mod jose;
pub mod json;
pub mod logout;
pub mod mail_code;
pub mod metadata;
pub mod params;
pub mod password;
pub mod period;
pub mod person;
pub mod pkce;
pub mod rate_limit;
pub mod recovery_code;
pub mod redirect_uri;
pub mod refusal;
pub mod relying_party;
pub mod request_object;
pub mod revoke;
pub mod scope;
pub mod secret;
pub mod session;
pub mod sign_in;
pub mod slug;
pub mod subject;
pub mod time;
pub mod token;
pub mod totp;
pub mod upstream;
pub mod userinfo;
pub mod webauthn;
