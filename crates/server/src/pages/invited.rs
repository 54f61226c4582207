//! The page of an invitation to connect an account: who asks, what for, which account. It needs no
//! account here and no JavaScript; the link is what opens it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use keyhaven_protocol::refusal::Refusal;

use super::connect::consent_origin;
use super::consent::Fact;
use super::notice::Notice;
use super::parts::Form;
use super::sample::Sample;
use super::under_way::Visit;
use crate::app::Shared;
use crate::http::browser::Browser;
use crate::http::same_origin::Posted;
use crate::http::{cookies, page};
use crate::operations::Failure;
use crate::operations::connect_sessions::{Invited, find_invited, follow};
use crate::operations::refresh_connection::scopes_of;
use crate::operations::start_connection::NoStart;

/// Scopes that a page lists; more are counted.
const MOST_SCOPES: usize = 8;

/// The page.
#[derive(Debug, Template)]
#[template(path = "invited.html")]
pub struct ConnectInvitation {
    /// Its form.
    pub form: Form,
    /// Where the form goes.
    pub action: String,
    /// Who asks.
    pub asker: String,
    /// The provider's name.
    pub provider: String,
    /// What it is for, in the asker's words; empty if they said nothing.
    pub purpose: String,
    /// For whom, which account, where it leads.
    pub facts: Vec<Fact>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// How much more.
    pub more: usize,
    /// Whether an account that was connected before is connected again.
    pub is_again: bool,
}

impl Sample for ConnectInvitation {
    const NAME: &'static str = "invited";

    fn sample() -> Self {
        let fact = |label, value: &str| Fact { label, value: value.to_owned() };
        Self {
            form: Form::sample(),
            action: "/connect/handle-of-a-sample".to_owned(),
            asker: "Northwind Traders".to_owned(),
            provider: "Google".to_owned(),
            purpose: "Import the reports you choose".to_owned(),
            facts: vec![
                fact("For", "ada@northwind.example"),
                fact("Through", "Google Drive"),
                fact("Works until", "30 minutes from when you got the link"),
            ],
            scopes: vec!["drive.readonly".to_owned(), "userinfo.email".to_owned()],
            more: 0,
            is_again: false,
        }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let mut facts = Self::sample().facts;
        facts.insert(1, Fact { label: "Account", value: "ada@gmail.example".to_owned() });
        let again = Self { is_again: true, purpose: String::new(), facts, ..Self::sample() };
        vec![("again", again)]
    }
}

/// `GET /connect/{session}`.
pub async fn show_connect_invitation(
    State(app): State<Shared>,
    browser: Browser,
    Path(token): Path<String>,
) -> Response {
    match invited(&app, &browser, &token).await {
        Ok(invited) => {
            let visit = Visit::of(&app, &browser);
            let leads_to = consent_origin(&invited.provider);
            let action = format!("/connect/{token}");
            visit.show(page::render(&view(&invited, visit.form(), action)).leading_to(&leads_to))
        }
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

/// `POST /connect/{session}`: to the provider, with the cookie of the flow.
pub async fn follow_connect_invitation(
    State(app): State<Shared>,
    Path(token): Path<String>,
    Posted { browser, .. }: Posted,
) -> Response {
    let followed = async {
        let invited = invited(&app, &browser, &token).await?;
        follow(&app, &invited).await.map_err(|why| match why {
            NoStart::Storage(error) => Failure::Storage(error),
            NoStart::NotOauth => Refusal::request("the connector asks no user").into(),
            NoStart::NoCredentials => Refusal::request("the connector has no client id").into(),
            NoStart::Misconfigured(why) => Refusal::request(why).into(),
        })
    };
    match followed.await {
        Ok(started) => {
            let mut response = page::see_other(&started.authorization_url);
            let life = Some(keyhaven_store::flows::LIFE);
            let cookie = cookies::set(&started.browser.name, &started.browser.value, life);
            response.headers_mut().append(header::SET_COOKIE, cookie);
            response
        }
        Err(failure) => page::refused(&app, failure, &browser.origin),
    }
}

/// `GET /connect/done`.
pub async fn show_connected() -> Response {
    page::render(&Notice::connected()).into_response()
}

/// `GET /connect/failed`.
pub async fn show_not_connected() -> Response {
    page::render(&Notice::not_connected()).into_response()
}

async fn invited(app: &Shared, browser: &Browser, token: &str) -> Result<Invited, Failure> {
    let signed_in = browser.signed_in(app).await?;
    find_invited(app, token, signed_in.as_deref()).await
}

fn view(invited: &Invited, form: Form, action: String) -> ConnectInvitation {
    let session = &invited.session;
    let mut facts = Vec::new();
    if let Some(user) = &invited.user {
        facts.push(Fact { label: "For", value: user.clone() });
    }
    if let Some(account) = account(invited) {
        facts.push(Fact { label: "Account", value: account });
    }
    facts.push(Fact { label: "Through", value: invited.kept.connector.name.clone() });
    if let Some(host) = host(&session.base) {
        facts.push(Fact { label: "Leads back to", value: host.to_owned() });
    }
    let mut scopes = scopes_of(&invited.kept.connector.scopes);
    scopes.extend(scopes_of(&session.scopes));
    scopes.dedup();
    let more = scopes.len().saturating_sub(MOST_SCOPES);
    scopes.truncate(MOST_SCOPES);
    ConnectInvitation {
        form,
        action,
        asker: invited.organization.name.clone(),
        provider: invited.provider.name.clone(),
        purpose: session.purpose.clone(),
        facts,
        scopes,
        more,
        is_again: invited.renews.is_some(),
    }
}

/// The outside account: the one that is connected already, or that the asker expects.
fn account(invited: &Invited) -> Option<String> {
    let connected = invited.renews.as_ref().map(|held| &held.connection);
    let known = connected.and_then(|known| known.account_label.clone().or(known.account.clone()));
    known.or_else(|| invited.session.account_hint.clone())
}

fn host(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split(['/', '?']).next().filter(|host| !host.is_empty())
}
