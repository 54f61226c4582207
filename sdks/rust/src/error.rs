//! Every way a call can fail.

use std::fmt;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::refusals::Refusal;

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// 400 in problem details.
    BadRequest,
    /// 401 in problem details.
    Unauthorized,
    /// 403 in problem details.
    Forbidden,
    /// 404 in problem details.
    NotFound,
    /// 409 in problem details.
    Conflict,
    /// 422 in problem details.
    Validation,
    /// 429 in problem details.
    RateLimited,
    /// 5XX in problem details.
    Server,
    /// Another status in problem details.
    Problem,
    /// A refusal whose body has a type of its own: [`Error::refusal`].
    Refused,
    /// A refusal of a token endpoint: [`Error::oauth`].
    OAuth,
    /// Any other status or content type.
    Api,
    /// No usable response.
    Connection,
    /// No usable response in time.
    Timeout,
    /// The call cannot be sent as it is. Nothing was sent.
    InvalidRequest,
    /// A success whose body is not what is documented.
    ResponseValidation,
    /// The refresh token no longer counts.
    ReauthenticationRequired,
    /// Something of the caller's failed.
    Client,
}

/// Why a call failed. Neither `Debug` nor `Display` shows bodies or headers.
///
/// ```no_run
/// # async fn example(client: &keyhaven_sdk::Client) {
/// use keyhaven_sdk::Kind;
/// match client.organizations().show_organization("acme").send().await {
///     Ok(organization) => println!("{}", organization.name),
///     Err(error) if error.kind() == Kind::NotFound => println!("there is none"),
///     Err(error) => println!("{error}, request {:?}", error.request_id()),
/// }
/// # }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: Kind,
    message: String,
    operation: &'static str,
    attempts: u32,
    answer: Option<Answer>,
    refusal: Option<Refusal>,
    problem: Option<Problem>,
    oauth: Option<OAuthRefusal>,
    cause: Option<std::sync::Arc<dyn std::error::Error + Send + Sync>>,
}

/// An answer that is no success.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
    pub(crate) retry_after: Option<Duration>,
}

/// Problem details (RFC 9457).
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
#[non_exhaustive]
pub struct Problem {
    /// Where this kind of problem is described.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind, in words.
    pub title: String,
    /// What happened this time.
    pub detail: String,
    /// The path that was asked for.
    pub instance: String,
    /// What `keyhaven explain` explains.
    pub code: String,
    /// Why a checked credential does not count.
    pub reason: String,
    /// What is wrong with which member or parameter.
    #[serde(rename = "errors")]
    pub fields: Vec<ProblemField>,
}

/// What is wrong with one member or parameter.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
#[non_exhaustive]
pub struct ProblemField {
    /// The member, as a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// The parameter.
    pub parameter: String,
    /// What is wrong with it.
    pub detail: String,
}

/// A refusal of RFC 6749 §5.2.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
#[non_exhaustive]
pub struct OAuthRefusal {
    /// The code.
    pub error: String,
    /// The code in words.
    pub error_description: String,
    /// Where more is said.
    pub error_uri: String,
}

/// A scheme of `WWW-Authenticate` and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// `Bearer` for one.
    pub scheme: String,
    /// Names and values.
    pub params: Vec<(String, String)>,
}

