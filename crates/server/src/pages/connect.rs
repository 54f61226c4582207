//! Pages of connections: authorize one again, and confirm one whose callback arrived without the
//! browser that started it. Who asks, for which outside account, and as whom one is signed in.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use keyhaven_connect::provider::Provider;
use keyhaven_protocol::connection::state::Status;
use keyhaven_protocol::id::ConnectionId;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_store::connections::Held;
use keyhaven_store::connectors::Kept;
use keyhaven_store::memberships::Role;
use keyhaven_store::sessions::SignedIn;
use keyhaven_store::{Outcome, Reach};
use serde::Deserialize;

use super::consent::Fact;
use super::parts::Form;
use super::sample::Sample;
use crate::app::{App, Shared};
use crate::http::browser::SignedInUser;
use crate::http::same_origin::{Posted, form_token};
use crate::http::{cookies, page};
use crate::operations::Failure;
use crate::operations::confirm_connection::confirm_connection;
use crate::operations::sessions::recognise_session;
use crate::operations::start_connection::{NoStart, Start, start_connection};
use crate::vault::provider_of::{Found, find_provider};

/// The page.
#[derive(Debug, Template)]
#[template(path = "connect.html")]
pub struct Connect {
    /// Its form.
    pub form: Form,
    /// Where the form goes.
    pub action: String,
    /// The question, as a heading.
    pub question: String,
    /// What happens next.
    pub text: String,
    /// Who is signed in.
    pub account: String,
    /// Which connector, which outside account.
    pub facts: Vec<Fact>,
    /// What stands for the browser of a callback; empty where none is needed.
    pub ticket: String,
    /// What the button says.
    pub button: &'static str,
}

impl Sample for Connect {
    const NAME: &'static str = "connect";

    fn sample() -> Self {
        let fact = |label, value: &str| Fact { label, value: value.to_owned() };
        Self {
            form: Form::sample(),
            action: "/connections/019a2b3c-4d5e-7f60-8123-456789abcdef/reconnect".to_owned(),
            question: "Connect Google again?".to_owned(),
            text: "You go to Google to allow it, and come back here. Choose the same account."
                .to_owned(),
            account: "ada@northwind.example".to_owned(),
            facts: vec![fact("For", "Google Drive"), fact("Account", "ada@gmail.example")],
            ticket: String::new(),
            button: "Go to Google",
        }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let question = "Is this your Google account?".to_owned();
        let text = "It was connected in this browser. Confirm it only if you did that just now.";
        let confirm = Self {
            question,
            text: text.to_owned(),
            ticket: "ticket".to_owned(),
            button: "Yes, it is mine",
            ..Self::sample()
        };
        vec![("confirm", confirm)]
    }
}

/// The ticket of a confirmation, in the query of its page.
#[derive(Debug, Deserialize)]
pub struct Ticket {
    #[serde(default)]
    ticket: String,
}

/// A connection with what its pages say about it.
struct Scene {
    held: Held,
    kept: Kept,
    provider: Found,
}

