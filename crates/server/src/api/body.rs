//! Request bodies, read strictly (A83): JSON only, bounded, no duplicate or unknown members, and
//! every refusal points at the member at fault.

use std::borrow::Cow;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use keyhaven_protocol::json::{self, MAX_BODY};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use crate::app::Shared;
use crate::http::error::{ApiError, FieldError, Kind};

/// A body that was read strictly.
pub struct Strict<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Shared> for Strict<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &Shared) -> Result<Self, ApiError> {
        let headers = request.headers().clone();
        let bytes = read_bytes(request.into_body()).await?;
        parse_body(&headers, &bytes).map(Self)
    }
}

/// The whole body, bounded.
pub(super) async fn read_bytes(body: Body) -> Result<Bytes, ApiError> {
    let body = Limited::new(body, MAX_BODY);
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(ApiError::new(Kind::TooLarge, "A body has at most 64 KiB."))
        }
        Err(_) => Err(ApiError::new(Kind::InvalidRequest, "The body broke off.")),
    }
}

/// Reads a JSON body; an empty one counts as an object without members.
pub(super) fn parse_body<T: DeserializeOwned>(
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<T, ApiError> {
    let value = if bytes.is_empty() {
        serde_json::Value::Object(serde_json::Map::new())
    } else {
        require_json(headers)?;
        json::parse(bytes).map_err(|error| ApiError::member("", error.reason().to_owned()))?
    };
    serde_path_to_error::deserialize(value)
        .map_err(|error| misshapen(error.path(), &error.inner().to_string()))
}

/// Reads a JSON body without copying it. The members at fault are looked for only when it fails.
pub(super) fn parse_borrowed<'a, T: Deserialize<'a>>(
    headers: &HeaderMap,
    bytes: &'a [u8],
) -> Result<T, ApiError> {
    require_json(headers)?;
    serde_json::from_slice(bytes).map_err(|error| {
        if !error.is_data() {
            return ApiError::member("", "is not JSON");
        }
        let reader = &mut serde_json::Deserializer::from_slice(bytes);
        match serde_path_to_error::deserialize::<_, T>(reader) {
            Err(error) => misshapen(error.path(), &error.inner().to_string()),
            Ok(_) => ApiError::member("", "has something behind its end"),
        }
    })
}

fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = sent.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json")
        || essence.eq_ignore_ascii_case("application/merge-patch+json")
    {
        return Ok(());
    }
    Err(ApiError::new(Kind::UnsupportedMediaType, "Send Content-Type: application/json."))
}

/// Turns the reader's complaint into a pointer and a sentence that repeats no value.
fn misshapen(path: &Path, complaint: &str) -> ApiError {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => {}
        }
    }
    let named = complaint.split('`').nth(1).unwrap_or_default();
    if complaint.starts_with("missing field") {
        return ApiError::member(format!("{pointer}/{named}"), "is required");
    }
    if complaint.starts_with("unknown field") {
        let named = named.replace('~', "~0").replace('/', "~1");
        if !pointer.ends_with(&format!("/{named}")) {
            pointer = format!("{pointer}/{named}");
        }
        return ApiError::member(pointer, "is not a member of this request");
    }
    if complaint.starts_with("duplicate field") {
        return ApiError::member(format!("{pointer}/{named}"), "is there twice");
    }
    let expected = complaint.split("expected ").nth(1).unwrap_or("another value");
    let expected = expected.split(" at line ").next().unwrap_or(expected);
    ApiError::member(pointer, format!("must be {expected}"))
}

/// For members of a merge patch (RFC 7396) that may be absent but never null.
pub(super) fn set<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// For members of a merge patch that null removes: absent, null and a value are three things.
pub(super) fn set_or_removed<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Collects what is wrong with the members of a body.
#[derive(Default)]
pub(super) struct Members(Vec<FieldError>);

impl Members {
    /// The parsed member, or a note of what is wrong with it.
    pub(super) fn read<T, E: Into<Cow<'static, str>>>(
        &mut self,
        pointer: impl Into<String>,
        parsed: Result<T, E>,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(detail) => {
                self.wrong(pointer, detail);
                None
            }
        }
    }

    /// Notes that a member breaks a rule.
    pub(super) fn wrong(
        &mut self,
        pointer: impl Into<String>,
        detail: impl Into<Cow<'static, str>>,
    ) {
        let pointer = Some(pointer.into());
        self.0.push(FieldError { pointer, parameter: None, detail: detail.into() });
    }

    /// The refusal of everything noted.
    pub(super) fn refuse(self) -> ApiError {
        ApiError::fields(self.0)
    }

    /// Fine, unless something was noted.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(self.refuse()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading is tested")]
    struct Sample {
        name: String,
        #[serde(default, deserialize_with = "set")]
        slug: Option<String>,
        #[serde(default, deserialize_with = "set_or_removed")]
        bio: Option<Option<String>>,
        #[serde(default)]
        list: Vec<u32>,
    }

    #[track_caller]
    fn refused(body: &str, pointer: &str, detail: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        let error = parse_body::<Sample>(&headers, body.as_bytes()).unwrap_err();
        let [only] = error.errors.as_slice() else { panic!("{error:?}") };
        assert_eq!((only.pointer.as_deref(), &*only.detail), (Some(pointer), detail));
    }

    #[test]
    fn a_refusal_points_at_the_member() {
        refused("{}", "/name", "is required");
        refused(r#"{"name":"a","nome":"b"}"#, "/nome", "is not a member of this request");
        refused(r#"{"name":"a","list":[1,"secret"]}"#, "/list/1", "must be u32");
        refused(r#"{"name":"a","slug":null}"#, "/slug", "must be a string");
    }

    #[test]
    fn an_empty_body_is_an_empty_object_of_any_content_type() {
        let error = parse_body::<Sample>(&HeaderMap::new(), b"").unwrap_err();
        assert_eq!(error.errors[0].pointer.as_deref(), Some("/name"));
    }

    #[test]
    fn a_body_that_is_not_declared_json_is_refused() {
        let error = parse_body::<Sample>(&HeaderMap::new(), b"{}").unwrap_err();
        assert_eq!(error.kind, Kind::UnsupportedMediaType);
    }
}