impl Error {
    pub(crate) fn local(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            operation: "",
            attempts: 0,
            answer: None,
            refusal: None,
            problem: None,
            oauth: None,
            cause: None,
        }))
    }

    /// Something of the caller's failed: a hook, a token source of its own.
    pub fn client(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::local(Kind::Client, cause.to_string()).because(cause)
    }

    pub(crate) fn invalid(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::local(Kind::InvalidRequest, cause.to_string()).because(cause)
    }

    pub(crate) fn because(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.cause = Some(std::sync::Arc::new(cause));
        self
    }

    pub(crate) fn caused_by(mut self, error: &Self) -> Self {
        self.0.answer.clone_from(&error.0.answer);
        self.0.oauth.clone_from(&error.0.oauth);
        self.because(error.clone())
    }

    pub(crate) fn at(mut self, operation: &'static str, attempts: u32) -> Self {
        if self.0.operation.is_empty() {
            self.0.operation = operation;
            self.0.attempts = attempts;
        }
        self
    }

    pub(crate) fn answered(kind: Kind, message: impl Into<String>, answer: Answer) -> Self {
        let mut error = Self::local(kind, message);
        error.0.answer = Some(answer);
        error
    }

    /// The error that problem details are; `None` for a body that is none.
    pub(crate) fn of_problem(answer: &Answer) -> Option<Self> {
        let problem: Problem = serde_json::from_slice(&answer.body).ok()?;
        let kind = match answer.status {
            400 => Kind::BadRequest,
            401 => Kind::Unauthorized,
            403 => Kind::Forbidden,
            404 => Kind::NotFound,
            409 => Kind::Conflict,
            422 => Kind::Validation,
            429 => Kind::RateLimited,
            500.. => Kind::Server,
            _ => Kind::Problem,
        };
        let mut error = Self::answered(kind, problem.detail.clone(), answer.clone());
        error.0.problem = Some(problem);
        Some(error)
    }

    pub(crate) fn of_refusal(refusal: Refusal, answer: &Answer) -> Self {
        let message = sentence(&answer.body).unwrap_or_else(|| format!("status {}", answer.status));
        let mut error = Self::answered(Kind::Refused, message, answer.clone());
        error.0.refusal = Some(refusal);
        error
    }

    pub(crate) fn of_token_endpoint(answer: Answer) -> Self {
        match serde_json::from_slice::<OAuthRefusal>(&answer.body) {
            Ok(refused) if !refused.error.is_empty() => {
                let mut error = Self::answered(Kind::OAuth, refused.error.clone(), answer);
                error.0.oauth = Some(refused);
                error
            }
            _ => Self::answered(Kind::Api, format!("status {}", answer.status), answer),
        }
    }

    /// What kind of failure it is.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # fn example(error: &Error) {
    /// println!("{:?}", error.kind());
    /// # }
    /// ```
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The operation's id in the document.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # fn example(error: &Error) {
    /// println!("{} failed", error.operation());
    /// # }
    /// ```
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// How many requests were sent.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # fn example(error: &Error) {
    /// println!("after {} attempts", error.attempts());
    /// # }
    /// ```
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The status of the answer, if there was one.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # fn example(error: &Error) {
    /// let is_gone = error.status() == Some(404);
    /// # }
    /// ```
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.answer.as_ref().map(|answer| answer.status)
    }

    /// The headers of the answer.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # fn example(error: &Error) {
    /// let dated = error.headers().and_then(|headers| headers.get("date"));
    /// # }
    /// ```
    #[must_use]
    pub fn headers(&self) -> Option<&HeaderMap> {
        self.0.answer.as_ref().map(|answer| &answer.headers)
    }

    /// How long the server wants to be left alone.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # fn example(error: &Error) {
    /// if let Some(wait) = error.retry_after() {
    ///     println!("again in {wait:?}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.answer.as_ref().and_then(|answer| answer.retry_after)
    }

    /// What to tell whoever looks into the server's logs.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # fn example(error: &Error) {
    /// println!("{}", error.request_id().unwrap_or("no answer"));
    /// # }
    /// ```
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.headers()?.get("x-request-id")?.to_str().ok()
    }

    /// The problem details, if the server refused in them.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # fn example(error: &Error) {
    /// if let Some(problem) = error.problem() {
    ///     println!("{problem:?}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        self.0.problem.as_ref()
    }

    /// The refusal's body, if it has a type of its own.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # fn example(error: &Error) {
    /// if let Some(refusal) = error.refusal() {
    ///     println!("{}", refusal.name());
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.0.refusal.as_ref()
    }

    /// What a token endpoint said.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # fn example(error: &Error) {
    /// if let Some(refusal) = error.oauth() {
    ///     println!("{refusal:?}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn oauth(&self) -> Option<&OAuthRefusal> {
        self.0.oauth.as_ref()
    }

    /// The body of the answer, read as whatever it is; `None` if it is not.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # fn example(error: &Error) {
    /// let body: Option<serde_json::Value> = error.body_as();
    /// # }
    /// ```
    #[must_use]
    pub fn body_as<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.0.answer.as_ref()?.body).ok()
    }

    /// What `WWW-Authenticate` asks for.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # fn example(error: &Error) {
    /// for challenge in error.challenges() {
    ///     println!("{challenge:?}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn challenges(&self) -> Vec<Challenge> {
        let header = self.headers().and_then(|headers| headers.get("www-authenticate"));
        header.and_then(|value| value.to_str().ok()).map(challenges).unwrap_or_default()
    }

    /// What another sign-in must bring; `None` unless a new token of the same kind would be refused
    /// again.
    ///
    /// ```no_run
    /// # use keyhaven_sdk::Error;
    /// # fn example(error: &Error) {
    /// if let Some(wanted) = error.step_up() {
    ///     println!("{wanted:?}");
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn step_up(&self) -> Option<StepUp> {
        self.challenges().iter().find_map(|challenge| {
            let value = |name: &str| {
                let found = challenge.params.iter().find(|(known, _)| known == name);
                found.map(|(_, value)| value.clone())
            };
            match value("error")?.as_str() {
                "insufficient_scope" | "insufficient_user_authentication" => Some(StepUp {
                    scope: value("scope"),
                    acr_values: value("acr_values"),
                    max_age: value("max_age")
                        .and_then(|age| age.parse().ok())
                        .map(Duration::from_secs),
                    resource_metadata: value("resource_metadata"),
                }),
                _ => None,
            }
        })
    }
}

