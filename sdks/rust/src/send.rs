//! One call: attempts, waiting, credentials, hooks, and what came back.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use serde::de::DeserializeOwned;

use crate::backoff::{delay, is_worth, retry_after};
use crate::call::{Call, Meta, Response};
use crate::error::{Answer, Error, Kind};
use crate::options::{HookContext, Hooks};
use crate::refusals::Refusal;
use crate::security::Scheme;
use crate::tokens::Token;

/// What the generator writes of each operation: data, no behaviour.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: &'static str,
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// The body's content type; empty for none.
    pub(crate) sends: &'static str,
    /// A success's content type; empty for none.
    pub(crate) gives: &'static str,
    pub(crate) ok: u16,
    /// The content type of refusals.
    pub(crate) refuses: &'static str,
    /// Refusals by status, unless they are problem details.
    pub(crate) refusals: &'static [(u16, &'static str)],
    pub(crate) repeat: Repeat,
    pub(crate) keyed: bool,
    pub(crate) security: &'static [&'static [Scheme]],
}

/// Whether an operation may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    Safe,
    Idempotent,
    Never,
}

const PROBLEM: &str = "application/problem+json";

/// Performs a call.
pub(crate) async fn send<T: DeserializeOwned + Send + 'static>(
    mut call: Call<T>,
) -> Result<Response<T>, Error> {
    let operation = call.operation;
    if operation.keyed && call.options.idempotency_key.is_none() {
        call.options.idempotency_key = Some(new_key());
    }
    let url = address(&call).map_err(|error| error.at(operation.id, 0))?;
    let sending = Sending {
        deadline: Instant::now() + call.options.total_timeout,
        url,
        call: &call,
        attempt: 0,
    };
    sending.run().await
}

/// A call under way.
struct Sending<'a, T> {
    call: &'a Call<T>,
    url: reqwest::Url,
    deadline: Instant,
    attempt: u32,
}

impl<T: DeserializeOwned + Send + 'static> Sending<'_, T> {
    /// Attempts until one counts.
    async fn run(mut self) -> Result<Response<T>, Error> {
        let (operation, options) = (self.call.operation, &self.call.options);
        let budget = options.retries.max_elapsed_time.map(|limit| Instant::now() + limit);
        let budget = budget.map_or(self.deadline, |at| at.min(self.deadline));
        let mut renewed = 0;
        loop {
            self.attempt += 1;
            let mut used = None;
            let (error, worth) = match self.attempt(&mut used).await {
                Ok(answer) if answer.status == operation.ok => return self.settle(answer),
                Ok(answer) => {
                    let codes = options.retry_codes.as_deref();
                    let worth = is_worth(operation, codes, answer.status, &answer.headers);
                    (self.refusal(&answer), worth)
                }
                Err(error) if matches!(error.kind(), Kind::Connection | Kind::Timeout) => {
                    (error, options.retries.connection_errors)
                }
                Err(error) => return Err(error.at(operation.id, self.attempt)),
            };
            let error = error.at(operation.id, self.attempt);
            self.each(|hooks, at| hooks.after_error(at, &error));
            if let Some(token) = used
                && renewed == 0
                && error.status() == Some(401)
                && !is_narrow(&error)
            {
                renewed = 1;
                options.security.forget(&token);
                continue;
            }
            let tried = self.attempt - renewed;
            if operation.repeat == Repeat::Never || !worth || tried > options.retries.max_retries {
                return Err(error);
            }
            let wait = delay(&options.retries, tried, error.retry_after());
            if Instant::now() + wait > budget {
                return Err(error);
            }
            self.each(|hooks, at| hooks.on_retry(at, &error, wait));
            tokio::time::sleep(wait).await;
        }
    }

