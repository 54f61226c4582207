//! A token request under an `Idempotency-Key`. Its answer is kept in the commit that issues, so a
//! client that did not hear it asks again and gets the same tokens; no code dies of it, and no refresh
//! family (RFC 9700 §4.14.2 would end one whose spent token comes back).
//!
//! The answer contains tokens, which are otherwise kept as digests. It is sealed twice: by the master
//! key, and inside under the request itself, which nobody stores. Whoever has the database and the
//! master key opens it only with the code or refresh token that was sent.

use std::borrow::Cow;

use keyhaven_protocol::client::TokenFormat;
use keyhaven_protocol::client_auth::Manners;
use keyhaven_protocol::credential;
use keyhaven_protocol::id::TokenId;
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::Error;
use keyhaven_store::idempotency::Answer;
use keyhaven_store::seal;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Asker, IssuedToken, TokenRequest};
use crate::app::App;
use crate::operations::kept_answer::{Key, place};
use crate::operations::{Failure, spend_dpop, spend_proof};

/// How a client proves itself is no part of what it asks: an assertion is good once, so a repetition
/// brings another.
const PROOFS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// The status of an answer that carries tokens.
const ISSUED: u16 = 200;

/// The name of a request, and the request itself as the text that opens its answer.
pub(super) struct Once {
    key: Key,
    opener: Secret,
}

/// An answer as it is sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept<'a> {
    pub(super) id: Cow<'a, str>,
    pub(super) access_token: Cow<'a, str>,
    pub(super) scope: Cow<'a, str>,
    pub(super) expires_at: i64,
    pub(super) refresh_token: Option<Cow<'a, str>>,
    pub(super) id_token: Option<Cow<'a, str>>,
    pub(super) bound: bool,
}

impl Once {
    /// What `request` of the client of this public id is known by, if it has a name.
    pub(super) fn of(request: &TokenRequest<'_>, client: &str) -> Option<Self> {
        let name = request.once?.to_owned();
        let opener = opener(request);
        let key = Key { caller: format!("token:{client}"), name, fingerprint: opener.digest() };
        Some(Self { key, opener })
    }

    /// The answer to keep.
    pub(super) fn keep(&self, app: &App, kept: &Kept<'_>) -> Result<Answer, Error> {
        let plain = Zeroizing::new(serde_json::to_vec(kept).map_err(Error::broken)?);
        let row = self.key.row();
        let inner = seal::seal_for_holder(&self.opener, place(&row), &plain, app.dice.bytes())?;
        self.key.keep(app, ISSUED, &inner)
    }

    fn open(&self, app: &App, answer: &Answer) -> Result<Zeroizing<Vec<u8>>, Error> {
        let inner = self.key.open(app, answer)?;
        seal::open_as_holder(&self.opener, place(&self.key.row()), &inner)
    }
}

/// Everything the answer depends on, the holder's key among it (RFC 9449): each piece with its length,
/// so that no two requests read alike.
fn opener(request: &TokenRequest<'_>) -> Secret {
    let door = match request.manners {
        Manners::Standard => "form",
        Manners::Json => "json",
    };
    let key = request.dpop.as_ref().map_or("", |proof| proof.jkt.as_str());
    let asked = request.params.iter().filter(|(name, _)| !PROOFS.contains(name));
    let mut text = String::with_capacity(512);
    for (name, value) in [("door", door), ("jkt", key)].into_iter().chain(asked) {
        for piece in [name, value] {
            text.push_str(&piece.len().to_string());
            text.push(':');
            text.push_str(piece);
        }
    }
    Secret::new(text)
}

/// What to answer although the rules say no: the tokens of this same request, if it was answered.
/// It may have been answered between the look at its code or family and now.
pub(super) async fn answered_before(
    app: &App,
    request: &TokenRequest<'_>,
    asker: &Asker,
) -> Result<Option<IssuedToken>, Failure> {
    let Some(once) = &asker.once else { return Ok(None) };
    match once.key.find(app, app.clock.now()).await? {
        Some(answer) if once.key.fits(&answer) => {
            replay(app, request, asker, (once, &answer)).await.map(Some)
        }
        _ => Ok(None),
    }
}

/// What to answer when the key was taken. `None` when what was kept has just ended: decide again.
pub(super) async fn answered_meanwhile(
    app: &App,
    request: &TokenRequest<'_>,
    asker: &Asker,
) -> Result<Option<IssuedToken>, Failure> {
    let Some(once) = &asker.once else { return Ok(None) };
    let Some(answer) = once.key.find(app, app.clock.now()).await? else { return Ok(None) };
    if once.key.fits(&answer) {
        return replay(app, request, asker, (once, &answer)).await.map(Some);
    }
    spend_proof(app, &asker.proof).await?;
    Err(Refusal::new(Code::KeyReused, "the idempotency key belongs to another request").into())
}

/// The same tokens again. The proofs of this request are spent like those of any other (A38, A43).
async fn replay(
    app: &App,
    request: &TokenRequest<'_>,
    asker: &Asker,
    (once, answer): (&Once, &Answer),
) -> Result<IssuedToken, Failure> {
    spend_proof(app, &asker.proof).await?;
    if let Some(proof) = &request.dpop {
        spend_dpop(app, proof).await?;
    }
    let plain = once.open(app, answer)?;
    let kept: Kept<'_> = serde_json::from_slice(&plain).map_err(Error::broken)?;
    Ok(issued(&kept, asker, app.clock.now())?)
}

fn issued(kept: &Kept<'_>, asker: &Asker, now: Timestamp) -> Result<IssuedToken, Error> {
    let id = TokenId::parse(&kept.id).ok_or_else(|| Error::broken("a kept token has no id"))?;
    let expires_at = Timestamp(kept.expires_at);
    Ok(IssuedToken {
        id,
        access_token: Secret::from(&*kept.access_token),
        format: match credential::parse(&kept.access_token) {
            Some(_) => TokenFormat::Opaque,
            None => TokenFormat::Jwt,
        },
        scopes: Scopes::parse(&kept.scope).map_err(Error::broken)?,
        ttl: expires_at.since(now),
        expires_at,
        refresh_token: kept.refresh_token.as_deref().map(Secret::from),
        id_token: kept.id_token.as_deref().map(Secret::from),
        bound: kept.bound,
        client: asker.client.clone(),
        replayed: true,
    })
}
