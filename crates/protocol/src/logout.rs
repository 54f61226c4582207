//! Logging out: on the client's word (RP-Initiated Logout) and the token by which other clients hear
//! of it (Back-Channel Logout §2.4). Without a hint that proves who asks and whom it is about,
//! the person is asked first (A66).

use std::sync::Arc;

use serde_json::json;

use crate::id::Id;
use crate::id_token::Hint;
use crate::jose::compact;
use crate::jose::signing_key::{KeyError, SigningKey};
use crate::params::Params;
use crate::refusal::Refusal;
use crate::relying_party::RelyingParty;
use crate::secret::Secret;
use crate::time::{Seconds, Timestamp};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// How long a logout token may be delivered (Back-Channel Logout §2.4 advises two minutes).
pub const LIFETIME: Seconds = Seconds(120);

/// What to do with a logout request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Ask the person; then go to the target, if there is one.
    Ask(Option<String>),
    /// End the session at once; then go to the target, if there is one.
    End(Option<String>),
}

/// What is true when a logout is decided.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The hint, if it was one of ours.
    pub hint: Option<&'a Hint>,
    /// The client that the hint or `client_id` names.
    pub client: Option<(&'a str, &'a RelyingParty)>,
    /// The person signed in here, as that client knows them, and the session.
    pub login: Option<(&'a str, &'a str)>,
}

/// Decides a logout request (RP-Initiated Logout §2, §3).
pub fn decide(params: &Params, facts: &Facts<'_>) -> Result<Plan, Refusal> {
    let named = params.get("client_id");
    if let (Some(named), Some(hint)) = (named, facts.hint)
        && named != hint.client_id
    {
        return Err(Refusal::request("client_id differs from the hint's audience").on("client_id"));
    }
    let target = find_target(params, facts)?;
    let Some(hint) = facts.hint else { return Ok(Plan::Ask(target)) };
    let about_this_login = match facts.login {
        None => true,
        Some((subject, session)) => {
            subject == hint.subject && hint.sid.as_deref().is_none_or(|sid| sid == session)
        }
    };
    Ok(if about_this_login { Plan::End(target) } else { Plan::Ask(target) })
}

/// Only a registered address of the client that is known by hint or name; any other is our page.
fn find_target(params: &Params, facts: &Facts<'_>) -> Result<Option<String>, Refusal> {
    let Some(uri) = params.get("post_logout_redirect_uri") else { return Ok(None) };
    let Some((_, party)) = facts.client else {
        return Err(Refusal::request("post_logout_redirect_uri without a client")
            .on("post_logout_redirect_uri"));
    };
    if !party.post_logout_redirect_uris.iter().any(|known| known == uri) {
        return Err(Refusal::request("post_logout_redirect_uri is not a registered one")
            .on("post_logout_redirect_uri")
            .with("registered", party.post_logout_redirect_uris.join(" ")));
    }
    let state = params.get("state").map(|state| ("state", state.to_owned()));
    Ok(Some(crate::authorize::with_query(uri, state.as_slice())))
}

/// A logout token.
#[derive(Clone, Copy, Debug)]
pub struct LogoutToken<'a> {
    /// Us.
    pub issuer: &'a str,
    /// The client that hears.
    pub client_id: &'a str,
    /// The person, as it knows them.
    pub subject: &'a str,
    /// The session that ended.
    pub sid: &'a str,
    /// Its own id.
    pub id: Id,
    /// Now.
    pub issued_at: Timestamp,
}

impl LogoutToken<'_> {
    /// Signs it.
    pub fn sign(&self, key: &Arc<SigningKey>) -> Result<Secret, KeyError> {
        let claims = json!({
            "iss": self.issuer,
            "aud": self.client_id,
            "iat": self.issued_at.0,
            "exp": self.issued_at.plus(LIFETIME).0,
            "jti": self.id.to_string(),
            "events": { EVENT: {} },
            "sub": self.subject,
            "sid": self.sid,
        });
        let header = compact::header_segment("logout+jwt", key);
        compact::sign(&header, claims.to_string().as_bytes(), key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(sid: Option<&str>) -> Hint {
        Hint { client_id: "a".into(), subject: "sam".into(), sid: sid.map(str::to_owned) }
    }

    fn party() -> RelyingParty {
        RelyingParty {
            post_logout_redirect_uris: vec!["https://a.test/bye".into()],
            ..RelyingParty::default()
        }
    }

    #[track_caller]
    fn check(
        pairs: &[(&str, &str)],
        hint: Option<&Hint>,
        login: Option<(&str, &str)>,
        expected: Result<Plan, &str>,
    ) {
        let params = Params::from_pairs(pairs.iter().copied()).unwrap();
        let party = party();
        let named = hint.is_some() || params.get("client_id").is_some();
        let client = named.then_some(("a", &party));
        let got = decide(&params, &Facts { hint, client, login });
        assert_eq!(
            got.map_err(|refusal| refusal.reason.into_owned()),
            expected.map_err(Into::into)
        );
    }

    #[test]
    fn without_a_hint_the_person_is_asked() {
        check(&[], None, Some(("sam", "s")), Ok(Plan::Ask(None)));
        check(&[("client_id", "a")], None, Some(("sam", "s")), Ok(Plan::Ask(None)));
    }

    #[test]
    fn a_hint_about_this_login_is_enough() {
        check(&[], Some(&hint(None)), Some(("sam", "s")), Ok(Plan::End(None)));
        check(&[], Some(&hint(Some("s"))), Some(("sam", "s")), Ok(Plan::End(None)));
        check(&[], Some(&hint(None)), None, Ok(Plan::End(None)));
    }

    #[test]
    fn a_hint_about_another_person_or_session_is_not() {
        check(&[], Some(&hint(None)), Some(("kim", "s")), Ok(Plan::Ask(None)));
        check(&[], Some(&hint(Some("t"))), Some(("sam", "s")), Ok(Plan::Ask(None)));
    }

    #[test]
    fn a_redirect_goes_to_a_registered_address_of_a_known_client() {
        let uri = ("post_logout_redirect_uri", "https://a.test/bye");
        let end = |target: &str| Ok(Plan::End(Some(target.to_owned())));
        check(&[uri], Some(&hint(None)), None, end("https://a.test/bye"));
        check(
            &[uri, ("state", "x y")],
            Some(&hint(None)),
            None,
            end("https://a.test/bye?state=x+y"),
        );
        let reason = Err("post_logout_redirect_uri without a client");
        check(&[uri], None, None, reason);
        let reason = Err("post_logout_redirect_uri is not a registered one");
        let evil = ("post_logout_redirect_uri", "https://e.test/bye");
        check(&[evil], Some(&hint(None)), None, reason);
        let reason = Err("client_id differs from the hint's audience");
        check(&[("client_id", "b")], Some(&hint(None)), None, reason);
    }
}
