//! Answers, and the ways to say what they must be.

use axum::body::Bytes;
use axum::http::HeaderMap;
use keyhaven::operations::Failure;
use serde_json::Value;

use super::Server;

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The JSON of an answer that has this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    /// A header that is there once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut all = self.headers.get_all(name).iter();
        let one = all.next().unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        assert!(all.next().is_none(), "{name} twice");
        one.to_str().expect("an ASCII header")
    }

    /// Access and refresh token of a success.
    #[track_caller]
    pub(crate) fn pair(&self) -> (String, String) {
        let body = self.expect(200);
        (the(&body["access_token"]), the(&body["refresh_token"]))
    }

    /// Refused with `error` for the wire and `reason` for us, and the code that leads from one to
    /// the other.
    #[track_caller]
    pub(crate) fn refused(&self, server: &Server, status: u16, error: &str, reason: &str) {
        let body = self.expect(status);
        assert_eq!(body["error"], error, "{body}");
        self.explained(server, reason, &body["error_description"]);
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
    }

    /// Refused with a text about one field, as the JSON family does with 422.
    #[track_caller]
    pub(crate) fn refused_field(&self, server: &Server, field: &str, reason: &str) {
        let body = self.expect(422);
        let names: Vec<_> = body.as_object().expect("an object").keys().collect();
        assert_eq!(names, [field]);
        self.explained(server, reason, &body[field]);
        assert_eq!(self.header("content-type"), "application/json");
    }

    /// Refused in the JSON:API family's document.
    #[track_caller]
    pub(crate) fn refused_json_api(&self, server: &Server, status: u16, code: &str, reason: &str) {
        let body = self.expect(status);
        let errors = body["errors"].as_array().expect("errors is an array");
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0]["status"], status.to_string());
        assert_eq!(errors[0]["code"], code, "{body}");
        assert!(body["meta"]["req_id"].is_string());
        self.explained(server, reason, &errors[0]["detail"]);
        assert_eq!(self.header("content-type"), "application/vnd.api+json");
    }

    #[track_caller]
    fn explained(&self, server: &Server, reason: &str, text: &Value) {
        let refusal = server.refusal();
        assert_eq!(refusal.reason, reason, "{}", self.text());
        let text = text.as_str().expect("a text");
        assert!(text.ends_with(&format!("({})", refusal.code)), "{text} lacks {}", refusal.code);
    }
}

/// The text of a JSON value that must be one.
#[track_caller]
pub(crate) fn the(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is not a text")).to_owned()
}

/// The private reason of an operation that had to be refused.
#[track_caller]
pub(crate) fn reason<T>(result: Result<T, Failure>) -> String {
    match result {
        Ok(_) => panic!("nothing was refused"),
        Err(Failure::Refused(refused)) => refused.refusal.reason.into_owned(),
        Err(Failure::Storage(error)) => panic!("storage failed: {error}"),
    }
}