    /// One request and its answer, body included, in the time of one attempt.
    async fn attempt(&self, used: &mut Option<Token>) -> Result<Answer, Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let limit = self.call.options.timeout.min(left);
        let ended =
            || Error::local(Kind::Timeout, format!("no answer in {} ms", limit.as_millis()));
        tokio::time::timeout(limit, self.exchange(used)).await.map_err(|_| ended())?
    }

    async fn exchange(&self, used: &mut Option<Token>) -> Result<Answer, Error> {
        let request = self.request(used).await?;
        #[cfg(feature = "dpop")]
        if let Some(proofs) = &self.call.options.dpop
            && used.as_ref().is_some_and(|token| token.scheme() == "DPoP")
        {
            return proofs.exchange(request, |request| self.once(request)).await;
        }
        self.once(request).await
    }

    async fn once(&self, request: reqwest::Request) -> Result<Answer, Error> {
        let failed = |error: reqwest::Error| {
            Error::local(Kind::Connection, "the connection failed").because(error.without_url())
        };
        let response = self.call.client.http().execute(request).await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.map_err(failed)?.to_vec();
        self.each(|hooks, at| hooks.after_response(at, status));
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
        let content_type = content_type.trim().to_ascii_lowercase();
        let retry_after = retry_after(&headers);
        Ok(Answer { status, headers, content_type, body, retry_after })
    }

    async fn request(&self, used: &mut Option<Token>) -> Result<reqwest::Request, Error> {
        let Call { operation, options, .. } = self.call;
        let method = reqwest::Method::from_bytes(operation.method.as_bytes());
        let mut request = reqwest::Request::new(method.map_err(Error::invalid)?, self.url.clone());
        let mut headers = self.headers()?;
        let token = options.security.authorize(operation.security, &mut headers).await?;
        if let Some(token) = &token {
            self.each(|hooks, at| hooks.on_token(at, token));
        }
        *used = token;
        *request.headers_mut() = headers;
        if let Some(body) = &self.call.body {
            let body = body.clone().map_err(|text| Error::local(Kind::InvalidRequest, text))?;
            *request.body_mut() = Some(body.into());
        }
        for hooks in &options.hooks {
            hooks.before_request(&self.context(), &mut request)?;
        }
        Ok(request)
    }

    fn headers(&self) -> Result<HeaderMap, Error> {
        let Call { operation, options, .. } = self.call;
        let mut headers = HeaderMap::new();
        let mut set = |name: &HeaderName, text: &str| -> Result<(), Error> {
            if !text.is_empty() {
                headers.insert(name, HeaderValue::from_str(text).map_err(Error::invalid)?);
            }
            Ok(())
        };
        set(&USER_AGENT, &options.user_agent)?;
        set(&CONTENT_TYPE, operation.sends)?;
        set(&ACCEPT, operation.gives)?;
        let key = options.idempotency_key.as_deref().unwrap_or_default();
        set(&HeaderName::from_static("idempotency-key"), key)?;
        if self.attempt > 1 {
            set(&HeaderName::from_static("x-retry-count"), &(self.attempt - 1).to_string())?;
        }
        let own = self.call.headers.iter().map(|(name, text)| (*name, text));
        for (name, text) in own.chain(options.headers.iter().map(|(n, text)| (n.as_str(), text))) {
            set(&HeaderName::from_bytes(name.as_bytes()).map_err(Error::invalid)?, text)?;
        }
        Ok(headers)
    }

    fn context(&self) -> HookContext {
        HookContext { operation: self.call.operation.id, attempt: self.attempt }
    }

    fn each(&self, run: impl Fn(&dyn Hooks, &HookContext)) {
        let context = self.context();
        self.call.options.hooks.iter().for_each(|hooks| run(&**hooks, &context));
    }

    /// The value of a success.
    fn settle(&self, answer: Answer) -> Result<Response<T>, Error> {
        let operation = self.call.operation;
        let wrong = |message: String, answer: Answer| {
            Error::answered(Kind::ResponseValidation, message, answer)
                .at(operation.id, self.attempt)
        };
        let meta = self.meta(&answer);
        if operation.gives.is_empty() {
            let nothing = serde_json::from_value(serde_json::Value::Null);
            let nothing = nothing.map_err(|error| wrong(error.to_string(), answer))?;
            return Ok(Response::new(nothing, meta));
        }
        if answer.content_type != operation.gives {
            return Err(wrong(format!("the answer is {}", answer.content_type), answer));
        }
        match serde_json::from_slice(&answer.body) {
            Ok(value) => Ok(Response::new(value, meta)),
            Err(error) => {
                Err(wrong(format!("the answer is not what is documented: {error}"), answer))
            }
        }
    }

    fn meta(&self, answer: &Answer) -> Meta {
        let text = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok());
        let replayed = text("idempotent-replayed");
        Meta {
            status: answer.status,
            request_id: text("x-request-id").map(str::to_owned),
            attempts: self.attempt,
            idempotent_replay: replayed == Some("true"),
            headers: answer.headers.clone(),
        }
    }

    /// The error that a refusal is.
    fn refusal(&self, answer: &Answer) -> Error {
        let operation = self.call.operation;
        let documented = if answer.content_type != operation.refuses {
            None
        } else if operation.refuses == PROBLEM {
            Error::of_problem(answer)
        } else {
            let class = operation.refusals.iter().find(|(status, _)| *status == answer.status);
            let refusal = class.and_then(|(_, class)| Refusal::parse(class, &answer.body));
            refusal.map(|refusal| Error::of_refusal(refusal, answer))
        };
        let unknown = || format!("status {}", answer.status);
        documented.unwrap_or_else(|| Error::answered(Kind::Api, unknown(), answer.clone()))
    }
}

/// A token that lives but does not reach so far is no reason to get another one.
fn is_narrow(error: &Error) -> bool {
    let narrow =
        |(name, value): &(String, String)| name == "error" && value == "insufficient_scope";
    error.challenges().iter().any(|challenge| challenge.params.iter().any(narrow))
}

/// The address of a request, or which part of the path is missing or would leave it.
fn address<T>(call: &Call<T>) -> Result<reqwest::Url, Error> {
    let mut path = call.operation.path.to_owned();
    for (name, value) in &call.path {
        if ["", ".", ".."].contains(&value.as_str()) {
            let message = format!("{name} is {value:?}, which is no part of a path");
            return Err(Error::local(Kind::InvalidRequest, message));
        }
        path = path.replace(&format!("{{{name}}}"), &escape(value));
    }
    let base = call.options.server_url.trim_end_matches('/');
    let mut url = reqwest::Url::parse(&format!("{base}{path}")).map_err(Error::invalid)?;
    if !call.query.is_empty() {
        url.query_pairs_mut().extend_pairs(&call.query);
    }
    Ok(url)
}

/// Everything but unreserved characters (RFC 3986 §2.3) is escaped.
pub(crate) fn escape(segment: &str) -> String {
    let mut text = String::new();
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

/// A UUID of version 7 (RFC 9562 §5.7): a server keeps what grows with time side by side.
pub(crate) fn new_key() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let random = fastrand::u128(..) & (u128::MAX >> 48) & !(0xf000 << 64) & !(0xc000 << 48);
    let bits = (now << 80) | random | (0x7000 << 64) | (0x8000 << 48);
    let text = format!("{bits:032x}");
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

/// How long a request for a token may take.
pub(crate) const TOKEN_LIMIT: Duration = Duration::from_secs(30);
