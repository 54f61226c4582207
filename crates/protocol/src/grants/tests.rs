//! Tables: a request, an edit of the facts, and the plan or the rule that refuses.

use super::*;
use crate::client_auth::tests::a_client;
use crate::credential::{Kind, mint, parse};
use crate::id::{ClientId, Id};
use crate::refusal::Consequence;

const NOW: Timestamp = Timestamp(1_000);
const ID: TokenId = TokenId(Id::v7(1, [3; 10]));
const LINEAGE: Lineage = Lineage([5; 32]);

fn form(pairs: &[(&str, &str)]) -> Params {
    Params::from_pairs(pairs.iter().copied()).unwrap()
}

/// The text of the family's token number `n`.
fn token(n: u8) -> crate::secret::Secret {
    mint(Kind::Refresh, ID.0, &LINEAGE.secret(&[n; LINEAGE_RANDOM]))
}

/// A rotating family at its third token, the second spent ten seconds ago.
fn a_family() -> Family {
    Family {
        id: ID,
        client: a_client().id,
        scopes: Scopes::parse("read write").unwrap(),
        audience: String::new(),
        rule: Rule::Rotate,
        lineage: LINEAGE,
        head: token(3).digest(),
        previous: Some(token(2).digest()),
        rotated_at: Some(Timestamp(990)),
        successor: Some(vec![1, 2, 3]),
        idle_ends_at: Timestamp(2_000),
        ends_at: Timestamp(9_000),
        revoked_at: None,
        issued_at: Timestamp(500),
        authorization: None,
    }
}

fn refresh(
    n: u8,
    pairs: &[(&str, &str)],
    edit: impl FnOnce(&mut Family, &mut Client),
) -> Result<Plan, Refusal> {
    let (mut family, mut client) = (a_family(), a_client());
    edit(&mut family, &mut client);
    let text = token(n);
    let presented = parse(text.reveal()).unwrap();
    let facts = Facts {
        client: &client,
        terms: Terms::Standard,
        jkt: None,
        code: None,
        presented: Some(&presented),
        family: Some(&family),
    };
    refresh_token::RefreshToken.decide(&form(pairs), &facts, NOW)
}

fn credentials(
    pairs: &[(&str, &str)],
    terms: Terms,
    edit: impl FnOnce(&mut Client),
) -> Result<Plan, Refusal> {
    let mut client = a_client();
    edit(&mut client);
    let facts =
        Facts { client: &client, terms, jkt: None, code: None, presented: None, family: None };
    client_credentials::ClientCredentials.decide(&form(pairs), &facts, NOW)
}

#[track_caller]
fn reason<T: std::fmt::Debug>(result: Result<T, Refusal>) -> (Code, String) {
    let refusal = result.unwrap_err();
    (refusal.code, refusal.reason.into_owned())
}

#[test]
fn grant_types_are_found_by_their_exact_name() {
    assert_eq!(find("client_credentials").map(Grant::name).ok(), Some("client_credentials"));
    for name in ["password", "CLIENT_CREDENTIALS", "", "implicit"] {
        assert_eq!(reason(find(name).map(|_| ())).0, Code::UnsupportedGrantType, "{name}");
    }
}

#[test]
fn credentials_get_what_they_ask_for_and_no_refresh_token() {
    let plan = credentials(&[("scope", "read")], Terms::Standard, |_| ()).unwrap();
    assert_eq!(
        (plan.scopes.as_str(), plan.refresh, plan.ttl),
        ("read", Refresh::None, Seconds(300))
    );
    let plan = credentials(&[], Terms::Standard, |_| ()).unwrap();
    assert_eq!(plan.scopes.as_str(), "read write");
}

#[test]
fn a_family_that_promises_a_refresh_token_gets_one_if_the_client_may() {
    let terms = Terms::EveryAnswer(Rule::Rotate);
    let plan = credentials(&[], terms, |_| ()).unwrap();
    let begin = Refresh::Begin {
        rule: Rule::Rotate,
        idle_ends_at: Timestamp(4_600),
        ends_at: Timestamp(37_000),
    };
    assert_eq!(plan.refresh, begin);
    let plan = credentials(&[], terms, |client| client.grant_types.truncate(1)).unwrap();
    assert_eq!(plan.refresh, Refresh::None);
}

#[test]
fn credentials_are_refused_by_the_rule_that_is_broken() {
    let refused = |pairs: &[(&str, &str)], edit: fn(&mut Client)| {
        reason(credentials(pairs, Terms::Standard, edit))
    };
    let wide = "scope is wider than allowed".to_owned();
    assert_eq!(refused(&[("scope", "read admin")], |_| ()), (Code::InvalidScope, wide));
    let person = "openid and offline_access need a user".to_owned();
    let with_openid =
        |client: &mut Client| client.scopes = Scopes::parse("openid offline_access").unwrap();
    assert_eq!(refused(&[("scope", "openid")], with_openid), (Code::InvalidScope, person.clone()));
    assert_eq!(refused(&[("scope", "offline_access")], with_openid), (Code::InvalidScope, person));
    let unlisted = "grant type is not registered for this client".to_owned();
    assert_eq!(
        refused(&[], |client| client.grant_types.clear()),
        (Code::UnauthorizedClient, unlisted)
    );
    let public = "a public client has no credentials of its own".to_owned();
    let make_public = |client: &mut Client| client.auth_method = crate::client::AuthMethod::None;
    assert_eq!(refused(&[], make_public), (Code::UnauthorizedClient, public));
    let target = "resource is not the client's audience".to_owned();
    assert_eq!(refused(&[("resource", "https://x.test")], |_| ()), (Code::InvalidTarget, target));
}