/// More scopes (RFC 6750 §3.1), or a stronger or fresher sign-in (RFC 9470).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StepUp {
    /// Scopes, space-separated.
    pub scope: Option<String>,
    /// How to sign in, best first, space-separated.
    pub acr_values: Option<String>,
    /// How long ago it may have been.
    pub max_age: Option<Duration>,
    /// Where the resource describes itself (RFC 9728).
    pub resource_metadata: Option<String>,
}

/// Schemes and their parameters, as RFC 9110 §11.6.1 has them.
fn challenges(text: &str) -> Vec<Challenge> {
    let mut list: Vec<Challenge> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', ',', '\t']);
        let end = rest.find([' ', ',', '=', '\t']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        if name.is_empty() {
            return list;
        }
        let value = after.trim_start().strip_prefix('=');
        let (Some(value), Some(last)) = (value, list.last_mut()) else {
            list.push(Challenge { scheme: name.to_owned(), params: Vec::new() });
            rest = after.trim_start_matches('=');
            continue;
        };
        let (value, after) = parameter(value.trim_start());
        last.params.push((name.to_owned(), value));
        rest = after;
    }
}

fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', ',']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(letters.next().map(|(_, escaped)| escaped)),
            plain => value.push(plain),
        }
    }
    (value, "")
}

/// The text for people in a documented body, whatever its family.
fn sentence(body: &[u8]) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let places = ["/detail", "/message", "/error/message", "/error", "/errors/0/detail"];
    places.iter().find_map(|place| body.pointer(place)?.as_str().map(str::to_owned))
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("operation", &self.0.operation)
            .field("message", &self.0.message)
            .field("status", &self.status())
            .field("request_id", &self.request_id())
            .field("attempts", &self.0.attempts)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_data() {
        let text = r#"Bearer realm="a, \"b\"", error=invalid_token, DPoP algs="ES256""#;
        let found = challenges(text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].params[0], ("realm".to_owned(), "a, \"b\"".to_owned()));
        assert_eq!(found[0].params[1].1, "invalid_token");
        assert_eq!(found[1].scheme, "DPoP");
        assert!(challenges("").is_empty());
        assert_eq!(challenges("Negotiate")[0].scheme, "Negotiate");
        assert_eq!(challenges("=,=").len(), 0);
    }
}