/// `GET /connections/{connection}/reconnect`.
pub async fn show_reconnect(
    State(app): State<Shared>,
    SignedInUser { signed_in, browser }: SignedInUser,
    Path(id): Path<String>,
) -> Response {
    let Some(sid) = browser.sid.as_ref() else { return page::see_other("/login") };
    match scene(&app, &signed_in, &id).await {
        Ok(Some(scene)) => {
            let name = &scene.provider.name;
            let view = Connect {
                question: format!("Connect {name} again?"),
                text: format!(
                    "You go to {name} to allow it, and come back here. Choose the same account."
                ),
                action: format!("/connections/{id}/reconnect"),
                ..view(&scene, &signed_in, form_token(sid), "Go on")
            };
            let leads_to = consent_origin(&scene.provider);
            page::render(&view).leading_to(&leads_to).into_response()
        }
        Ok(None) => page::not_found(),
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

/// `POST /connections/{connection}/reconnect`: to the provider, with the cookie of the flow.
pub async fn start_reconnect(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Posted { browser, .. }: Posted,
) -> Response {
    let started = async {
        let sid = browser.sid.as_ref();
        let sid = sid.ok_or_else(|| Refusal::token("nobody is signed in at this browser"))?;
        let signed_in = recognise_session(&app, sid.reveal()).await?;
        let Some(scene) = scene(&app, &signed_in, &id).await? else { return Ok(None) };
        reconnect(&app, &scene, &signed_in).await.map(Some)
    };
    match started.await {
        Ok(Some(response)) => response,
        Ok(None) => page::not_found(),
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

async fn reconnect(app: &App, scene: &Scene, signed_in: &SignedIn) -> Result<Response, Failure> {
    let base = app.settings.return_origins.allow(None).unwrap_or_default();
    let starter = format!("user:{}", signed_in.session.user);
    let start = Start {
        kept: &scene.kept,
        provider: &scene.provider,
        renews: Some(&scene.held),
        owner: scene.held.connection.owner,
        starter: &starter,
        base: &base,
        scopes: &[],
        session: None,
    };
    let started = start_connection(app, &start).await.map_err(|why| match why {
        NoStart::Storage(error) => Failure::Storage(error),
        NoStart::NotOauth => Refusal::request("the connector asks no user").into(),
        NoStart::NoCredentials => Refusal::request("the connector has no client id").into(),
        NoStart::Misconfigured(why) => Refusal::request(why).into(),
    })?;
    let mut response = page::see_other(&started.authorization_url);
    let life = Some(keyhaven_store::flows::LIFE);
    let cookie = cookies::set(&started.browser.name, &started.browser.value, life);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// `GET /connections/{connection}/confirm`.
pub async fn show_confirmation(
    State(app): State<Shared>,
    SignedInUser { signed_in, browser }: SignedInUser,
    Path(id): Path<String>,
    Query(Ticket { ticket }): Query<Ticket>,
) -> Response {
    let Some(sid) = browser.sid.as_ref() else { return page::see_other("/login") };
    match scene(&app, &signed_in, &id).await {
        Ok(Some(scene)) => {
            let name = &scene.provider.name;
            let text =
                "It was connected in this browser. Confirm it only if you did that just now.";
            let view = Connect {
                question: format!("Is this your {name} account?"),
                text: text.to_owned(),
                action: format!("/connections/{id}/confirm"),
                ticket,
                ..view(&scene, &signed_in, form_token(sid), "Yes, it is mine")
            };
            // Where the answer to its form leads.
            let base = app.settings.return_origins.allow(None).unwrap_or_default();
            page::render(&view).leading_to(&base).into_response()
        }
        Ok(None) => page::not_found(),
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

/// `POST /connections/{connection}/confirm`: from here on it can be used.
pub async fn confirm(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Posted { browser, form }: Posted,
) -> Response {
    let confirmed = async {
        let sid = browser.sid.as_ref();
        let sid = sid.ok_or_else(|| Refusal::token("nobody is signed in at this browser"))?;
        let signed_in = recognise_session(&app, sid.reveal()).await?;
        let Some(scene) = scene(&app, &signed_in, &id).await? else { return Ok(None) };
        let act = app.act(format!("user:{}", signed_in.session.user), &browser.origin);
        let ticket = form.get("ticket").unwrap_or_default();
        let outcome = confirm_connection(&app, &scene.held, ticket, act).await?;
        match outcome {
            Some(Outcome::Done) => Ok(Some(scene)),
            Some(_) => Err(Refusal::token("the connection waits for no confirmation").into()),
            None => Err(Failure::from(Refusal::request("the ticket is not the connection's"))),
        }
    };
    match confirmed.await {
        Ok(Some(scene)) => {
            let origins = &app.settings.return_origins;
            let base = origins.allow(None).unwrap_or_default();
            let connector = &scene.kept.connector;
            page::see_other(&origins.success(&base, connector.sharing, connector.id))
        }
        Ok(None) => page::not_found(),
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

/// The connection, if it is this person's, or a team's that they administer; else nothing.
async fn scene(app: &App, signed_in: &SignedIn, id: &str) -> Result<Option<Scene>, Failure> {
    let Some(id) = ConnectionId::parse(id) else { return Ok(None) };
    let found = app.store.find_held(Reach::Instance, id).await?;
    let Some(held) = found.filter(|held| is_theirs(signed_in, held)) else { return Ok(None) };
    let (organization, connector) = (held.connection.organization, held.connection.connector);
    let reach = Reach::Organization(organization);
    let Some(kept) = app.store.find_connector(reach, connector).await? else { return Ok(None) };
    let provider = find_provider(app, organization, &held.provider).await?;
    Ok(provider.map(|provider| Scene { held, kept, provider }))
}

fn is_theirs(signed_in: &SignedIn, held: &Held) -> bool {
    let connection = &held.connection;
    let Some(place) = signed_in.person.place(connection.organization) else { return false };
    let manages = matches!(place.role, Role::Owner | Role::Admin);
    let own = connection.owner.map_or(manages, |owner| owner == signed_in.session.user);
    own && place.disabled_at.is_none() && connection.standing.status != Status::Revoked
}

fn view(scene: &Scene, signed_in: &SignedIn, token: String, button: &'static str) -> Connect {
    let connection = &scene.held.connection;
    let mut facts = vec![Fact { label: "For", value: scene.kept.connector.name.clone() }];
    if let Some(account) = connection.account_label.as_ref().or(connection.account.as_ref()) {
        facts.push(Fact { label: "Account", value: account.clone() });
    }
    Connect {
        form: Form::fresh(token),
        action: String::new(),
        question: String::new(),
        text: String::new(),
        account: signed_in.person.user.email.clone(),
        facts,
        ticket: String::new(),
        button,
    }
}

/// Where the provider's consent page is: the one origin that the form may lead on to. A host that
/// is filled in per tenant leaves only its scheme to say.
pub(super) fn consent_origin(provider: &Provider) -> String {
    let url = provider.authorize.as_ref().map_or("", |authorize| authorize.url.text());
    let Some((scheme, rest)) = url.split_once("://") else { return String::new() };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match host.split_once('{') {
        None => format!("{scheme}://{host}"),
        Some(_) => format!("{scheme}:"),
    }
}