#[test]
fn the_head_rotates_under_its_own_digest() {
    let plan = refresh(3, &[], |_, _| ()).unwrap();
    let rotate = Refresh::Rotate {
        family: ID,
        from: token(3).digest(),
        idle_ends_at: Timestamp(4_600),
        grace: Seconds(90),
        lineage: LINEAGE,
    };
    assert_eq!(plan.refresh, rotate);
}

#[test]
fn the_predecessor_gets_the_same_successor_while_the_grace_lasts() {
    let plan = refresh(2, &[], |_, _| ()).unwrap();
    assert_eq!(plan.refresh, Refresh::Repeat { family: ID, successor: vec![1, 2, 3] });
    let late = refresh(2, &[], |family, _| family.rotated_at = Some(Timestamp(910)));
    assert_eq!(reason(late).1, "a spent refresh token was used again");
}

#[test]
fn a_spent_token_ends_the_family() {
    let refusal = refresh(1, &[], |_, _| ()).unwrap_err();
    assert_eq!(refusal.reason, "a spent refresh token was used again");
    assert_eq!(refusal.consequence, Some(Consequence::RevokeFamily(ID)));
    let erased = refresh(2, &[], |family, _| family.successor = None).unwrap_err();
    assert_eq!(erased.consequence, Some(Consequence::RevokeFamily(ID)));
    let no_grace = refresh(2, &[], |_, client| client.refresh_grace = Seconds(0)).unwrap_err();
    assert_eq!(no_grace.consequence, Some(Consequence::RevokeFamily(ID)));
}

#[test]
fn a_token_the_family_never_had_is_only_unknown() {
    let refusal = refresh(1, &[], |family, _| family.lineage = Lineage([6; 32])).unwrap_err();
    assert_eq!((refusal.reason.as_ref(), refusal.consequence), ("unknown refresh token", None));
}

#[test]
fn a_kept_token_stays_and_moves_its_idle_end_in_steps() {
    let keep = |idle: i64| {
        move |family: &mut Family, _: &mut Client| {
            family.rule = Rule::Keep;
            family.idle_ends_at = Timestamp(idle);
        }
    };
    let plan = refresh(3, &[], keep(4_000)).unwrap();
    assert_eq!(plan.refresh, Refresh::Keep { family: ID, idle_ends_at: Some(Timestamp(4_600)) });
    let plan = refresh(3, &[], keep(4_590)).unwrap();
    assert_eq!(plan.refresh, Refresh::Keep { family: ID, idle_ends_at: None });
}

#[test]
fn refresh_is_refused_by_the_rule_that_is_broken() {
    let refused = |edit: fn(&mut Family, &mut Client)| reason(refresh(3, &[], edit)).1;
    let stranger =
        |family: &mut Family, _: &mut Client| family.client = ClientId(Id::v7(9, [9; 10]));
    assert_eq!(refused(stranger), "refresh token belongs to another client");
    assert_eq!(refused(|f, _| f.revoked_at = Some(NOW)), "refresh family is revoked");
    let all = "everything issued to the client so far was revoked";
    assert_eq!(refused(|_, c| c.not_before = Timestamp(501)), all);
    assert_eq!(refused(|f, _| f.ends_at = NOW), "refresh family reached its absolute end");
    assert_eq!(refused(|f, _| f.idle_ends_at = NOW), "refresh family was idle too long");
    assert_eq!(
        refused(|_, c| c.grant_types.clear()),
        "grant type is not registered for this client"
    );
}

#[test]
fn another_clients_replay_does_not_end_the_family() {
    let refusal =
        refresh(1, &[], |family, _| family.client = ClientId(Id::v7(9, [9; 10]))).unwrap_err();
    assert_eq!(refusal.consequence, None);
}

#[test]
fn scope_only_shrinks() {
    let wider = refresh(3, &[("scope", "read admin")], |_, _| ());
    assert_eq!(reason(wider), (Code::InvalidScope, "scope is wider than allowed".to_owned()));
    let less =
        refresh(3, &[], |_, client| client.scopes = Scopes::parse("write").unwrap()).unwrap();
    assert_eq!(less.scopes.as_str(), "write");
}

#[test]
fn no_access_token_outlives_its_family() {
    let plan = refresh(3, &[], |family, _| family.ends_at = Timestamp(1_010)).unwrap();
    assert_eq!(plan.ttl, Seconds(10));
}
