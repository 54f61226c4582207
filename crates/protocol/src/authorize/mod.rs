//! The authorization endpoint (RFC 6749 §3.1, §4.1; OpenID Connect Core §3.1.2; RFC 9207).
//!
//! In this order and no other: find the client, match the redirect URI ([`find_target`]), read
//! everything else ([`parse_request`]), decide on the stored login and consent ([`decide`]). Until
//! the first two hold, no answer leaves our own page.

mod claims_request;
mod decision;
mod request;
mod response;
mod target;

pub use claims_request::{ClaimWish, RequestedClaims};
pub use decision::{
    ACR_MULTIPLE, ACR_SINGLE, Agreed, Asked, Before, Decision, Facts, Login, Next, Why, acr_of,
    decide,
};
pub use request::{AuthorizationRequest, Channel, Prompt, parse_request};
pub use response::{Answer, ResponseMode, Target, with_query};
pub use target::find_target;

#[cfg(test)]
mod tests;
