//! Telling clients that a session ended (OpenID Connect Back-Channel Logout §2.5). Whatever ended the
//! session, its clients are found by the mark in the revocation graph; each is told a few times at
//! most, and nobody waits for it.

use futures_util::future::join_all;
use keyhaven_connect::send::{Limits, Outgoing};
use keyhaven_protocol::access_token::Signer;
use keyhaven_protocol::logout::LogoutToken;
use keyhaven_protocol::subject;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::Error;
use keyhaven_store::logout_notices::LogoutNotice;
use url::Url;

use crate::app::{App, Origin};

/// Ends looked at and notices delivered per round.
const AT_ONCE: i64 = 20;

/// How far back ends are looked for: longer than any pause of the job that does not also end it.
const LOOKED_BACK: Seconds = Seconds(3_600);

/// The pause between two tries, in seconds.
const PAUSE: i64 = 15;
const MOST_TRIES: i64 = 6;

/// One round; returns how many were told.
pub async fn tell_logouts(app: &App, origin: &Origin) -> Result<usize, Error> {
    let now = app.clock.now();
    for (session, user) in app.store.list_unheard_ends(now.minus(LOOKED_BACK), AT_ONCE).await? {
        app.store.note_logout(session, user, now, || app.id()).await?;
    }
    let again = now.plus(Seconds(PAUSE));
    let notices = app.store.take_logout_notices(now, again, AT_ONCE).await?;
    let mut told = 0;
    // All at once: a client that is slow to answer holds up no other.
    let delivered = join_all(notices.iter().map(|notice| deliver(app, notice, origin))).await;
    let mut failed = Ok(());
    for (notice, delivered) in notices.iter().zip(delivered) {
        let over = delivered.unwrap_or_else(|error| {
            failed = Err(error);
            false
        });
        if over || notice.tries >= MOST_TRIES {
            app.store.forget_logout_notice(notice.id).await?;
            told += 1;
        }
    }
    failed.map(|()| told)
}

/// Tells one client. `true` when there is nothing more to do about it.
async fn deliver(app: &App, notice: &LogoutNotice, origin: &Origin) -> Result<bool, Error> {
    let client = app.store.recall_client(notice.client, app.clock.tick()).await?;
    let Some(client) = client else { return Ok(true) };
    let Some(url) = client.party.backchannel_logout_uri.as_deref() else { return Ok(true) };
    let Ok(url) = Url::parse(url) else { return Ok(true) };
    let now = app.clock.now();
    let subject = subject::of(notice.user, &client.party, &app.private.pairwise);
    let sid = subject::session_of(notice.session, &client.party, &app.private.pairwise);
    let token = LogoutToken {
        issuer: &app.settings.issuer,
        client_id: &client.public_id,
        subject: &subject,
        sid: &sid,
        id: app.id(),
        issued_at: now,
    };
    let sign = |signer: &Signer| token.sign(signer.shared_key());
    let signed = app.keys.sign(app, client.party.id_token_alg, now, origin, sign).await?;
    let signed = signed.map_err(|error| Error::broken(error.0))?;
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("logout_token", signed.reveal())
        .finish()
        .into_bytes();
    let request = Outgoing::post(url, "application/x-www-form-urlencoded", body);
    let limits = Limits { types: &[], ..Limits::STRANGER };
    match app.outside.send(request, limits).await {
        Ok(reply) if matches!(reply.status, 200 | 204 | 400) => Ok(true),
        Ok(reply) => {
            tracing::debug!(status = reply.status, client = client.public_id, "logout not taken");
            Ok(false)
        }
        Err(error) => {
            tracing::debug!(?error, client = client.public_id, "logout not delivered");
            Ok(false)
        }
    }
}
