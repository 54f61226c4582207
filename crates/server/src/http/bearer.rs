//! The `Authorization: Bearer` of a request (RFC 6750 §2.1), and nothing looser: no query, no body,
//! no list, no second header (A49).

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use keyhaven_protocol::bearer::parse_bearer;
use keyhaven_protocol::refusal::Refusal;

/// The bearer token.
pub fn token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| Refusal::token("no bearer token in the request"))?;
    if values.next().is_some() {
        return Err(Refusal::request("two Authorization headers"));
    }
    let text = value.to_str().map_err(|_| Refusal::token("Authorization is not ASCII"))?;
    parse_bearer(text).map_err(Refusal::token)
}

/// Whether any authorization was sent.
#[must_use]
pub fn is_sent(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION)
}
