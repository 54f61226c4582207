//! What kind of body a request carries, and its client credentials. The request's own shape
//! decides whose rules apply; the user agent is never asked.

use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Uri};
use keyhaven_protocol::basic::{BasicPair, parse_basic};
use keyhaven_protocol::client_auth::Manners;
use keyhaven_protocol::json;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::{Code, Refusal};
use serde_json::Value;

/// The shape of a request body.
#[derive(Debug)]
pub enum Shape {
    /// `application/x-www-form-urlencoded`: RFC 6749 rules.
    Form(Params),
    /// JSON: the family's rules.
    Json(Value),
    /// Neither.
    Unknown,
}

/// Reads the body by its declared media type. JSON sent under curl's default form type is read as
/// JSON: its first byte cannot begin a parameter name we know, and published examples do that.
pub fn shape(headers: &HeaderMap, body: &Bytes) -> Result<Shape, Refusal> {
    match media_type(headers) {
        Some("application/x-www-form-urlencoded") if body.first() != Some(&b'{') => {
            Params::parse_form(body)
                .map(Shape::Form)
                .map_err(|error| Refusal::request(error.reason().into_owned()))
        }
        Some("application/x-www-form-urlencoded" | "application/json") => json::parse(body)
            .map(Shape::Json)
            .map_err(|error| Refusal::request(error.reason().to_owned())),
        _ => Ok(Shape::Unknown),
    }
}

/// The media type without its parameters, if the header is there once.
pub fn media_type(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (values.next(), values.next()) else { return None };
    only.to_str().ok()?.split(';').next().map(str::trim)
}

/// Turns the text members of a JSON object into parameters. Other types are refused by name, `null`
/// counts as absent.
pub fn params_of(object: &Value) -> Result<Params, Refusal> {
    let object =
        object.as_object().ok_or_else(|| Refusal::request("the body is not a JSON object"))?;
    let mut pairs = Vec::with_capacity(object.len());
    for (name, value) in object {
        match value {
            Value::String(text) => pairs.push((name.as_str(), text.as_str())),
            Value::Null => {}
            _ if is_known(name) => return Err(Refusal::request(format!("{name} is not a string"))),
            _ => {}
        }
    }
    Params::from_pairs(pairs).map_err(|error| Refusal::request(error.reason().into_owned()))
}

fn is_known(name: &str) -> bool {
    matches!(
        name,
        "grant_type"
            | "client_id"
            | "client_secret"
            | "scope"
            | "refresh_token"
            | "token"
            | "token_type_hint"
    )
}

/// The `Authorization: Basic` pair, if there is one. An empty pair (`Og==`) counts as absent. So
/// does another scheme in the JSON family, which may send a bearer token it does not need; a form
/// that tries one has failed to authenticate and is no public client (A37).
pub fn basic(headers: &HeaderMap, manners: Manners) -> Result<Option<BasicPair>, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::request("two Authorization headers"));
    }
    let text = value.to_str().map_err(|_| Refusal::client("Authorization is not ASCII"))?;
    let scheme = text.split(' ').next().unwrap_or_default();
    if manners == Manners::Json && !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let pair = parse_basic(text).map_err(Refusal::client)?;
    Ok(Some(pair).filter(|pair| !pair.is_empty()))
}

/// Refuses parameters in the URL: they end up in logs and histories (RFC 6749 §2.3.1, §3.2).
pub fn no_query(uri: &Uri) -> Result<(), Refusal> {
    match uri.query() {
        None | Some("") => Ok(()),
        Some(_) => {
            Err(Refusal::new(Code::InvalidRequest, "parameters belong in the body, not in the URL"))
        }
    }
}
