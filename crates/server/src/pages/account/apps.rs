//! The apps a person let in: what each may see and do, and taking it back.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyhaven_protocol::id::ClientId;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::consents::ConsentRecord;

use super::deed::{refused, sender};
use crate::app::Shared;
use crate::http::browser::SignedInUser;
use crate::http::page::{self, Answer};
use crate::http::same_origin::Posted;
use crate::operations::consents::withdraw_own_consent;
use crate::pages::consent::may;
use crate::pages::parts::Form;
use crate::pages::sample::{LONGEST, Sample};
use crate::pages::words::{day, recent_day};

const PATH: &str = "/account/apps";

/// The page of connected apps.
#[derive(Debug, Template)]
#[template(path = "account_apps.html")]
pub struct Apps {
    /// Its forms.
    pub form: Form,
    /// The apps.
    pub apps: Vec<ConnectedApp>,
}

/// An app as the person who let it in sees it.
#[derive(Debug, PartialEq, Eq)]
pub struct ConnectedApp {
    /// Its id in forms.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it was allowed, resource by resource.
    pub allowed: Vec<Allowed>,
    /// When the person agreed, and when the app last asked.
    pub when: String,
}

/// What an app was allowed at one resource.
#[derive(Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The resource; empty for this server.
    pub place: String,
    /// What it may, a sentence's end each.
    pub may: Vec<String>,
}

impl Apps {
    pub(crate) const PLACE: &'static str = "apps";
}

/// `GET /account/apps`
pub async fn show_apps(State(app): State<Shared>, user: SignedInUser) -> Response {
    match app.store.list_consents(user.signed_in.session.user).await {
        Ok(consents) => {
            let apps = connected(&consents, app.clock.now());
            page::render(&Apps { form: Form::of(&user), apps }).into_response()
        }
        Err(error) => page::refused(&app, error.into(), &user.browser.origin),
    }
}

/// `POST /account/apps/withdraw`: the app may nothing more, and what it holds counts no more.
pub async fn withdraw_app(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    let client = posted.form.get("app").and_then(ClientId::parse_public);
    let missing = || refused(&app, &user, Refusal::missing("app").into());
    let (client, owner) = (client.ok_or_else(missing)?, user.signed_in.session.user);
    let withdrawn = withdraw_own_consent(&app, owner, client, &user.browser.origin).await;
    withdrawn.map_err(|failure| refused(&app, &user, failure))?;
    Ok(page::see_other(PATH))
}

/// One entry for each app: its consents stand beside each other in the list.
fn connected(consents: &[ConsentRecord], now: Timestamp) -> Vec<ConnectedApp> {
    let mut apps: Vec<ConnectedApp> = Vec::new();
    for of_app in consents.chunk_by(|one, next| one.client == next.client) {
        let Some(first) = of_app.first() else { continue };
        let given = of_app.iter().map(|it| it.given_at).min().unwrap_or(first.given_at);
        let used = of_app.iter().map(|it| it.used_at).max().unwrap_or(first.used_at);
        let allowed =
            of_app.iter().map(|it| Allowed { place: it.audience.clone(), may: may(&it.scopes) });
        apps.push(ConnectedApp {
            id: first.client.to_string(),
            name: first.client_name.clone().unwrap_or_else(|| "An app that is gone".to_owned()),
            allowed: allowed.collect(),
            when: format!("Allowed on {}, last used {}", day(given), recent_day(used, now)),
        });
    }
    apps
}

impl Sample for Apps {
    const NAME: &'static str = "account-apps";

    fn sample() -> Self {
        let text = |text: &str| text.to_owned();
        let allowed = |place: &str, may: &[&str]| Allowed {
            place: text(place),
            may: may.iter().map(|it| text(it)).collect(),
        };
        let notebook = ConnectedApp {
            id: text("a"),
            name: text("Northwind Notebook"),
            allowed: vec![
                allowed("", &["know who you are", "see your e-mail address"]),
                allowed("https://api.northwind.example", &["use “notes.read” in your name"]),
            ],
            when: text("Allowed on 3 November 2026, last used today"),
        };
        let reader = ConnectedApp {
            id: text("b"),
            name: text("Reader"),
            allowed: vec![allowed("", &["know who you are"])],
            when: text("Allowed on 12 October 2026, last used 12 October 2026"),
        };
        Self { form: Form::sample(), apps: vec![notebook, reader] }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let mut long = Self::sample();
        long.apps[0].name = LONGEST.to_owned();
        vec![("none", Self { apps: Vec::new(), ..Self::sample() }), ("long", long)]
    }
}

#[cfg(test)]
mod tests {
    use keyhaven_protocol::id::{Id, UserId};
    use keyhaven_protocol::scope::Scopes;

    use super::*;

    #[test]
    fn the_consents_of_one_app_are_one_entry() {
        let consent = |client: u8, audience: &str, scopes: &str, at: i64| ConsentRecord {
            user: UserId(Id::v7(1, [9; 10])),
            client: ClientId(Id::v7(1, [client; 10])),
            client_name: (client == 1).then(|| "Notebook".to_owned()),
            organization: None,
            audience: audience.to_owned(),
            scopes: Scopes::parse(scopes).unwrap(),
            given_at: Timestamp(at),
            used_at: Timestamp(at),
        };
        let day = 86_400;
        let consents = [
            consent(1, "", "openid", 0),
            consent(1, "https://a.test", "read", day),
            consent(2, "", "openid email", 0),
        ];
        let apps = connected(&consents, Timestamp(2 * day));
        assert_eq!(apps.len(), 2);
        assert_eq!(apps[0].name, "Notebook");
        assert_eq!(apps[0].allowed.len(), 2);
        assert_eq!(apps[0].when, "Allowed on 1 January 1970, last used yesterday");
        assert_eq!(apps[1].name, "An app that is gone");
        assert_eq!(apps[1].allowed[0].may, ["know who you are", "see your e-mail address"]);
    }
}
