//! `authorization_code` (RFC 6749 §4.1.3; RFC 7636 §4.6; RFC 9700 §2.1.1). A code is good once, for
//! the client, redirect URI, challenge, key and resource it was given for. One that comes back
//! after it was spent ends everything it made.

use super::{Facts, Grant, Needs, Plan, Refresh, Rule, bind, listed, target};
use crate::authorization::Authorization;
use crate::client::Client;
use crate::credential::{self, Kind};
use crate::id::GrantId;
use crate::params::Params;
use crate::pkce;
use crate::refusal::{Consequence, Refusal};
use crate::time::Timestamp;

pub(super) struct AuthorizationCode;

impl Grant for AuthorizationCode {
    fn name(&self) -> &'static str {
        "authorization_code"
    }

    fn needs(&self, params: &Params) -> Result<Needs, Refusal> {
        let text = params.get("code").ok_or_else(|| Refusal::missing("code"))?;
        credential::parse_kind(Kind::Code, text)
            .map(Needs::Code)
            .ok_or_else(|| Refusal::grant("not a code of ours").on("code"))
    }

    fn decide(&self, params: &Params, facts: &Facts<'_>, now: Timestamp) -> Result<Plan, Refusal> {
        let client = facts.client;
        listed(client, self)?;
        let known = facts.code.zip(facts.presented);
        let Some((code, presented)) = known.filter(|(code, sent)| code.code == sent.digest) else {
            return Err(Refusal::grant("unknown code"));
        };
        debug_assert_eq!(code.id.0, presented.id);
        alive(code, client, now)?;
        fits_redirect(code, params)?;
        pkce::verify(code.challenge.as_ref(), params.get("code_verifier"))?;
        fits_key(code, facts)?;
        target(params, &code.audience)?;
        let jkt = bind(facts)?;
        let kept = client.is_confidential() || jkt.is_some();
        let rule = if kept { Rule::Keep } else { Rule::Rotate };
        Ok(Plan {
            scopes: code.scopes.clone(),
            audience: code.audience.clone(),
            ttl: client.access_ttl,
            refresh: refresh(client, code, rule, now),
            code: Some(code.id),
            jkt,
        })
    }
}

/// Whose it is comes before whether it was spent: a thief must not end what the owner holds (A27).
fn alive(code: &Authorization, client: &Client, now: Timestamp) -> Result<(), Refusal> {
    if code.client != client.id {
        return Err(Refusal::grant("code belongs to another client"));
    }
    if let Some(at) = code.spent_at {
        return Err(Refusal::grant("code was used before")
            .with("spent_at", at.0.to_string())
            .and(Consequence::RevokeGrant(GrantId(code.id.0))));
    }
    if code.code_ends_at <= now {
        return Err(Refusal::grant("code expired")
            .with("ended_at", code.code_ends_at.0.to_string())
            .with("now", now.0.to_string()));
    }
    if code.session_ended_at.is_some() {
        return Err(Refusal::grant("the session of the code was ended"));
    }
    if code.issued_at < client.not_before {
        return Err(Refusal::grant("everything issued to the client so far was revoked"));
    }
    code.stands()
}

fn fits_redirect(code: &Authorization, params: &Params) -> Result<(), Refusal> {
    match params.get("redirect_uri") {
        None if code.redirect_uri_sent => {
            Err(Refusal::grant("redirect_uri is missing").on("redirect_uri"))
        }
        Some(sent) if sent != code.redirect_uri => {
            Err(Refusal::grant("redirect_uri is not the one the code was sent to")
                .on("redirect_uri"))
        }
        _ => Ok(()),
    }
}

fn fits_key(code: &Authorization, facts: &Facts<'_>) -> Result<(), Refusal> {
    match &code.jkt {
        Some(bound) if facts.jkt != Some(bound) => {
            Err(Refusal::grant("code is bound to another key"))
        }
        _ => Ok(()),
    }
}

