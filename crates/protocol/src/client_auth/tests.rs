//! One table: a request's proof, an edit of the client, and the rule that refuses.

use super::*;
use crate::client::{AuthMethod, ClientSecret, Profile, TokenFormat};
use crate::id::{Id, OrganizationId};
use crate::scope::Scopes;
use crate::time::Seconds;

const NOW: Timestamp = Timestamp(1_000);

/// A confidential client with the secret `s3cret`, in an organization.
pub(crate) fn a_client() -> Client {
    let id = ClientId(Id::v7(1, [1; 10]));
    Client {
        id,
        public_id: id.to_string(),
        organization: Some(OrganizationId(Id::v7(2, [2; 10]))),
        name: "test".into(),
        standing: Standing::Active,
        profile: Profile::Strict,
        auth_method: AuthMethod::Basic,
        secrets: vec![ClientSecret { digest: Digest::of(b"s3cret"), expires_at: None }],
        assertion_alg: None,
        keys: None,
        keys_uri: None,
        grant_types: vec!["client_credentials".into(), "refresh_token".into()],
        scopes: Scopes::parse("read write").unwrap(),
        audience: None,
        token_format: TokenFormat::Jwt,
        token_alg: "ES256".into(),
        access_ttl: Seconds(300),
        refresh_idle: Seconds(3_600),
        refresh_absolute: Seconds(36_000),
        refresh_grace: Seconds(90),
        not_before: Timestamp(0),
        party: crate::relying_party::RelyingParty::default(),
    }
}

fn basic(id: &str, secret: &str) -> Option<BasicPair> {
    Some(BasicPair { client_id: id.to_owned(), client_secret: Secret::from(secret) })
}

fn form(pairs: &[(&str, &str)]) -> Params {
    Params::from_pairs(pairs.iter().copied()).unwrap()
}

#[track_caller]
fn check(
    pair: Option<BasicPair>,
    body: &[(&str, &str)],
    manners: Manners,
    edit: impl FnOnce(&mut Client),
    expected: Option<&str>,
) {
    let mut client = a_client();
    edit(&mut client);
    let got = Presented::gather(pair, &form(body), manners)
        .and_then(|presented| presented.authenticate(Some(&client), manners, &[], NOW))
        .err()
        .map(|refusal| refusal.reason);
    assert_eq!(got.as_deref(), expected);
}

const STANDARD: Manners = Manners::Standard;
const JSON: Manners = Manners::Json;

#[test]
fn the_registered_method_with_the_right_secret_is_accepted() {
    let id = &a_client().public_id;
    check(basic(id, "s3cret"), &[], STANDARD, |_| (), None);
    check(basic(id, "s3cret"), &[("client_id", id)], STANDARD, |_| (), None);
    let body = [("client_id", id.as_str()), ("client_secret", "s3cret")];
    check(None, &body, STANDARD, |client| client.auth_method = AuthMethod::Post, None);
    check(
        None,
        &[("client_id", id)],
        STANDARD,
        |client| client.auth_method = AuthMethod::None,
        None,
    );
}

#[test]
fn json_families_may_send_the_secret_either_way_or_both_alike() {
    let id = &a_client().public_id;
    let body = [("client_id", id.as_str()), ("client_secret", "s3cret")];
    check(None, &body, JSON, |_| (), None);
    check(basic(id, "s3cret"), &body, JSON, |_| (), None);
    check(basic(id, "other"), &body, JSON, |_| (), Some("two client credentials in one request"));
}

#[test]
fn two_credentials_at_once_are_refused() {
    let id = &a_client().public_id;
    let body = [("client_id", id.as_str()), ("client_secret", "s3cret")];
    check(
        basic(id, "s3cret"),
        &body,
        STANDARD,
        |_| (),
        Some("two client credentials in one request"),
    );
    check(
        basic(id, "s3cret"),
        &[("client_id", "x")],
        STANDARD,
        |_| (),
        Some("client_id differs from the Basic user name"),
    );
    check(
        basic(id, "s3cret"),
        &[("client_assertion", "a.b.c"), ("client_assertion_type", ASSERTION_TYPE)],
        STANDARD,
        |_| (),
        Some("two client credentials in one request"),
    );
}

#[test]
fn another_method_than_the_registered_is_refused() {
    let id = &a_client().public_id;
    let body = [("client_id", id.as_str()), ("client_secret", "s3cret")];
    check(None, &body, STANDARD, |_| (), Some("not the registered authentication method"));
    check(
        None,
        &[("client_id", id)],
        STANDARD,
        |_| (),
        Some("a confidential client sent no proof"),
    );
    check(
        basic(id, "s3cret"),
        &[],
        STANDARD,
        |client| client.auth_method = AuthMethod::None,
        Some("not the registered authentication method"),
    );
}

#[test]
fn wrong_ended_and_absent_proof_is_refused() {
    let id = &a_client().public_id;
    check(basic(id, "wrong"), &[], STANDARD, |_| (), Some("wrong client secret"));
    check(basic("nobody", "s3cret"), &[], STANDARD, |_| (), Some("client_id is not one of ours"));
    check(None, &[], STANDARD, |_| (), Some("no client authentication in the request"));
    check(
        basic(id, "s3cret"),
        &[],
        STANDARD,
        |client| client.secrets[0].expires_at = Some(NOW),
        Some("client secret was rotated out"),
    );
}

#[test]
fn both_secrets_work_while_one_rotates_out() {
    let id = &a_client().public_id;
    let rotate = |client: &mut Client| {
        client.secrets[0].expires_at = Some(Timestamp(1_001));
        client.secrets.push(ClientSecret { digest: Digest::of(b"newer"), expires_at: None });
    };
    check(basic(id, "s3cret"), &[], STANDARD, rotate, None);
    check(basic(id, "newer"), &[], STANDARD, rotate, None);
}

#[test]
fn a_disabled_client_is_refused_only_after_it_proved_itself() {
    let id = &a_client().public_id;
    let disable = |client: &mut Client| client.standing = Standing::Disabled;
    check(basic(id, "s3cret"), &[], STANDARD, disable, Some("client is disabled"));
    check(basic(id, "wrong"), &[], STANDARD, disable, Some("wrong client secret"));
    let no_tenant = |client: &mut Client| client.standing = Standing::OrganizationDisabled;
    check(
        basic(id, "s3cret"),
        &[],
        STANDARD,
        no_tenant,
        Some("the client's organization is disabled"),
    );
}

#[test]
fn an_unknown_client_is_refused_like_a_wrong_secret() {
    let presented = Presented::Public(a_client().id);
    let refusal = presented.authenticate(None, STANDARD, &[], NOW).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.reason.as_ref()),
        (crate::refusal::Code::InvalidClient, "unknown client")
    );
}
