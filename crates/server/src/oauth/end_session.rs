//! `GET` and `POST /oauth2/logout` (OpenID Connect RP-Initiated Logout §2) and the answer of its
//! confirm page.

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_store::sessions::SignedIn;

use crate::app::Shared;
use crate::http::body;
use crate::http::browser::{Browser, drop_session};
use crate::http::call::Call;
use crate::http::page;
use crate::http::same_origin::form_token;
use crate::operations::end_session::{Step, end_session};
use crate::pages::logout::Logout;
use crate::pages::parts::Form;

/// Where it is.
pub const PATH: &str = "/oauth2/logout";
const DONE: &str = "/logged-out";

/// Ends the session of this browser on a client's word, or asks.
pub async fn request_logout(State(app): State<Shared>, uri: Uri, browser: Browser) -> Response {
    let params = Params::parse_form(uri.query().unwrap_or_default().as_bytes());
    let params = match params {
        Ok(params) => params,
        Err(error) => {
            let refusal = Refusal::request(error.reason().into_owned());
            return page::refused(&app, refusal.into(), &browser.origin);
        }
    };
    let signed_in = match browser.signed_in(&app).await {
        Ok(signed_in) => signed_in,
        Err(failure) => return page::refused(&app, failure, &browser.origin),
    };
    match end_session(&app, signed_in.as_deref(), &params, &browser.origin).await {
        Ok(Step::Ended(target)) => {
            let mut response = page::see_other(target.as_deref().unwrap_or(DONE));
            drop_session(response.headers_mut());
            response
        }
        Ok(Step::Ask(handle)) => ask(&browser, signed_in.as_deref(), handle),
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

/// A POST from a page of the client comes without our cookies: it goes on as a GET.
pub async fn post_logout(State(app): State<Shared>, call: Call) -> Response {
    let refused = |refusal: Refusal| page::refused(&app, refusal.into(), &call.origin);
    if body::media_type(&call.headers) != Some("application/x-www-form-urlencoded") {
        return refused(Refusal::request("the body is not a form"));
    }
    match Params::parse_form(&call.body) {
        Ok(params) => page::see_other(&format!("{PATH}?{}", params.to_form())),
        Err(error) => refused(Refusal::request(error.reason().into_owned())),
    }
}

fn ask(
    browser: &Browser,
    signed_in: Option<&SignedIn>,
    target: Option<(String, String)>,
) -> Response {
    let (handle, origin) = target.unzip();
    let account = signed_in.map(|it| it.person.user.email.clone()).unwrap_or_default();
    let token = browser.sid.as_ref().map(form_token).unwrap_or_default();
    let page = page::render(&Logout { form: Form::fresh(token), account, handle });
    match origin {
        Some(origin) => page.leading_to(&origin).into_response(),
        None => page.into_response(),
    }
}
