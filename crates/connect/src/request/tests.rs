//! What the golden files do not show: hosts that must not be reached, parameters that must not be
//! set, proofs that must verify.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::egress::Egress;
use crate::provider::{Grant, Pkce, Provider};
use crate::send::Outgoing;

fn provider(edit: impl FnOnce(&mut Value)) -> Provider {
    let mut definition = json!({
        "key": "acme",
        "name": "Acme",
        "authorize": { "url": "https://acme.example.com/authorize" },
        "token": { "url": "https://acme.example.com/token" },
    });
    edit(&mut definition);
    Provider::from_json(definition, &Egress::default()).expect("a provider")
}

fn stamp() -> Stamp {
    Stamp { now: Timestamp(1_000_000), jti: "jti-1".into() }
}

/// Does something with an app that has a secret with awkward characters.
fn with_app<T>(vars: &[(&str, &str)], act: impl FnOnce(App<'_>) -> T) -> T {
    let secret = Secret::from("s:e c/r+é");
    let vars: BTreeMap<_, _> =
        vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    act(App {
        client_id: "app id",
        secret: Some(&secret),
        key: None,
        key_id: None,
        login: None,
        vars: &vars,
    })
}

fn exchanged(provider: &Provider, app: &App<'_>) -> Result<Outgoing, Misconfigured> {
    let code = Secret::from("the-code");
    let code = Code {
        code: &code,
        redirect_uri: "https://kh.example/cb",
        verifier: None,
        state: "st",
        scopes: &[],
    };
    exchange(provider, app, &code, &stamp(), None)
}

fn refreshed(provider: &Provider, app: &App<'_>) -> Result<Outgoing, Misconfigured> {
    let token = Secret::from("rt");
    let renewal = Renewal { token: &token, redirect_uri: "https://kh.example/cb", scopes: &[] };
    refresh(provider, app, &renewal, &stamp(), None)
}

fn body(request: &Outgoing) -> String {
    String::from_utf8(request.body.to_vec()).expect("text")
}

fn authorization(request: &Outgoing) -> String {
    request.headers["authorization"].to_str().expect("text").to_owned()
}

#[test]
fn basic_credentials_are_encoded_unless_the_server_does_not_decode_them() {
    let pair = |auth: &str| {
        let provider = provider(|p| p["token"]["auth"] = json!(auth));
        let header = with_app(&[], |app| authorization(&exchanged(&provider, &app).expect("one")));
        let text = header.strip_prefix("Basic ").expect("Basic").to_owned();
        let bytes = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
        String::from_utf8(bytes).expect("text")
    };
    assert_eq!(pair("basic"), "app+id:s%3Ae+c%2Fr%2B%C3%A9");
    assert_eq!(pair("basic_raw"), "app id:s:e c/r+é");
    assert_eq!(pair("basic_secret"), "s:e c/r+é:");
}

#[test]
fn a_public_client_sends_its_id_and_needs_no_secret() {
    let provider = provider(|p| p["token"]["auth"] = json!("none"));
    let request = with_app(&[], |app| exchanged(&provider, &App { secret: None, ..app }));
    assert!(body(&request.expect("a request")).ends_with("client_id=app+id"));
}

#[test]
fn an_app_without_its_secret_is_misconfigured() {
    for auth in ["basic", "body", "client_secret_jwt", "private_key_jwt"] {
        let provider = provider(|p| p["token"]["auth"] = json!(auth));
        let outcome = with_app(&[], |app| exchanged(&provider, &App { secret: None, ..app }));
        assert!(outcome.is_err(), "{auth}");
    }
}

#[test]
fn a_signed_proof_says_who_to_whom_and_until_when() {
    let key = SigningKey::generate(Algorithm::Es256).expect("a key");
    let provider = provider(|p| p["token"]["auth"] = json!("private_key_jwt"));
    let request = with_app(&[], |app| {
        exchanged(&provider, &App { key: Some(&key), key_id: Some("k1"), ..app }).expect("one")
    });
    let body = body(&request);
    let params: BTreeMap<_, _> = form_urlencoded::parse(body.as_bytes()).collect();
    let jwt = &params["client_assertion"];
    let part = |index: usize| -> Value {
        let text = jwt.split('.').nth(index).expect("a part");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64")).expect("JSON")
    };
    assert_eq!(part(0), json!({ "alg": "ES256", "kid": "k1", "typ": "JWT" }));
    let claims = json!({
        "iss": "app id", "sub": "app id", "aud": "https://acme.example.com/token",
        "iat": 1_000_000, "exp": 1_000_300, "jti": "jti-1",
    });
    assert_eq!(part(1), claims);
    assert_eq!(
        params["client_assertion_type"],
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
}

#[test]
fn a_grant_without_a_user_sends_what_its_rules_say() {
    let provider = provider(|p| {
        p["vars"] = json!({ "account": { "pattern": "^[a-z]+$" } });
        p["grants"] = json!({ "client_credentials": {
            "params": { "account_id": "{account}" }, "send_scope": true,
        } });
    });
    let scopes = ["a".to_owned(), "b".to_owned()];
    let request = with_app(&[("account", "x")], |app| {
        remint(&provider, &app, Grant::ClientCredentials, &scopes, &stamp()).expect("one")
    });
    let sent = body(&request);
    assert!(sent.starts_with("grant_type=client_credentials&scope=a+b&"), "{sent}");
    assert!(sent.ends_with("&account_id=x"), "{sent}");
    let other = with_app(&[], |app| remint(&provider, &app, Grant::Password, &[], &stamp()));
    assert!(other.is_err());
}

fn tenant() -> Provider {
    provider(|p| {
        p["vars"] = json!({
            "sub": { "pattern": "^[ -~]*$" },
            "learnt": { "pattern": "^[ -~]*$", "from": "callback" },
        });
        p["callback"] = json!({ "capture": { "x": "learnt" } });
        p["hosts"] = json!([".acme.example.com"]);
        p["token"]["url"] = json!("https://{sub}.acme.example.com/token");
        p["refresh"] = json!({ "url": "{learnt}/token" });
    })
}

#[test]
fn no_variable_moves_a_secret_to_another_host() {
    let provider = tenant();
    for sub in
        ["evil.example/", "evil.example#", "evil.example?", "a@evil.example/", "evil.example\\", ""]
    {
        let outcome = with_app(&[("sub", sub)], |app| exchanged(&provider, &app));
        assert!(outcome.is_err(), "{sub}");
    }
    for learnt in [
        "https://evil.example",
        "https://evil.example/.acme.example.com",
        "https://evil.example#.acme.example.com",
        "https://acme.example.com@evil.example",
        "https://a.acme.example.com:8443",
        "http://a.acme.example.com",
        "file:///etc",
    ] {
        let outcome = with_app(&[("learnt", learnt)], |app| refreshed(&provider, &app));
        assert!(outcome.is_err(), "{learnt}");
    }
    let sound =
        with_app(&[("learnt", "https://a.acme.example.com")], |app| refreshed(&provider, &app));
    assert_eq!(sound.expect("a request").url.as_str(), "https://a.acme.example.com/token");
}

#[test]
fn an_unsaid_variable_is_named() {
    let error = with_app(&[], |app| exchanged(&tenant(), &app)).expect_err("unsaid");
    assert_eq!(error.to_string(), "the connector does not say `sub`");
}

#[test]
fn a_value_that_does_not_fit_its_pattern_is_not_used() {
    let provider = provider(|p| {
        p["vars"] = json!({ "sub": { "pattern": "^[a-z]+$" } });
        p["token"]["url"] = json!("https://{sub}.acme.example.com/token");
    });
    let error = with_app(&[("sub", "A")], |app| exchanged(&provider, &app)).expect_err("unfit");
    assert_eq!(error.to_string(), "the value of `sub` does not fit");
}

fn consent<'a>(scopes: &'a [String], extra: &'a [(String, String)]) -> Consent<'a> {
    Consent {
        redirect_uri: "https://kh.example/cb",
        scopes,
        state: "st",
        challenge: Some("ch"),
        pkce: Pkce::S256,
        nonce: Some("no"),
        extra,
    }
}

fn url_of(
    provider: &Provider,
    scopes: &[&str],
    extra: &[(&str, &str)],
) -> Result<String, Misconfigured> {
    let scopes: Vec<_> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let extra: Vec<_> = extra.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    with_app(&[], |app| authorization_url(provider, &app, &consent(&scopes, &extra)))
}

#[test]
fn the_consent_url_holds_what_the_standard_wants_in_its_order() {
    let url = url_of(&provider(|_| {}), &["a b", "c"], &[]).expect("a URL");
    assert_eq!(
        url,
        "https://acme.example.com/authorize?response_type=code&client_id=app%20id\
         &redirect_uri=https%3A%2F%2Fkh.example%2Fcb&scope=a%20b%20c&state=st\
         &code_challenge=ch&code_challenge_method=S256"
    );
}

#[test]
fn extra_parameters_replace_the_providers_and_never_the_standards() {
    let provider = provider(|p| {
        p["authorize"]["params"] = json!({ "prompt": "consent", "access_type": "offline" });
        p["authorize"]["rename"] = json!({ "client_id": "client_key" });
    });
    let url = url_of(&provider, &[], &[("prompt", "none"), ("login_hint", "a&b")]).expect("a URL");
    assert!(url.ends_with("&access_type=offline&prompt=none&login_hint=a%26b"), "{url}");
    for name in
        ["client_id", "client_key", "state", "redirect_uri", "scope", "code_challenge", "nonce"]
    {
        assert!(url_of(&provider, &[], &[(name, "x")]).is_err(), "{name}");
    }
}

#[test]
fn separators_are_sent_as_the_provider_reads_them() {
    for (sep, scope) in
        [(" ", "a%20b"), (",", "a%2Cb"), ("+", "a+b"), (";", "a%3Bb"), ("|", "a%7Cb")]
    {
        let provider = provider(|p| p["authorize"]["scope"] = json!({ "sep": sep }));
        let url = url_of(&provider, &["a", "b"], &[]).expect("a URL");
        assert!(url.contains(&format!("&scope={scope}&")), "{url}");
    }
}

#[test]
fn parameters_go_behind_a_fragment_that_is_a_path() {
    let provider = provider(|p| {
        p["authorize"]["url"] = json!("https://app.acme.example.com/#/oauth/authorize");
    });
    let url = url_of(&provider, &[], &[]).expect("a URL");
    assert!(url.starts_with("https://app.acme.example.com/#/oauth/authorize?response_type=code&"));
}

#[test]
fn scopes_are_those_asked_for_and_those_always_needed() {
    let provider = provider(|p| {
        p["authorize"]["scope"] = json!({ "required": ["offline"], "default": ["read"] });
    });
    let asked = |list: &[&str]| {
        scopes_of(&provider, &list.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
    };
    assert_eq!(asked(&[]), ["read", "offline"]);
    assert_eq!(asked(&["write", "offline"]), ["write", "offline"]);
}

#[test]
fn a_token_in_a_revocation_url_stays_one_path_segment() {
    let provider = provider(|p| {
        p["revoke"] = json!({
            "url": "https://acme.example.com/tokens/{token}", "method": "DELETE",
            "auth": "none", "token_param": "",
        });
    });
    let token = Secret::from("../../admin?x#y");
    let ended = Ended { access: None, refresh: Some(&token), account_id: None };
    let request = with_app(&[], |app| revoke(&provider, &app, &ended, &stamp()));
    let request = request.expect("a call").expect("a request");
    assert_eq!(request.url.as_str(), "https://acme.example.com/tokens/..%2F..%2Fadmin%3Fx%23y");
}

#[test]
fn a_grant_without_a_token_is_not_revoked() {
    let provider = provider(|p| p["revoke"] = json!({ "url": "https://acme.example.com/revoke" }));
    let ended = Ended { access: None, refresh: None, account_id: None };
    assert!(with_app(&[], |app| revoke(&provider, &app, &ended, &stamp()).is_none()));
}

#[test]
fn an_api_base_from_a_reply_must_be_the_providers_own() {
    let provider = provider(|p| {
        p["hosts"] = json!([".acme.example.com"]);
        p["api"] = json!({ "base": ["/instance_url", "https://api.acme.example.com/"] });
    });
    let base = |document: Value| with_app(&[], |app| api_base(&provider, &app, &document));
    let text = |url: Url| url.to_string();
    let own = base(json!({ "instance_url": "https://na1.acme.example.com" })).expect("own");
    assert_eq!(own.map(text).as_deref(), Some("https://na1.acme.example.com/"));
    let bare = base(json!({ "instance_url": "na1.acme.example.com" })).expect("own");
    assert_eq!(bare.map(text).as_deref(), Some("https://na1.acme.example.com/"));
    let fixed = base(json!({})).expect("fixed");
    assert_eq!(fixed.map(text).as_deref(), Some("https://api.acme.example.com/"));
    for foreign in [
        "https://evil.example",
        "http://na1.acme.example.com",
        "https://x@evil.example/.acme.example.com",
    ] {
        assert!(base(json!({ "instance_url": foreign })).is_err(), "{foreign}");
    }
}

proptest! {
    #[test]
    fn whatever_a_variable_holds_the_host_is_the_providers(sub in "\\PC{0,40}", learnt in "\\PC{0,60}") {
        let provider = tenant();
        let exchange = with_app(&[("sub", &sub)], |app| exchanged(&provider, &app));
        let spelled = format!("https://{learnt}");
        let refresh = with_app(&[("learnt", &spelled)], |app| refreshed(&provider, &app));
        for request in [exchange, refresh].into_iter().flatten() {
            let host = request.url.host_str().unwrap_or_default().to_owned();
            prop_assert!(host.ends_with(".acme.example.com"), "{}", host);
            prop_assert_eq!(request.url.scheme(), "https");
        }
    }
}
