//! Replies, and how an act bends them.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use crate::act::Act;
use crate::speech::Speech;

/// A reply, or nothing: the connection is closed.
pub(crate) type Answer = Option<Response<Speech>>;

/// A reply as it would be said if nothing went wrong.
#[derive(Debug)]
pub(crate) struct Plain {
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) text: String,
    pub(crate) location: Option<String>,
}

impl Plain {
    pub(crate) fn json(status: u16, value: &Value) -> Self {
        Self { status, kind: "application/json", text: value.to_string(), location: None }
    }

    pub(crate) fn form(text: String) -> Self {
        Self { status: 200, kind: "application/x-www-form-urlencoded", text, location: None }
    }

    pub(crate) fn page(status: u16, text: &str) -> Self {
        let text = format!("<!doctype html><title>Fake provider</title>{text}");
        Self { status, kind: "text/html; charset=utf-8", text, location: None }
    }

    pub(crate) fn redirect(location: String) -> Self {
        Self { status: 302, kind: "text/plain", text: String::new(), location: Some(location) }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, kind: "text/plain", text: String::new(), location: None }
    }

    /// RFC 6749 §5.2.
    pub(crate) fn refusal(status: u16, code: &str, text: &str) -> Self {
        Self::json(status, &json!({ "error": code, "error_description": text }))
    }

    /// As it is.
    pub(crate) fn said(self, date: &str) -> Answer {
        let text = Bytes::from(self.text.clone());
        self.with(Speech::whole(text), date)
    }

    fn with(self, speech: Speech, date: &str) -> Answer {
        let mut reply = Response::builder()
            .status(self.status)
            .header("content-type", self.kind)
            .header("cache-control", "no-store")
            .header("x-request-id", "fake-request")
            .header("date", date);
        if let Some(location) = self.location {
            reply = reply.header("location", location);
        }
        reply.body(speech).ok()
    }

    /// Bent by what went wrong after the provider acted.
    pub(crate) fn bent(self, act: &Act, date: &str) -> Answer {
        match act {
            Act::ActAndHangUp => None,
            Act::ActAndBreakOff => {
                let half =
                    Bytes::from(self.text.clone().into_bytes()[..self.text.len() / 2].to_vec());
                self.with(Speech::BreakingOff(Some(half)), date)
            }
            Act::ActAndStatus(status) => Self::page(*status, "<h1>Bad gateway</h1>").said(date),
            Act::ActAndDrip => {
                let speech = Speech::dripping(self.text.as_bytes());
                self.with(speech, date)
            }
            Act::ActAndForm => Self::form(as_form(&self.text)).said(date),
            Act::ActAndWrongTypes => Self::json(self.status, &wrong_types()).said(date),
            Act::ActAndNoRefreshToken => self.without("refresh_token").said(date),
            _ => self.said(date),
        }
    }

    fn without(self, member: &str) -> Self {
        let Ok(mut value) = serde_json::from_str::<Value>(&self.text) else { return self };
        if let Some(object) = value.as_object_mut() {
            object.remove(member);
        }
        Self { text: value.to_string(), ..self }
    }
}

/// What an act says in place of acting; `None` if the provider acts.
pub(crate) fn instead(act: &Act, date: &str) -> Option<Answer> {
    Some(match act {
        Act::HangUp => None,
        Act::Html(status) => Plain::page(*status, "<h1>Something else</h1>").said(date),
        Act::RetryAfter(status, seconds) => {
            let mut reply = Plain::empty(*status).said(date)?;
            reply.headers_mut().insert("retry-after", (*seconds).into());
            Some(reply)
        }
        Act::Refuse(status, code, text) => Plain::refusal(*status, code, text).said(date),
        Act::Empty(status) => Plain::empty(*status).said(date),
        Act::Redirect(status, to) => {
            let mut reply = Plain::empty(*status).said(date)?;
            reply.headers_mut().insert("location", to.parse().ok()?);
            Some(reply)
        }
        Act::Huge(size) => Plain::form(format!("access_token={}", "x".repeat(*size))).said(date),
        Act::Endless => {
            let reply = Plain::json(200, &Value::Null);
            reply.with(Speech::Endless(Bytes::from(vec![b' '; 16 * 1024])), date)
        }
        Act::ActAndHangUp
        | Act::ActAndBreakOff
        | Act::ActAndStatus(_)
        | Act::ActAndDrip
        | Act::ActAndForm
        | Act::ActAndWrongTypes
        | Act::ActAndNoRefreshToken
        | Act::WrongIssuer
        | Act::Delay(_)
        | Act::WaitFor(_) => return None,
    })
}

fn as_form(text: &str) -> String {
    let value: Value = serde_json::from_str(text).unwrap_or_default();
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in value.as_object().into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        form.append_pair(name, &text);
    }
    form.finish()
}

fn wrong_types() -> Value {
    json!({
        "access_token": { "value": "not a text" },
        "refresh_token": ["not a text"],
        "expires_in": "whenever",
        "scope": { "read": true },
        "token_type": 7,
    })
}
