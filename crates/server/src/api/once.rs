//! POST requests that happen once (the `Idempotency-Key` header): sent twice with the same key they
//! happen once and get the same answer, secrets included; the same key with another request is
//! refused. Only successful answers are kept, for a day, sealed with the master key and bound to
//! caller, key and request, in the commit of the change itself (see `store::idempotency`).

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::secret::Digest;
use keyhaven_store::idempotency::Answer;
use keyhaven_store::{Act, Error, Outcome};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::administrator::Administrator;
use super::body::{parse_body, read_bytes};
use crate::app::{App, Origin, Shared};
use crate::http::error::{ApiError, Kind};
use crate::http::idempotency_key;
use crate::http::reply::Success;
use crate::operations::kept_answer::Key;

/// A POST with its strictly read body and its deed. A repetition never gets this far: its
/// extraction ends with the kept answer.
pub struct Once<T> {
    /// The body.
    pub body: T,
    /// The deed it asks for.
    pub act: Act,
    app: Shared,
    key: Option<Key>,
}

/// An answer that counts once its change is durable.
pub struct Prepared {
    app: Shared,
    success: Success,
    location: Option<String>,
    body: Vec<u8>,
    key: Option<Key>,
}

/// An extraction that ended the request.
pub enum Ended {
    /// Refused.
    Refused(ApiError),
    /// Answered as before.
    Replayed(Response),
}

impl IntoResponse for Ended {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(error) => error.into_response(),
            Self::Replayed(response) => response,
        }
    }
}

impl<E: Into<ApiError>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

impl<T: DeserializeOwned> FromRequest<Shared> for Once<T> {
    type Rejection = Ended;

    async fn from_request(request: Request, app: &Shared) -> Result<Self, Ended> {
        use axum::extract::FromRequestParts as _;

        let (mut parts, body) = request.into_parts();
        let administrator = Administrator::from_request_parts(&mut parts, app).await?;
        let act = app.act(administrator.actor.clone(), &Origin::of(&mut parts, app));
        let (headers, path) = (parts.headers.clone(), parts.uri.path().to_owned());
        let bytes = read_bytes(body).await?;
        let key = parse_key(&headers, administrator.actor, &path, &bytes)?;
        if let Some(key) = &key
            && let Some(answer) = key.find(app, act.now).await?
        {
            return Err(Ended::Replayed(replay(app, key, &answer)?));
        }
        let body = parse_body(&headers, &bytes)?;
        Ok(Self { body, act, app: app.clone(), key })
    }
}

impl<T> Once<T> {
    /// Takes the request apart: what was asked, and the deed that will answer it.
    pub fn split(self) -> (T, Once<()>) {
        (self.body, Once { body: (), act: self.act, app: self.app, key: self.key })
    }

    /// The answer 201 with the address of what will have been made, and the deed to carry out.
    pub fn created(
        self,
        location: String,
        answer: &impl Serialize,
    ) -> Result<(Act, Prepared), ApiError> {
        self.prepare(Success::Created, Some(location), answer)
    }

    /// The answer 200, and the deed to carry out.
    pub fn done(self, answer: &impl Serialize) -> Result<(Act, Prepared), ApiError> {
        self.prepare(Success::Done, None, answer)
    }

    fn prepare(
        self,
        success: Success,
        location: Option<String>,
        answer: &impl Serialize,
    ) -> Result<(Act, Prepared), ApiError> {
        let body = serde_json::to_vec(answer).map_err(Error::broken)?;
        let Self { mut act, app, key, .. } = self;
        if let Some(key) = &key {
            act.remember(keep(&app, key, success, location.as_deref(), &body)?);
        }
        Ok((act, Prepared { app, success, location, body, key }))
    }
}

impl Prepared {
    /// The answer, now that it is known how the deed ended.
    pub async fn after(self, outcome: Outcome, noun: &str) -> Result<Response, ApiError> {
        match (outcome, &self.key) {
            (Outcome::Done, _) => Ok(self.success.answer(self.location.as_deref(), self.body)),
            (Outcome::Answered, Some(key)) => {
                let now = self.app.clock.now();
                let answer = key.find(&self.app, now).await?;
                let answer = answer.ok_or_else(|| Error::busy("the kept answer has just ended"))?;
                replay(&self.app, key, &answer)
            }
            (other, _) => Err(ApiError::of_outcome(other, noun)),
        }
    }
}

fn parse_key(
    headers: &HeaderMap,
    caller: String,
    path: &str,
    body: &Bytes,
) -> Result<Option<Key>, ApiError> {
    let Some(name) = parse_name(headers)? else { return Ok(None) };
    let request = [b"POST ", path.as_bytes(), b"\n", body].concat();
    Ok(Some(Key { caller, name: name.to_owned(), fingerprint: Digest::of(&request) }))
}

/// The value of the header.
pub(super) fn parse_name(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let refused = |rule| ApiError::parameter(idempotency_key::NAME, rule);
    idempotency_key::parse(headers).map_err(refused)
}

fn keep(
    app: &App,
    key: &Key,
    success: Success,
    location: Option<&str>,
    body: &[u8],
) -> Result<Answer, Error> {
    let plain = [location.unwrap_or_default().as_bytes(), b"\n", body].concat();
    key.keep(app, success.number(), &plain)
}

fn replay(app: &App, key: &Key, answer: &Answer) -> Result<Response, ApiError> {
    if !key.fits(answer) {
        let detail = "Use a fresh key for a request that differs in path or body.";
        return Err(ApiError::new(Kind::KeyReused, detail));
    }
    let plain = key.open(app, answer)?;
    let mut halves = plain.splitn(2, |byte| *byte == b'\n');
    let location = halves.next().and_then(|line| std::str::from_utf8(line).ok());
    let body = halves.next().unwrap_or_default().to_vec();
    let success = Success::of_number(answer.status)
        .ok_or_else(|| Error::broken("idempotency.status is no success"))?;
    let mut response = success.answer(location.filter(|line| !line.is_empty()), body);
    idempotency_key::mark_replayed(&mut response);
    Ok(response)
}