/// Refresh tokens of clients that prove themselves, by secret or by key, stay as they are; those of
/// others turn with every use (RFC 9700 §4.14.2).
/// Without `offline_access` they end with the session (OpenID Connect Core §11).
fn refresh(client: &Client, code: &Authorization, rule: Rule, now: Timestamp) -> Refresh {
    if !client.may_use("refresh_token") {
        return Refresh::None;
    }
    let mut ends_at = now.plus(client.refresh_absolute);
    if !code.is_offline() {
        ends_at = ends_at.min(code.session_ends_at);
    }
    Refresh::Begin { rule, idle_ends_at: now.plus(client.refresh_idle).min(ends_at), ends_at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorization::Standing;
    use crate::authorization::tests::an_authorization;
    use crate::client::AuthMethod;
    use crate::client_auth::tests::a_client;
    use crate::credential::{mint, parse};
    use crate::grants::Terms;
    use crate::id::{ClientId, Id};
    use crate::pkce::Challenge;
    use crate::relying_party::Demand;

    const NOW: Timestamp = Timestamp(1_000);
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const REDIRECT: (&str, &str) = ("redirect_uri", "https://a.test/cb");
    const PROOF: (&str, &str) = ("code_verifier", VERIFIER);

    fn redeem(
        pairs: &[(&str, &str)],
        jkt: Option<&str>,
        edit: impl FnOnce(&mut Authorization, &mut Client),
    ) -> Result<Plan, Refusal> {
        let id = Id::v7(1, [4; 10]);
        let presented = parse(mint(Kind::Code, id, &[9; 32]).reveal()).unwrap();
        let mut code = an_authorization(presented.digest);
        code.challenge = Challenge::of_text("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        let mut client = a_client();
        client.grant_types.push("authorization_code".into());
        edit(&mut code, &mut client);
        let facts = Facts {
            client: &client,
            terms: Terms::Standard,
            jkt,
            code: Some(&code),
            presented: Some(&presented),
            family: None,
        };
        AuthorizationCode.decide(&Params::from_pairs(pairs.iter().copied()).unwrap(), &facts, NOW)
    }

    #[track_caller]
    fn refused(
        pairs: &[(&str, &str)],
        edit: impl FnOnce(&mut Authorization, &mut Client),
        reason: &str,
    ) {
        let refusal = redeem(pairs, None, edit).expect_err("was accepted");
        assert_eq!(refusal.reason, reason);
        let replay = reason == "code was used before";
        assert_eq!(refusal.consequence.is_some(), replay, "{reason}");
    }

    const GOOD: [(&str, &str); 2] = [REDIRECT, PROOF];

    #[test]
    fn a_good_code_becomes_a_grant_with_a_kept_refresh_token() {
        let plan = redeem(&GOOD, None, |_, _| ()).unwrap();
        assert_eq!(plan.scopes.as_str(), "openid read");
        assert_eq!(plan.code.map(|code| code.0), Some(Id::v7(1, [4; 10])));
        let Refresh::Begin { rule: Rule::Keep, ends_at, .. } = plan.refresh else { panic!() };
        assert_eq!(ends_at, Timestamp(37_000));
    }

    #[test]
    fn a_public_clients_refresh_token_turns_unless_it_is_bound() {
        let public = |_: &mut Authorization, c: &mut Client| c.auth_method = AuthMethod::None;
        let rule = |plan: Plan| match plan.refresh {
            Refresh::Begin { rule, .. } => rule,
            other => panic!("{other:?}"),
        };
        assert_eq!(rule(redeem(&GOOD, None, public).unwrap()), Rule::Rotate);
        let plan = redeem(&GOOD, Some("key"), public).unwrap();
        assert_eq!(plan.jkt.as_deref(), Some("key"));
        assert_eq!(rule(plan), Rule::Keep);
        let plan = redeem(&GOOD, None, |_, c| c.grant_types.retain(|g| g != "refresh_token"));
        assert_eq!(plan.unwrap().refresh, Refresh::None);
    }

    #[test]
    fn a_refresh_token_ends_with_the_session_unless_it_may_work_offline() {
        let end = |scopes: &'static str| {
            let plan = redeem(&GOOD, None, |code, _| {
                code.session_ends_at = Timestamp(2_000);
                code.scopes = crate::scope::Scopes::parse(scopes).unwrap();
            });
            match plan.unwrap().refresh {
                Refresh::Begin { ends_at, .. } => ends_at,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(end("openid"), Timestamp(2_000));
        assert_eq!(end("openid offline_access"), Timestamp(37_000));
    }

    #[test]
    fn a27_a_code_of_another_client_is_refused_without_consequence() {
        let other = ClientId(Id::v7(3, [3; 10]));
        refused(
            &GOOD,
            |code, _| (code.client, code.spent_at) = (other, Some(NOW)),
            "code belongs to another client",
        );
    }

    #[test]
    fn a30_a_spent_code_ends_what_it_made() {
        refused(&GOOD, |code, _| code.spent_at = Some(Timestamp(995)), "code was used before");
        refused(&[], |code, _| code.spent_at = Some(Timestamp(995)), "code was used before");
    }

    #[test]
    fn every_other_rule_names_itself() {
        refused(&GOOD, |code, _| code.code = crate::secret::Digest([0; 32]), "unknown code");
        refused(&GOOD, |code, _| code.code_ends_at = NOW, "code expired");
        refused(
            &GOOD,
            |code, _| code.session_ended_at = Some(NOW),
            "the session of the code was ended",
        );
        refused(&GOOD, |code, _| code.standing = Standing::Disabled, "the user is disabled");
        refused(&GOOD, |code, _| code.standing = Standing::Gone, "the user is gone");
        refused(
            &GOOD,
            |_, client| client.not_before = NOW,
            "everything issued to the client so far was revoked",
        );
        refused(&[PROOF], |_, _| (), "redirect_uri is missing");
        let other = ("redirect_uri", "https://a.test/other");
        refused(&[other, PROOF], |_, _| (), "redirect_uri is not the one the code was sent to");
        refused(
            &[other, PROOF],
            |code, _| code.redirect_uri_sent = false,
            "redirect_uri is not the one the code was sent to",
        );
        refused(&[REDIRECT], |_, _| (), "code_verifier is missing");
        refused(
            &GOOD,
            |code, _| code.challenge = None,
            "code_verifier for a code without a challenge",
        );
        refused(&GOOD, |code, _| code.jkt = Some("key".into()), "code is bound to another key");
        refused(
            &GOOD,
            |_, client| client.party.dpop = Demand::Required,
            "DPoP proof is missing, and this client's tokens are bound to a key",
        );
        let elsewhere = ("resource", "https://b.test");
        refused(&[REDIRECT, PROOF, elsewhere], |_, _| (), "resource is not the client's audience");
        refused(
            &GOOD,
            |_, client| client.grant_types.clear(),
            "grant type is not registered for this client",
        );
    }

    #[test]
    fn a_redirect_uri_that_was_not_sent_need_not_be_repeated() {
        assert!(redeem(&[PROOF], None, |code, _| code.redirect_uri_sent = false).is_ok());
        assert!(redeem(&GOOD, None, |code, _| code.redirect_uri_sent = false).is_ok());
    }
}
