//! `GET /auth`: an app asks a person for a key. What it asks is kept under a handle, so that sign-in
//! and consent carry nothing else; the person may change limit, period, end and name before saying
//! yes. The code then goes to the exact callback. Nothing leaves for that address before the request
//! is sound and somebody decided.

use axum::extract::{Query, RawQuery, State};
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::hand_out::HandOut;
use keyhaven_protocol::params::Params;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::Outcome;
use keyhaven_store::hand_outs::NewRequest;
use keyhaven_store::sessions::SignedIn;
use serde::Deserialize;

use super::consent::{Consent, Fact};
use super::parts::{App as Party, Form};
use crate::app::{App, Origin, Shared};
use crate::http::browser::SignedInUser;
use crate::http::page;
use crate::http::same_origin::{Posted, form_token};
use crate::operations::Failure;
use crate::operations::hand_out::{Giver, promise_code};
use crate::operations::sessions::{place, recognise_session};

mod choice;

use choice::Chosen;

/// How long a person may take to sign in and decide.
const REQUEST_LIFE: Seconds = Seconds(1_800);

/// The longest `state`.
const LONGEST_STATE: usize = 2_048;

/// The handle of a request, in the query of its page.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// The handle.
    #[serde(default)]
    request: String,
}

/// A request as the app made it.
struct Request {
    id: keyhaven_protocol::id::Id,
    handle: String,
    asked: HandOut,
    state: Option<String>,
}

/// `GET /auth`: keeps the request and goes to its page.
pub async fn start_hand_out(
    State(app): State<Shared>,
    origin: Origin,
    RawQuery(query): RawQuery,
) -> Response {
    match keep(&app, query.unwrap_or_default()).await {
        Ok(handle) => page::see_other(&format!("/auth/consent?request={}", handle.reveal())),
        Err(failure) => page::refused(&app, failure, &origin),
    }
}

async fn keep(app: &App, query: String) -> Result<Secret, Failure> {
    read(app, &query)?;
    let id = app.id();
    let handle = credential::mint(Kind::Flow, id, &app.dice.bytes());
    let (hash, expires_at) = (handle.digest(), app.clock.now().plus(REQUEST_LIFE));
    let new = NewRequest { id, hash, query, expires_at };
    app.store.keep_hand_out_request(&new).await?;
    Ok(handle)
}

/// What an app asks, under the rules of the family; a parameter given twice is refused.
fn read(app: &App, query: &str) -> Result<(HandOut, Option<String>), Refusal> {
    let params = Params::parse_form(query.as_bytes())
        .map_err(|error| Refusal::request(error.reason().into_owned()))?;
    let state = params.get("state").map(str::to_owned);
    if state.as_ref().is_some_and(|state| state.len() > LONGEST_STATE) {
        return Err(Refusal::request("state is longer than 2048 bytes").on("state"));
    }
    let asked = HandOut::parse_query(&params, &app.settings.hand_out.unit, app.clock.now())?;
    Ok((asked, state))
}

