//! API keys as every door sees them: minted, recognised, paced. What a key may do is
//! `protocol::api_key`; here it is put together with what this node knows.

use std::sync::Arc;

use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::id::{GrantId, Id, KeyId, TokenId};
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::scope::{RESERVED_PREFIX, Scopes};
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::token::Ended;
use keyhaven_store::keys::KnownKey;

use super::{Failure, Refused};
use crate::app::App;
use crate::key_limits::Limit;

/// The text of a key, to be shown once, and what is kept of it.
#[derive(Debug)]
pub struct KeyText {
    /// What its holder is given.
    pub text: Secret,
    /// The digest by which it is recognised.
    pub hash: Digest,
    /// How it begins, for lists.
    pub prefix: String,
    /// How it ends, for lists.
    pub last_four: String,
}

/// How many characters of a key lists show at its beginning, beyond the words all keys share.
const SHOWN: usize = 4;

impl KeyText {
    /// Mints the text of the key `id` from 32 random bytes. `wrapper` is what a family writes in
    /// front of its keys; the digest is that of our own form, so both are recognised.
    #[must_use]
    pub fn mint(id: Id, random: &[u8; 32], wrapper: &str) -> Self {
        let own = credential::mint(Kind::Key, id, random);
        let text = Secret::new(format!("{wrapper}{}", own.reveal()));
        let shown = wrapper.len() + "kh_key_".len() + SHOWN;
        let prefix = text.reveal().chars().take(shown).collect();
        let last_four = text.reveal()[text.reveal().len() - 4..].to_owned();
        Self { hash: own.digest(), text, prefix, last_four }
    }
}

/// Whether a text has the form of a key, so that it is no other kind of credential.
#[must_use]
pub fn is_key(app: &App, text: &str) -> bool {
    unwrapped(app, text).starts_with("kh_key_")
}

fn unwrapped<'a>(app: &App, text: &'a str) -> &'a str {
    text.strip_prefix(app.settings.hand_out.key_prefix.as_str()).unwrap_or(text)
}

/// The key a text names, if it stands.
pub async fn recognise_key(app: &App, text: &str) -> Result<Arc<KnownKey>, Failure> {
    let Some(presented) = credential::parse_kind(Kind::Key, unwrapped(app, text)) else {
        return Err(Refusal::token("not a key of ours").into());
    };
    let (now, tick) = (app.clock.now(), app.clock.tick());
    let id = KeyId(presented.id);
    let known = app.store.recall_key(id, tick).await?;
    let known = known.filter(|known| known.key.secrets.fit(presented.digest, now));
    let Some(known) = known else { return Err(Refusal::token("the key is unknown").into()) };
    known.key.stands(now)?;
    let ended =
        app.store.find_end(TokenId(id.0), Some(GrantId(id.0)), known.key.owner, tick).await?;
    if ended != Ended::No {
        let refusal = Refusal::token("the key or a grant above it was revoked");
        return Err(refusal.with("key", id.to_string()).into());
    }
    app.key_limits.note(id, now);
    Ok(known)
}

/// Counts one use of a key. The limits as they are now, and the refusal if one is used up.
pub fn pace(app: &App, known: &KnownKey) -> (Vec<Limit>, Result<(), Failure>) {
    let (limits, used_up) = app.key_limits.spend(&known.key, app.clock.tick());
    let outcome = match used_up {
        None => Ok(()),
        Some(used_up) => Err(Failure::Refused(Box::new(Refused {
            refusal: used_up.limit.refuse(used_up.exhausted),
            client: None,
            wait: Some(i64::try_from(used_up.exhausted.wait).unwrap_or(i64::MAX)),
        }))),
    };
    (limits, outcome)
}

/// Scopes of keys open the APIs behind us and never Keyhaven itself.
pub fn parse_key_scopes(text: &str) -> Result<Scopes, &'static str> {
    let scopes = Scopes::parse(text)?;
    if scopes.iter().any(|word| word.starts_with(RESERVED_PREFIX)) {
        return Err("a key does not open Keyhaven itself");
    }
    Ok(scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Id = Id::v7(1_700_000_000_000, [7; 10]);

    #[test]
    fn a_wrapped_key_shows_its_wrapper_and_is_recognised_by_our_own_form() {
        let plain = KeyText::mint(ID, &[9; 32], "");
        let wrapped = KeyText::mint(ID, &[9; 32], "sk-or-v1-");
        assert!(wrapped.text.reveal().starts_with("sk-or-v1-kh_key_"));
        assert_eq!(wrapped.hash, plain.hash);
        assert_eq!(wrapped.prefix.len(), "sk-or-v1-kh_key_".len() + 4);
        assert!(plain.text.reveal().ends_with(&plain.last_four));
    }

    #[test]
    fn a71_a_key_never_opens_keyhaven_itself() {
        assert!(parse_key_scopes("read keyhaven:admin").is_err());
        assert!(parse_key_scopes("read write").is_ok());
    }
}
