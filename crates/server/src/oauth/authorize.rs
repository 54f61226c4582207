//! `GET` and `POST /oauth2/authorize` (RFC 6749 §3.1, OpenID Connect Core §3.1.2) and the consent
//! page's `POST /consent`. Translates what the operation says into pages and redirects.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::authorize::{Answer, ResponseMode, Target, Why};
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::sessions::SignedIn;

use super::consent_page;
use crate::app::{App, Shared};
use crate::http::browser::{Browser, keep_requests};
use crate::http::call::Call;
use crate::http::same_origin::Posted;
use crate::http::{body, page, refusal};
use crate::operations::authorize::{self, Answered, Asker, Step, Waiting};
use crate::operations::{Failure, Refused};
use crate::pages::form_post::FormPost;

/// Where a request goes on.
pub const PATH: &str = "/oauth2/authorize";

/// Decides a request that the browser brings in its address.
pub async fn start_authorization(
    State(app): State<Shared>,
    uri: Uri,
    browser: Browser,
) -> Response {
    let (params, repeated) = match read(uri.query().unwrap_or_default().as_bytes()) {
        Ok(read) => read,
        Err(refusal) => return page::refused(&app, refusal.into(), &browser.origin),
    };
    let signed_in = match browser.signed_in(&app).await {
        Ok(signed_in) => signed_in,
        Err(failure) => return page::refused(&app, failure, &browser.origin),
    };
    let asker = asker(&browser, signed_in.as_deref());
    let step = authorize::authorize(&app, asker, &params, repeated.as_deref()).await;
    answer(&app, &browser, signed_in.as_deref(), step)
}

/// Keeps a request that a page of the client posted, and goes on with a GET. The cookies of a
/// cross-site POST are not sent, so nothing about the person is decided here.
pub async fn post_authorization(State(app): State<Shared>, call: Call) -> Response {
    let refused = |refusal: Refusal| page::refused(&app, refusal.into(), &call.origin);
    if let Err(refusal) = body::no_query(&call.uri) {
        return refused(refusal);
    }
    if body::media_type(&call.headers) != Some("application/x-www-form-urlencoded") {
        return refused(Refusal::request("the body is not a form"));
    }
    let (params, repeated) = match read(&call.body) {
        Ok(read) => read,
        Err(refusal) => return refused(refusal),
    };
    match authorize::keep(&app, &params, repeated.as_deref()).await {
        Ok(Step::Kept(handle)) => page::see_other(&address(&handle)),
        Ok(Step::Refused(target, refused)) => say_no(&app, &target, &refused, &call.origin),
        Ok(_) => refused(Refusal::request("the request cannot be kept")),
        Err(failure) => page::refused(&app, failure, &call.origin),
    }
}

/// Carries out what the person said on the consent page.
pub async fn decide_consent(State(app): State<Shared>, posted: Posted) -> Response {
    let browser = &posted.browser;
    let signed_in = match browser.signed_in(&app).await {
        Ok(signed_in) => signed_in,
        Err(failure) => return page::refused(&app, failure, &browser.origin),
    };
    let answered = match posted.form.get("decision") {
        Some("allow") => Answered::Yes,
        Some("deny") => Answered::No,
        _ => {
            let refusal = Refusal::request("the decision is neither allow nor deny");
            return page::refused(&app, refusal.into(), &browser.origin);
        }
    };
    let handle = posted.form.get("request").unwrap_or_default();
    let asker = asker(browser, signed_in.as_deref());
    let step = authorize::decide_consent(&app, asker, handle, answered).await;
    answer(&app, browser, signed_in.as_deref(), step)
}

fn read(form: &[u8]) -> Result<(Params, Option<String>), Refusal> {
    Params::parse_form_with_repeated(form)
        .map_err(|error| Refusal::request(error.reason().into_owned()))
}

fn asker<'a>(browser: &'a Browser, signed_in: Option<&'a SignedIn>) -> Asker<'a> {
    Asker { signed_in, bound: browser.requests.as_ref(), origin: &browser.origin }
}

/// Where a kept request goes on.
fn address(handle: &Secret) -> String {
    format!("{PATH}?request={}", handle.reveal())
}

fn answer(
    app: &App,
    browser: &Browser,
    signed_in: Option<&SignedIn>,
    step: Result<Step, Failure>,
) -> Response {
    match step {
        Ok(Step::Done(answer)) => deliver(&answer),
        Ok(Step::Refused(target, refused)) => say_no(app, &target, &refused, &browser.origin),
        Ok(Step::SignIn(waiting, why)) => sign_in(&waiting, why),
        Ok(Step::Consent(waiting, question)) => {
            let page = consent_page::show(browser, signed_in, &waiting, &question);
            bound(page, &waiting)
        }
        Ok(Step::Kept(handle)) => page::see_other(&address(&handle)),
        Err(failure) => page::refused(app, failure, &browser.origin),
    }
}

/// The sign-in page, which leads back here.
fn sign_in(waiting: &Waiting, why: Why) -> Response {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("continue", &address(&waiting.handle));
    let why = match why {
        Why::NobodySignedIn => None,
        Why::ChooseAccount => Some("choose"),
        Why::Again => Some("again"),
        Why::Stronger => Some("stronger"),
    };
    if let Some(why) = why {
        query.append_pair("again", why);
    }
    bound(page::see_other(&format!("/login?{}", query.finish())), waiting)
}

/// The browser keeps what its requests are bound to.
fn bound(mut response: Response, waiting: &Waiting) -> Response {
    keep_requests(response.headers_mut(), &waiting.bound);
    response
}

/// Tells the client no. The refusal is noted once, here.
fn say_no(app: &App, target: &Target, refused: &Refused, origin: &crate::app::Origin) -> Response {
    let description = refusal::describe(app, refused, origin);
    deliver(&target.error(&refused.refusal, description, &app.settings.issuer))
}

/// Sends an answer on its way.
fn deliver(answer: &Answer) -> Response {
    match answer.response_mode {
        ResponseMode::Query => page::see_other(&answer.location()),
        ResponseMode::FormPost => {
            page::render(&FormPost::of(answer)).leading_to(answer.origin()).into_response()
        }
    }
}
