//! Reading `CreateToken`: the nested JSON:API form, the flat form of older clients, and `include`.
//! Under `application/json` the presence of `data` tells the two forms apart, because the
//! published client sends the nested one under that type.

use axum::body::Bytes;
use keyhaven_protocol::json;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::{Code, Refusal};
use serde_json::{Map, Value};

use super::No;
use crate::http::refusal::{Fault, JsonApiError};

/// The members a token request may have.
const ATTRIBUTES: [&str; 5] =
    ["client_id", "client_secret", "grant_type", "refresh_token", "scope"];

/// A token request's parameters, and the names of members nobody reads.
pub(super) struct TokenBody {
    pub(super) params: Params,
    pub(super) ignored: Vec<String>,
}

/// Which related resources to include.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Include {
    pub(super) groups: bool,
    pub(super) organization: bool,
}

impl Include {
    /// Reads `include`, a comma list (JSON:API §Inclusion of Related Resources).
    pub(super) fn parse(query: Option<&str>) -> Result<Self, Refusal> {
        let params = Params::parse_form(query.unwrap_or_default().as_bytes())
            .map_err(|error| Refusal::request(error.reason().into_owned()).on("include"))?;
        let mut include = Self::default();
        for word in
            params.get("include").unwrap_or_default().split(',').filter(|word| !word.is_empty())
        {
            match word {
                "groups" => include.groups = true,
                "organization" => include.organization = true,
                _ => {
                    return Err(Refusal::request("include names an unknown relationship")
                        .on("include")
                        .with("include", word));
                }
            }
        }
        Ok(include)
    }
}

/// Reads the body in the form its media type and shape say.
pub(super) fn read(media_type: Option<&str>, bytes: &Bytes) -> Result<TokenBody, No> {
    let nested_only = match media_type {
        Some("application/vnd.api+json") => true,
        Some("application/json") => false,
        _ => {
            let refusal =
                Refusal::new(Code::InvalidRequest, "the media type is neither JSON:API nor JSON");
            return Err(No::new(JsonApiError::Forbidden, Fault::Nowhere, refusal));
        }
    };
    let value = json::parse(bytes).map_err(|error| wrong("/", error.reason().to_owned()))?;
    let Value::Object(object) = value else {
        return Err(wrong("/", "the body is not an object".into()));
    };
    match object.get("data") {
        Some(data) => nested(data),
        None if nested_only => Err(wrong("/data", "data is missing".into())),
        None => Ok(TokenBody { params: params(&object)?, ignored: unread(&object) }),
    }
}

fn nested(data: &Value) -> Result<TokenBody, No> {
    let data = data.as_object().ok_or_else(|| wrong("/data", "data is not an object".into()))?;
    match data.get("type") {
        None | Some(Value::Null) => {}
        Some(Value::String(word)) if word == "token" || word == "oauth/token" => {}
        Some(_) => return Err(wrong("/data/type", "data.type is not token".into())),
    }
    let attributes = data.get("attributes").and_then(Value::as_object);
    let attributes = attributes
        .ok_or_else(|| wrong("/data/attributes", "data.attributes is not an object".into()))?;
    Ok(TokenBody { params: params(attributes)?, ignored: unread(attributes) })
}

fn params(attributes: &Map<String, Value>) -> Result<Params, No> {
    let mut pairs = Vec::with_capacity(ATTRIBUTES.len());
    for name in ATTRIBUTES {
        match attributes.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => pairs.push((name, text.as_str())),
            Some(_) if name == "grant_type" => {
                let refusal = Refusal::request("grant_type is not a string");
                return Err(No::new(JsonApiError::InvalidGrantType, super::GRANT_TYPE, refusal));
            }
            Some(_) => return Err(wrong("/data/attributes", format!("{name} is not a string"))),
        }
    }
    Params::from_pairs(pairs)
        .map_err(|error| wrong("/data/attributes", error.reason().into_owned()))
}

fn unread(attributes: &Map<String, Value>) -> Vec<String> {
    attributes.keys().filter(|name| !ATTRIBUTES.contains(&name.as_str())).cloned().collect()
}

fn wrong(pointer: &'static str, reason: String) -> No {
    No::new(JsonApiError::InvalidBodyParameter, Fault::Pointer(pointer), Refusal::request(reason))
}