/// `GET /auth/consent`: the question.
pub async fn show_hand_out_consent(
    State(app): State<Shared>,
    SignedInUser { signed_in, browser }: SignedInUser,
    Query(asked): Query<Asked>,
) -> Response {
    let Some(sid) = browser.sid.as_ref() else { return page::see_other("/login") };
    match find(&app, &asked.request).await {
        Ok(request) => {
            let chosen = Chosen::asked(&app, &request.asked);
            show(&request, &signed_in, form_token(sid), chosen).into_response()
        }
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

/// `POST /auth/consent`: the decision. A request has one.
pub async fn decide_hand_out(
    State(app): State<Shared>,
    Posted { browser, form }: Posted,
) -> Response {
    let decided = async {
        let sid = browser.sid.as_ref();
        let sid = sid.ok_or_else(|| Refusal::token("nobody is signed in at this browser"))?;
        let signed_in = recognise_session(&app, sid.reveal()).await?;
        let request = find(&app, form.get("request").unwrap_or_default()).await?;
        if form.get("decision") != Some("allow") {
            return deny(&app, &request, &signed_in, &browser.origin).await;
        }
        let chosen = Chosen::sent(&form);
        match chosen.read(&app, &request.asked) {
            Ok(asked) => allow(&app, &request, &asked, &signed_in, &browser.origin).await,
            Err(chosen) => {
                let again = show(&request, &signed_in, form_token(sid), *chosen).again();
                Ok(again.into_response())
            }
        }
    };
    match decided.await {
        Ok(response) => response,
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

async fn find(app: &App, handle: &str) -> Result<Request, Failure> {
    let over = || Refusal::token("the request for a key is unknown, over or decided");
    let presented = credential::parse_kind(Kind::Flow, handle).ok_or_else(over)?;
    let now = app.clock.now();
    let kept = app.store.find_hand_out_request(presented.id, presented.digest, now).await?;
    let (asked, state) = read(app, &kept.ok_or_else(over)?.query)?;
    Ok(Request { id: presented.id, handle: handle.to_owned(), asked, state })
}

async fn allow(
    app: &App,
    request: &Request,
    asked: &HandOut,
    signed_in: &SignedIn,
    origin: &Origin,
) -> Result<Response, Failure> {
    let place = place(signed_in).map_err(|barred| {
        Refusal::new(keyhaven_protocol::refusal::Code::UnauthorizedClient, barred.reason())
    })?;
    let giver = Giver::Person {
        user: signed_in.session.user,
        organization: place.map(|place| place.organization),
        project: place.and(signed_in.session.project),
    };
    let mut act = app.act(format!("user:{}", signed_in.session.user), origin);
    let (new, code) = promise_code(app, &giver, asked, &mut act).await?;
    end(app, request, Some(&new), act).await?;
    Ok(back(request, &[("code", code.reveal())]))
}

async fn deny(
    app: &App,
    request: &Request,
    signed_in: &SignedIn,
    origin: &Origin,
) -> Result<Response, Failure> {
    let act = app.act(format!("user:{}", signed_in.session.user), origin);
    end(app, request, None, act).await?;
    Ok(back(request, &[("error", "access_denied")]))
}

async fn end(
    app: &App,
    request: &Request,
    code: Option<&keyhaven_store::hand_outs::NewCode>,
    act: keyhaven_store::Act,
) -> Result<(), Failure> {
    match app.store.end_hand_out_request(request.id, code, act).await? {
        Outcome::Done => Ok(()),
        _ => Err(Refusal::token("the request for a key was decided already").into()),
    }
}

/// 303 to the callback, byte for byte, with the outcome and the app's own `state`.
fn back(request: &Request, outcome: &[(&str, &str)]) -> Response {
    let state = request.state.as_deref().map(|state| ("state", state));
    let pairs: Vec<(&str, &str)> = outcome.iter().copied().chain(state).collect();
    page::see_other(&request.asked.callback.with(&pairs))
}

fn show(request: &Request, signed_in: &SignedIn, token: String, chosen: Chosen) -> page::Page {
    let callback = &request.asked.callback;
    let host = callback.host().to_owned();
    let mut facts = vec![Fact { label: "Goes to", value: callback.origin().to_owned() }];
    if let Ok(Some(place)) = place(signed_in) {
        facts.insert(0, Fact { label: "Organization", value: place.name.clone() });
        let here = |id| place.projects.iter().find(|project| project.id == id);
        let asked = request.asked.workspace.and_then(here);
        if let Some(project) = asked.or_else(|| signed_in.session.project.and_then(here)) {
            facts.insert(1, Fact { label: "Project", value: project.name.clone() });
        }
    }
    let name =
        if callback.is_loopback() { "A program on this computer".into() } else { host.clone() };
    let view = Consent {
        form: Form::fresh(token),
        action: "/auth/consent",
        handle: request.handle.clone(),
        question: format!("Give {host} a key?"),
        app: Party { name, host, verified: false },
        account: signed_in.person.user.email.clone(),
        may: vec![
            "use this platform in your name with a key of its own".to_owned(),
            "spend up to the limit you set below".to_owned(),
        ],
        facts,
        inputs: chosen.inputs(),
    };
    page::render(&view).leading_to(callback.origin())
}
