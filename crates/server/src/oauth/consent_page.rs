//! A question of the authorization endpoint as the consent page asks it: who, what, where to, for how
//! long.

use axum::response::{IntoResponse, Response};
use keyhaven_protocol::client::Client;
use keyhaven_protocol::consent::is_unverified;
use keyhaven_protocol::redirect_uri::{origin, shown_host};
use keyhaven_protocol::scope::Scopes;
use keyhaven_store::sessions::SignedIn;

use crate::http::browser::Browser;
use crate::http::page;
use crate::http::same_origin::form_token;
use crate::operations::authorize::{Question, Waiting};
use crate::pages::consent::{Consent, Fact, may};
use crate::pages::parts::{App, Form};

/// The page.
pub(super) fn show(
    browser: &Browser,
    signed_in: Option<&SignedIn>,
    waiting: &Waiting,
    question: &Question,
) -> Response {
    let Question { client, target, audience, asked } = question;
    let uri = &target.redirect_uri;
    let app = App {
        name: client.name.clone(),
        host: shown_host(uri).to_owned(),
        verified: !is_unverified(client, uri),
    };
    let again = asked.new.is_empty() && !asked.wanted.is_empty();
    let view = Consent {
        form: Form::fresh(browser.sid.as_ref().map(form_token).unwrap_or_default()),
        action: "/consent",
        handle: waiting.handle.reveal().to_owned(),
        question: format!("Allow {} to use your account?", app.name),
        app,
        account: signed_in.map(|it| it.person.user.email.clone()).unwrap_or_default(),
        may: may(if again { &asked.wanted } else { &asked.new }),
        facts: facts(client, uri, audience, &asked.wanted),
        inputs: Vec::new(),
    };
    page::render(&view).leading_to(origin(uri)).into_response()
}

fn facts(client: &Client, uri: &str, audience: &str, wanted: &Scopes) -> Vec<Fact> {
    let mut facts = vec![Fact { label: "Goes to", value: shown_host(uri).to_owned() }];
    if !audience.is_empty() {
        facts.push(Fact { label: "For use at", value: audience.to_owned() });
    }
    let refreshed = client.may_use("refresh_token");
    let lasts = match (refreshed, wanted.contains("offline_access")) {
        (true, true) => format!("{}, or until you take it back", span(client.refresh_absolute.0)),
        (true, false) => "As long as you are signed in here, or until you take it back".to_owned(),
        (false, _) => span(client.access_ttl.0),
    };
    facts.push(Fact { label: "Lasts", value: lasts });
    facts
}

/// A span in the largest unit that says it in whole numbers.
fn span(seconds: i64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let (size, name) = units
        .into_iter()
        .find(|(size, _)| seconds >= *size && seconds % size == 0)
        .unwrap_or((1, "second"));
    let count = seconds / size;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_said_in_whole_units() {
        assert_eq!(span(2_592_000), "30 days");
        assert_eq!(span(86_400), "1 day");
        assert_eq!(span(5_400), "90 minutes");
        assert_eq!(span(61), "61 seconds");
    }
}
