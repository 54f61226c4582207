//! Sign-in tickets: a trusted backend that has authenticated a user asks for one, and the browser
//! that brings it within a minute is signed in. One use; the pages of this server are not involved.
//! The same with the code that a dashboard's callback completes a sign-in at our pages with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::id::{Id, SessionId};
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::sign_in::{Facts, Method, Methods, decide};
use keyhaven_store::Error;
use keyhaven_store::one_time_codes::{Purpose, spending};
use keyhaven_store::sessions::SignedIn;

use super::Failure;
use super::accounts::{find_code, mint_code};
use super::sign_in::{Opened, Opening, Parent, Visitor, open};
use crate::app::{App, Origin};

/// Signs in with a ticket.
pub async fn sign_in_with_ticket(
    app: &App,
    text: &str,
    continue_to: Continuation,
    visitor: Visitor<'_>,
) -> Result<Opened, Failure> {
    let ticket = find_code(app, Purpose::Ticket, text).await?;
    let user = ticket.user.ok_or_else(|| Error::broken("a ticket without a user"))?;
    let person = app.store.find_person(user).await?;
    let person = person.ok_or_else(|| Refusal::grant("the user is gone"))?;
    let home = app.store.find_home(&person.user.email).await?;
    decide(&Facts {
        method: Method::Ticket,
        enrolled: &[],
        home: &home.demand,
        disabled: person.user.disabled_at.is_some(),
    })?;
    let methods = Methods::of(Method::Ticket);
    let opening = Opening { person: &person, methods, continue_to, parent: None };
    open(app, opening, spending(&ticket, app.clock.now()), visitor).await
}

/// A code with which a dashboard's callback gets a session of its own from the person's session here.
/// It works for whoever also knows `nonce`, which the browser keeps in a cookie.
pub async fn hand_out_code(
    app: &App,
    signed_in: &SignedIn,
    nonce: &str,
    origin: &Origin,
) -> Result<Secret, Failure> {
    let session = &signed_in.session;
    let (mut code, text) = mint_code(app, Purpose::Callback);
    code.user = Some(session.user);
    code.detail = session.parent.unwrap_or(session.id).to_string();
    code.subject = digest_of(nonce);
    let act = app.act(format!("user:{}", session.user), origin);
    app.store.keep_one_time_code(&code, "session.offered", act).await?;
    Ok(text)
}

/// Exchanges that code. The new session dies with the one it came from, and says when and how that
/// one's person was asked.
pub async fn exchange_code(
    app: &App,
    text: &str,
    nonce: &str,
    continue_to: Continuation,
    visitor: Visitor<'_>,
) -> Result<Opened, Failure> {
    let code = find_code(app, Purpose::Callback, text).await?;
    if code.subject != digest_of(nonce) {
        return Err(Refusal::grant("the code was handed to another browser").into());
    }
    let above = Id::parse(&code.detail).map(SessionId);
    let above = above.ok_or_else(|| Error::broken("a callback code without a session"))?;
    let now = app.clock.now();
    let reach = keyhaven_store::Reach::Instance;
    let above = app.store.find_session_record(reach, above, now).await?;
    let above = above.ok_or_else(|| Refusal::grant("the session behind the code was ended"))?;
    let person = app.store.find_person(above.user).await?;
    let person = person.ok_or_else(|| Refusal::grant("the user is gone"))?;
    let opening = Opening {
        person: &person,
        methods: above.methods,
        continue_to,
        parent: Some(Parent {
            id: above.id,
            authenticated_at: above.authenticated_at,
            ends_at: above.ends_at,
        }),
    };
    open(app, opening, spending(&code, now), visitor).await
}

fn digest_of(nonce: &str) -> String {
    URL_SAFE_NO_PAD.encode(Digest::of(nonce.as_bytes()).0)
}
