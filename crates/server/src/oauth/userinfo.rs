//! `GET` and `POST /oauth2/userinfo` (OpenID Connect Core §5.3). The token comes in the header, or in
//! the form of a POST (RFC 6750 §2.2), never in the address and never twice (A49).

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use keyhaven_protocol::dpop::HEADER;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;

use crate::app::Shared;
use crate::http::call::Call;
use crate::http::dpop::{self, Presented};
use crate::http::{bearer, body, refusal, reply};
use crate::operations::Failure;
use crate::operations::userinfo::{Told, tell};

/// Where it is.
pub const PATH: &str = "/oauth2/userinfo";

/// Tells the bearer of a token about the person behind it.
pub async fn tell_userinfo(State(app): State<Shared>, method: Method, call: Call) -> Response {
    let told = match find(&method, &call) {
        Ok(found) => {
            let (text, is_bound) = match &found {
                Found::Form(params) => (params.get("access_token").unwrap_or_default(), false),
                Found::Header(Presented::Bearer(text)) => (*text, false),
                Found::Header(Presented::Bound(text)) => (*text, true),
            };
            tell_bearer(&app, method.as_str(), &call, text, is_bound).await
        }
        Err(refusal) => Err(refusal.into()),
    };
    let response = match told {
        Ok(Told::Plain(claims)) => reply::ok(&claims),
        Ok(Told::Signed(jwt)) => reply::ok_jwt(&jwt),
        Err(failure) => refusal::bearer(&app, failure, &call.origin),
    };
    dpop::with_nonce(&app, &call.headers, response)
}

enum Found<'a> {
    Header(Presented<'a>),
    Form(Params),
}

fn find<'a>(method: &Method, call: &'a Call) -> Result<Found<'a>, Refusal> {
    if call.uri.query().is_some_and(|query| query.contains("access_token")) {
        return Err(Refusal::request("access_token in the address"));
    }
    let is_form = body::media_type(&call.headers) == Some("application/x-www-form-urlencoded");
    let form = match method == Method::POST && is_form {
        true => Some(
            Params::parse_form(&call.body)
                .map_err(|error| Refusal::request(error.reason().into_owned()))?,
        ),
        false => None,
    };
    let form = form.filter(|form| form.get("access_token").is_some());
    match (form, bearer::is_sent(&call.headers)) {
        (Some(_), true) => Err(Refusal::request("two access tokens in one request")),
        (Some(form), false) => Ok(Found::Form(form)),
        (None, _) => dpop::presented(&call.headers).map(Found::Header),
    }
}

async fn tell_bearer(
    app: &Shared,
    method: &str,
    call: &Call,
    text: &str,
    is_bound: bool,
) -> Result<Told, Failure> {
    let proof = match is_bound {
        true => dpop::proof(app, &call.headers, method, PATH, Some(text))?,
        false => None,
    };
    if is_bound && proof.is_none() {
        return Err(Refusal::token("a bound token without a DPoP proof").on(HEADER).into());
    }
    tell(app, text, proof.as_ref(), &call.origin).await
}
