//! Accounts elsewhere that sign the person in here: linking one, and unlinking.

use axum::extract::State;
use axum::response::IntoResponse as _;
use keyhaven_protocol::id::{Id, UserId};
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::Error;
use keyhaven_store::upstream_identities::UpstreamIdentity;

use super::deed::{ACCOUNT, asked_lately, done, refused, sender};
use crate::app::{App, Shared};
use crate::http::page::{self, Answer};
use crate::http::same_origin::Posted;
use crate::operations::factors;
use crate::operations::upstream_sign_in::start_link;
use crate::pages::parts::Upstream;
use crate::pages::upstream::Leaving;
use crate::pages::words::{day, recent_day};

/// An account elsewhere.
#[derive(Debug)]
pub struct Linked {
    /// Its id in forms.
    pub id: String,
    /// The other service.
    pub name: String,
    /// Who the person is there, and when it was used.
    pub used: String,
}

/// What is linked, and what could be.
pub(super) async fn find_links(
    app: &App,
    user: UserId,
    now: Timestamp,
) -> Result<(Vec<Linked>, Vec<Upstream>), Error> {
    let store = &app.store;
    let (known, linked) = tokio::try_join!(
        store.list_linkable_upstreams(user),
        store.list_upstream_identities(user),
    )?;
    let has = |provider: &Id| linked.iter().any(|identity| identity.provider == *provider);
    let rest = known.iter().filter(|(id, _)| !has(id));
    let rest = rest.map(|(id, name)| Upstream { slug: id.to_string(), name: name.clone() });
    let rest = rest.collect();
    let name_of = |identity: &UpstreamIdentity| {
        let named = known.iter().find(|(id, _)| *id == identity.provider);
        named.map_or_else(|| host(&identity.issuer), |(_, name)| name.clone())
    };
    let show = |identity: UpstreamIdentity| Linked {
        id: identity.id.to_string(),
        name: name_of(&identity),
        used: used(&identity, now),
    };
    Ok((linked.iter().cloned().map(show).collect(), rest))
}

fn host(issuer: &str) -> String {
    issuer.trim_start_matches("https://").trim_start_matches("http://").to_owned()
}

fn used(identity: &UpstreamIdentity, now: Timestamp) -> String {
    let since = format!("Linked on {}", day(identity.created_at));
    let used = identity.used_at.map(|at| format!(", used {}", recent_day(at, now)));
    let who = identity.email.as_ref().map(|email| format!("{email} · ")).unwrap_or_default();
    format!("{who}{since}{}", used.unwrap_or_default())
}

/// `POST /account/upstreams/link`: leaves for the other service, whose answer comes to
/// `/login/with/{provider}/callback`.
pub async fn leave_to_link(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    asked_lately(&app, &user, ACCOUNT)?;
    let named = posted.form.get("provider").and_then(Id::parse);
    let missing = || refused(&app, &user, Refusal::missing("provider").into());
    let url = start_link(&app, named.ok_or_else(missing)?, &user.signed_in).await;
    let url = url.map_err(|failure| refused(&app, &user, failure))?;
    Ok(page::render(&Leaving { url }).into_response())
}

/// `POST /account/upstreams/unlink`
pub async fn unlink(State(app): State<Shared>, posted: Posted) -> Answer {
    let user = sender(&app, &posted).await?;
    asked_lately(&app, &user, ACCOUNT)?;
    let named = posted.form.get("identity").and_then(Id::parse);
    let missing = || refused(&app, &user, Refusal::missing("identity").into());
    let named = named.ok_or_else(missing)?;
    let gone = factors::unlink_upstream(&app, &user.signed_in, named, &user.browser.origin).await;
    gone.map_err(|failure| refused(&app, &user, failure))?;
    Ok(done("unlinked"))
}
