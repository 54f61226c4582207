//! Tables: one request edited, one fact edited, and where it goes or the rule that refuses.

use super::*;
use crate::client::{AuthMethod, Client, Profile, Standing};
use crate::client_auth::tests::a_client;
use crate::id::{GrantId, Id, UserId};
use crate::params::Params;
use crate::refusal::{Code, Refusal};
use crate::relying_party::{ConsentPolicy, Demand};
use crate::scope::Scopes;
use crate::secret::Secret;
use crate::session::Barred;
use crate::time::{Seconds, Timestamp};

const NOW: Timestamp = Timestamp(1_000);
const CALLBACK: &str = "https://a.test/cb";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn client() -> Client {
    let mut client = a_client();
    client.scopes = Scopes::parse("openid profile email offline_access read").unwrap();
    client.grant_types.push("authorization_code".into());
    client.party.redirect_uris = vec![CALLBACK.into()];
    client
}

/// A sound request with some parameters changed; an empty value takes one away.
fn form(edits: &[(&str, &str)]) -> Params {
    let id = client().public_id;
    let mut pairs = vec![
        ("client_id", id.as_str()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "xyz"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in edits {
        pairs.retain(|(known, _)| known != name);
        pairs.push((name, value));
    }
    Params::from_pairs(pairs).unwrap()
}

fn read(
    edits: &[(&str, &str)],
    edit: impl FnOnce(&mut Client),
) -> Result<AuthorizationRequest, Refusal> {
    let mut client = client();
    edit(&mut client);
    let params = form(edits);
    let target = find_target(&params, None, Some(&client))?;
    parse_request(&params, None, &client, target, Channel::Front)
}

#[track_caller]
fn refused(edits: &[(&str, &str)], edit: impl FnOnce(&mut Client), code: Code, reason: &str) {
    let refusal = read(edits, edit).expect_err("was accepted");
    assert_eq!((refusal.code, refusal.reason.as_ref()), (code, reason));
}

#[track_caller]
fn stays_on_our_page(
    params: &Params,
    repeated: Option<&str>,
    client: Option<&Client>,
    reason: &str,
) {
    let refusal = find_target(params, repeated, client).expect_err("was accepted");
    assert_eq!(refusal.reason, reason);
}

#[test]
fn until_client_and_redirect_hold_the_answer_stays_with_us() {
    let known = client();
    let page = |edits: &[(&str, &str)], reason| {
        stays_on_our_page(&form(edits), None, Some(&known), reason);
    };
    page(&[("client_id", "")], "client_id is missing");
    page(&[("client_id", "kh_client_x")], "unknown client");
    page(&[("redirect_uri", "")], "redirect_uri is missing");
    page(&[("redirect_uri", "https://e.test/cb")], "redirect_uri is not a registered one");
    page(&[("redirect_uri", "https://a.test/CB")], "redirect_uri is not a registered one");
    stays_on_our_page(&form(&[]), None, None, "unknown client");
    let disabled = Client { standing: Standing::Disabled, ..client() };
    stays_on_our_page(&form(&[]), None, Some(&disabled), "client is disabled");
    for name in ["client_id", "redirect_uri"] {
        let reason = format!("parameter sent twice: {name}");
        stays_on_our_page(&form(&[]), Some(name), Some(&known), &reason);
    }
}

#[test]
fn a_single_redirect_uri_may_be_left_out_but_not_for_openid() {
    let known = client();
    let params = form(&[("redirect_uri", ""), ("scope", "read")]);
    let target = find_target(&params, None, Some(&known)).unwrap();
    assert_eq!((target.redirect_uri.as_str(), target.was_sent), (CALLBACK, false));
    let mut two = client();
    two.party.redirect_uris.push("https://b.test/cb".into());
    stays_on_our_page(&params, None, Some(&two), "redirect_uri is missing");
}

#[test]
fn a05_another_parameter_twice_goes_back_to_the_client() {
    let known = client();
    let params = form(&[]);
    let target = find_target(&params, Some("state"), Some(&known)).unwrap();
    assert_eq!(target.state, None, "a doubled state is not echoed");
    let refusal =
        parse_request(&params, Some("scope"), &known, target, Channel::Front).unwrap_err();
    assert_eq!(refusal.reason, "parameter sent twice: scope");
}

#[test]
fn a08_only_codes_are_given() {
    for kind in ["token", "id_token", "code token", "code id_token", "none", "CODE"] {
        let reason = "response_type is not code";
        refused(&[("response_type", kind)], |_| (), Code::UnsupportedResponseType, reason);
    }
    refused(&[("response_type", "")], |_| (), Code::InvalidRequest, "response_type is missing");
}

#[test]
fn a09_answers_travel_by_query_or_form_post() {
    assert_eq!(read(&[], |_| ()).unwrap().target.response_mode, ResponseMode::Query);
    let posted = read(&[("response_mode", "form_post")], |_| ()).unwrap();
    assert_eq!(posted.target.response_mode, ResponseMode::FormPost);
    for mode in ["fragment", "web_message", "jwt", "x"] {
        let reason = "response_mode is neither query nor form_post";
        refused(&[("response_mode", mode)], |_| (), Code::InvalidRequest, reason);
    }
}

#[test]
fn a18_max_age_is_a_number_of_seconds() {
    let age = |text: &str| read(&[("max_age", text)], |_| ()).map(|request| request.max_age);
    assert_eq!(age("0"), Ok(Some(Seconds(0))));
    assert_eq!(age("86400"), Ok(Some(Seconds(86_400))));
    for text in ["-1", "+1", "x", "1.5", "10000000000", &"9".repeat(30)] {
        let reason = "max_age is not a number of seconds";
        refused(&[("max_age", text)], |_| (), Code::InvalidRequest, reason);
    }
    let with_default = |client: &mut Client| client.party.default_max_age = Some(Seconds(7));
    assert_eq!(read(&[], with_default).unwrap().max_age, Some(Seconds(7)));
    assert_eq!(read(&[("max_age", "9")], with_default).unwrap().max_age, Some(Seconds(9)));
}

#[test]
fn a19_scopes_are_registered_words() {
    refused(
        &[("scope", "openid admin")],
        |_| (),
        Code::InvalidScope,
        "scope is wider than allowed",
    );
    let reason = "scope has a character outside RFC 6749 §3.3";
    refused(&[("scope", "openid a\"b")], |_| (), Code::InvalidScope, reason);
    let many = "a ".repeat(10_000);
    refused(&[("scope", &many)], |_| (), Code::InvalidScope, "scope is longer than 1024 bytes");
    let usual = read(&[("scope", "")], |_| ()).unwrap();
    assert_eq!(usual.scopes.as_str(), "profile email read", "never openid by default");
}

#[test]
fn a25_a_resource_is_one_the_client_may_ask_for() {
    let audience = |edits: &[(&str, &str)]| {
        read(edits, |client| {
            client.audience = Some("https://api.test".into());
            client.party.resources = vec!["https://b.test/x".into()];
        })
        .map(|request| request.audience)
    };
    assert_eq!(audience(&[("scope", "read")]).as_deref(), Ok("https://api.test"));
    assert_eq!(audience(&[]).as_deref(), Ok(""), "a login is for the issuer");
    assert_eq!(audience(&[("resource", "https://api.test")]).as_deref(), Ok("https://api.test"));
    assert_eq!(audience(&[("resource", "https://b.test/x")]).as_deref(), Ok("https://b.test/x"));
    for resource in ["https://c.test", "https://b.test/x#y", "/x", "https://b.test"] {
        let refusal = audience(&[("resource", resource)]).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidTarget, "{resource}");
    }
}

#[test]
fn a06_pkce_is_always_asked_for_outside_the_compatible_profile() {
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    refused(&without, |_| (), Code::InvalidRequest, "code_challenge is missing");
    assert!(read(&without, |client| client.profile = Profile::OidcCompat).is_ok());
    refused(
        &without,
        |client| (client.profile, client.auth_method) = (Profile::OidcCompat, AuthMethod::None),
        Code::InvalidRequest,
        "code_challenge is missing",
    );
    refused(
        &[("code_challenge_method", "")],
        |client| client.profile = Profile::OidcCompat,
        Code::InvalidRequest,
        "code_challenge has no method: S256 is the only one",
    );
}

#[test]
fn every_other_parameter_has_its_rule() {
    let request = Code::InvalidRequest;
    refused(&[("prompt", "none login")], |_| (), request, "prompt none stands with another word");
    refused(&[("prompt", "create")], |_| (), request, "prompt has an unknown word");
    let long = "x".repeat(2_049);
    for (name, reason) in [
        ("state", "state is longer than 2048 bytes"),
        ("nonce", "nonce is longer than 2048 bytes"),
        ("login_hint", "login_hint is longer than 2048 bytes"),
    ] {
        refused(&[(name, &long)], |_| (), request, reason);
    }
    refused(&[("claims", "{")], |_| (), request, "claims is not strict JSON");
    refused(&[("dpop_jkt", "x")], |_| (), request, "dpop_jkt is not a SHA-256 thumbprint");
    let reason = "ui_locales is not a short list of words";
    refused(&[("ui_locales", &"de ".repeat(17))], |_| (), request, reason);
    let reason = "request objects are taken by the pushed authorization endpoint";
    refused(&[("request", "a.b.c")], |_| (), Code::RequestNotSupported, reason);
    let reason = "registration inside a request";
    refused(&[("registration", "{}")], |_| (), Code::RegistrationNotSupported, reason);
    refused(
        &[],
        |client| client.grant_types.clear(),
        Code::UnauthorizedClient,
        "grant type is not registered for this client",
    );
    let reason = "this client's requests are pushed first";
    refused(&[], |client| client.party.pushed_requests = Demand::Required, request, reason);
    refused(&[], |client| client.profile = Profile::Fapi2, request, reason);
}

fn login(session: u8, user: u8, at: i64) -> Login {
    Login {
        user: UserId(Id::v7(1, [user; 10])),
        session: GrantId(Id::v7(1, [session; 10])),
        authenticated_at: Timestamp(at),
        amr: vec!["pwd".into()],
        subject: format!("user {user}"),
    }
}

/// What a case starts from: signed in as user 1 in session 1 since 900, nothing consented but
/// `openid`, the request just in.
struct Case {
    client: Client,
    login: Option<Login>,
    hinted: Option<&'static str>,
    given: Option<&'static str>,
    barred: Option<Barred>,
    before: Before,
    decision: Decision,
}

fn decided(edits: &[(&str, &str)], edit: impl FnOnce(&mut Case)) -> Result<Next, Refusal> {
    let now = login(1, 1, 900);
    let before = Before { received_at: NOW, login: Some((now.session, now.user)) };
    let mut case = Case {
        client: client(),
        login: Some(now),
        hinted: None,
        given: Some("openid"),
        barred: None,
        before,
        decision: Decision::Open,
    };
    edit(&mut case);
    let params = form(edits);
    let target = find_target(&params, None, Some(&case.client))?;
    let request = parse_request(&params, None, &case.client, target, Channel::Pushed)?;
    let given = case.given.map(|text| Scopes::parse(text).unwrap());
    let facts = Facts {
        client: &case.client,
        login: case.login.as_ref(),
        hinted: case.hinted,
        given: given.as_ref(),
        barred: case.barred,
        before: case.before,
        decision: case.decision,
    };
    decide(&request, &facts, NOW)
}

#[track_caller]
fn says_no(edits: &[(&str, &str)], edit: impl FnOnce(&mut Case), code: Code, reason: &str) {
    let refusal = decided(edits, edit).expect_err("was not refused");
    assert_eq!((refusal.code, refusal.reason.as_ref()), (code, reason));
}

const ISSUED: Result<Next, Refusal> = Ok(Next::Issue(Agreed::Before));
const ISSUED_BY_OWNER: Result<Next, Refusal> = Ok(Next::Issue(Agreed::ByOwner));

fn asks_login(why: Why) -> Result<Next, Refusal> {
    Ok(Next::Login(why))
}

#[test]
fn with_a_login_and_a_remembered_consent_a_code_is_issued() {
    assert_eq!(decided(&[], |_| ()), ISSUED);
    assert_eq!(decided(&[("prompt", "none")], |_| ()), ISSUED);
}

#[test]
fn nobody_signed_in_means_the_sign_in_page_or_no() {
    assert_eq!(decided(&[], |case| case.login = None), asks_login(Why::NobodySignedIn));
    let none = [("prompt", "none")];
    says_no(&none, |case| case.login = None, Code::LoginRequired, "nobody is signed in");
}

#[test]
fn a17_only_a_newer_login_satisfies_prompt_login() {
    let again = [("prompt", "login")];
    assert_eq!(decided(&again, |_| ()), asks_login(Why::Again));
    let newer = |session, at| move |case: &mut Case| case.login = Some(login(session, 1, at));
    assert_eq!(decided(&again, newer(1, 1_000)), asks_login(Why::Again), "the session is the same");
    assert_eq!(decided(&again, newer(2, 999)), asks_login(Why::Again), "the proof is older");
    assert_eq!(decided(&again, newer(2, 1_000)), ISSUED);
    says_no(
        &again,
        |case| case.login = Some(login(2, 2, 1_000)),
        Code::LoginRequired,
        "somebody else signed in when proof was asked for again",
    );
    let choose = [("prompt", "login select_account")];
    assert_eq!(decided(&choose, |case| case.login = Some(login(2, 2, 1_000))), ISSUED);
}

#[test]
fn a18_max_age_bounds_the_age_of_the_login() {
    assert_eq!(decided(&[("max_age", "100")], |_| ()), ISSUED);
    assert_eq!(decided(&[("max_age", "99")], |_| ()), asks_login(Why::Again));
    let fresh = |case: &mut Case| case.login = Some(login(2, 1, 1_000));
    assert_eq!(decided(&[("max_age", "0")], fresh), ISSUED);
    let now = |case: &mut Case| case.login = Some(login(1, 1, 1_000));
    assert_eq!(decided(&[("max_age", "0")], now), asks_login(Why::Again), "0 is always again");
    let silent = [("max_age", "99"), ("prompt", "none")];
    says_no(&silent, |_| (), Code::LoginRequired, "the login is older than max_age");
}

#[test]
fn an_account_is_chosen_once_per_request() {
    let choose = [("prompt", "select_account")];
    assert_eq!(decided(&choose, |_| ()), asks_login(Why::ChooseAccount));
    assert_eq!(decided(&choose, |case| case.login = Some(login(2, 2, 1_000))), ISSUED);
}

#[test]
fn a16_a_hint_for_somebody_else_is_no_login() {
    let other = |case: &mut Case| case.hinted = Some("user 2");
    let reason = "another person is signed in than the client means";
    says_no(&[("prompt", "none")], other, Code::LoginRequired, reason);
    assert_eq!(decided(&[], other), asks_login(Why::ChooseAccount));
    assert_eq!(decided(&[], |case| case.hinted = Some("user 1")), ISSUED);
    let came_back = |case: &mut Case| {
        case.hinted = Some("user 2");
        case.login = Some(login(2, 3, 1_000));
    };
    says_no(&[], came_back, Code::LoginRequired, reason);
    let by_claim = [("prompt", "none"), ("claims", r#"{"id_token":{"sub":{"value":"user 2"}}}"#)];
    says_no(&by_claim, |_| (), Code::LoginRequired, reason);
}

#[test]
fn a_stronger_login_is_asked_for_once_and_demanded_only_when_essential() {
    let multiple = [("acr_values", ACR_MULTIPLE)];
    assert_eq!(decided(&multiple, |_| ()), asks_login(Why::Stronger));
    assert_eq!(decided(&multiple, |case| case.login = Some(login(2, 1, 1_000))), ISSUED);
    let strong = |case: &mut Case| {
        let amr = vec!["pwd".into(), "otp".into(), "mfa".into()];
        case.login = Some(Login { amr, ..login(1, 1, 900) });
    };
    assert_eq!(decided(&multiple, strong), ISSUED);
    assert_eq!(decided(&[("acr_values", "urn:x")], |_| ()), ISSUED, "nobody can reach it");
    assert_eq!(decided(&[("acr_values", ACR_MULTIPLE), ("prompt", "none")], |_| ()), ISSUED);
    let wish = format!(r#"{{"id_token":{{"acr":{{"essential":true,"value":"{ACR_MULTIPLE}"}}}}}}"#);
    let essential = [("claims", wish.as_str())];
    assert_eq!(decided(&essential, |_| ()), asks_login(Why::Stronger));
    says_no(
        &essential,
        |case| case.login = Some(login(2, 1, 1_000)),
        Code::UnmetAuthenticationRequirements,
        "the login does not reach an essential acr",
    );
}

fn asks_consent(wanted: &str, new: &str) -> Result<Next, Refusal> {
    let scopes = |text| Scopes::parse(text).unwrap();
    Ok(Next::Consent(Asked { wanted: scopes(wanted), new: scopes(new) }))
}

#[test]
fn a11_what_is_new_is_asked_for_and_never_silently() {
    let more = [("scope", "openid email")];
    assert_eq!(decided(&more, |_| ()), asks_consent("openid email", "email"));
    says_no(
        &[("scope", "openid email"), ("prompt", "none")],
        |_| (),
        Code::ConsentRequired,
        "something is asked for that was not consented to",
    );
    assert_eq!(decided(&more, trust), ISSUED_BY_OWNER);
    let claims = [("claims", r#"{"userinfo":{"email":null}}"#)];
    assert_eq!(decided(&claims, |_| ()), asks_consent("openid claim:email", "claim:email"));
    let covered = [("scope", "openid email"), claims[0]];
    assert_eq!(decided(&covered, |case| case.given = Some("openid email")), ISSUED);
}

fn trust(case: &mut Case) {
    case.client.party.consent = ConsentPolicy::Trusted;
}

#[test]
fn an_organization_agrees_for_its_own_members_and_for_nobody_else() {
    let stranger = |case: &mut Case| {
        trust(case);
        case.barred = Some(Barred::NotAMember);
    };
    let more = [("scope", "openid email")];
    assert_eq!(decided(&more, stranger), asks_consent("openid email", "email"));
    let reason = "something is asked for that was not consented to";
    let silent = [more[0], ("prompt", "none")];
    says_no(&silent, stranger, Code::ConsentRequired, reason);
    let agreed = |case: &mut Case| {
        stranger(case);
        case.given = Some("openid email");
    };
    assert_eq!(decided(&silent, agreed), ISSUED);
    assert_eq!(decided(&silent, trust), ISSUED_BY_OWNER);
}

#[test]
fn even_nothing_is_asked_for_once() {
    let never = |case: &mut Case| {
        case.given = None;
        case.client.scopes = Scopes::default();
    };
    assert_eq!(decided(&[("scope", "")], never), asks_consent("", ""));
    assert_eq!(decided(&[("scope", "read")], |case| case.given = Some("read")), ISSUED);
}

#[test]
fn prompt_consent_asks_again_even_a_trusted_client() {
    let again = [("prompt", "consent")];
    assert_eq!(decided(&again, |_| ()), asks_consent("openid", ""));
    assert_eq!(decided(&again, trust), asks_consent("openid", ""));
}

#[test]
fn a_client_anybody_could_pose_as_is_always_asked_about() {
    let native = |case: &mut Case| {
        case.client.auth_method = AuthMethod::None;
        case.client.party.redirect_uris = vec!["http://127.0.0.1/cb".into()];
    };
    let at = [("redirect_uri", "http://127.0.0.1:9/cb")];
    assert_eq!(decided(&at, native), asks_consent("openid", ""));
    let reason = "an unverified client is never let through silently";
    says_no(&[at[0], ("prompt", "none")], native, Code::ConsentRequired, reason);
    // Trust is in the client, and who knows whether this is it?
    let trusted = |case: &mut Case| {
        native(case);
        trust(case);
        case.given = None;
    };
    assert_eq!(decided(&at, trusted), asks_consent("openid", "openid"));
    says_no(&[at[0], ("prompt", "none")], trusted, Code::ConsentRequired, reason);
}

#[test]
fn the_answer_counts_for_the_session_that_gave_it() {
    let more = [("scope", "openid email")];
    let session = login(1, 1, 900).session;
    let allowed = |case: &mut Case| case.decision = Decision::Allowed(session);
    let agreed = Agreed::Now(Scopes::parse("openid email").unwrap());
    assert_eq!(decided(&more, allowed), Ok(Next::Issue(agreed)));
    let elsewhere = |case: &mut Case| case.decision = Decision::Allowed(login(2, 1, 900).session);
    assert_eq!(decided(&more, elsewhere), asks_consent("openid email", "email"));
    says_no(
        &more,
        |case| case.decision = Decision::Denied,
        Code::AccessDenied,
        "the person said no",
    );
}

#[test]
fn an_answer_names_its_issuer_and_keeps_the_registered_query() {
    let target = Target {
        redirect_uri: "https://a.test/cb?x=1".into(),
        was_sent: true,
        response_mode: ResponseMode::Query,
        state: Some("a&b\"".into()),
    };
    let answer = target.code(&Secret::from("kh_code_1"), "https://issuer.test");
    assert_eq!(
        answer.location(),
        "https://a.test/cb?x=1&code=kh_code_1&state=a%26b%22&iss=https%3A%2F%2Fissuer.test"
    );
    assert_eq!(answer.origin(), "https://a.test");
    let refusal = Refusal::new(Code::LoginRequired, "nobody is signed in");
    let answer = Target { state: None, redirect_uri: "com.a:/cb".into(), ..target };
    let answer = answer.error(&refusal, "Sign in first.".into(), "https://issuer.test");
    assert_eq!(
        answer.location(),
        "com.a:/cb?error=login_required&error_description=Sign+in+first.\
         &iss=https%3A%2F%2Fissuer.test"
    );
}

#[test]
fn a_client_of_an_organization_asks_what_that_asks_of_its_members() {
    let weak = |case: &mut Case| case.barred = Some(Barred::TooWeak);
    let reason = "the organization demands a stronger sign-in";
    assert_eq!(decided(&[], weak), Ok(Next::Login(Why::Stronger)));
    says_no(&[("prompt", "none")], weak, Code::LoginRequired, reason);
    let still_weak = |case: &mut Case| {
        weak(case);
        case.login = Some(login(2, 1, 1_000));
    };
    says_no(&[], still_weak, Code::AccessDenied, reason);
    let customer = |case: &mut Case| case.barred = Some(Barred::NotAMember);
    assert_eq!(decided(&[], customer), ISSUED);
}
