//! The exact requests that each provider file makes, in `tests/golden/`, one readable file each.
//! `KEYHAVEN_BLESS=1 cargo test -p keyhaven-connect golden` rewrites them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_connect::catalogue::{list_keys, list_providers};
use keyhaven_connect::provider::{Kind, Pkce, Provider, RefreshKind};
use keyhaven_connect::request::{self, App, Code, Consent, Ended, Misconfigured, Renewal, Stamp};
use keyhaven_connect::send::Outgoing;
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[expect(clippy::disallowed_methods, reason = "a switch of this test only")]
fn is_blessing() -> bool {
    std::env::var_os("KEYHAVEN_BLESS").is_some()
}

#[test]
fn every_provider_makes_the_requests_in_its_golden_file() {
    let key = SigningKey::generate(Algorithm::Es256).expect("a key");
    let mut wrong = Vec::new();
    for provider in list_providers() {
        let path = folder().join(format!("{}.txt", provider.key));
        let made = requests(provider, &key);
        if is_blessing() {
            fs::create_dir_all(folder()).expect("a folder");
            fs::write(&path, &made).expect("a file");
        } else if fs::read_to_string(&path).ok().as_deref() != Some(&made) {
            wrong.push(format!("{}:\n{made}", provider.key));
        }
    }
    assert!(wrong.is_empty(), "{} differ from tests/golden:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_golden_file_belongs_to_a_provider() {
    let kept: BTreeSet<_> = list_keys().map(|key| format!("{key}.txt")).collect();
    for entry in fs::read_dir(folder()).expect("a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        assert!(kept.contains(&name), "{name} belongs to nobody");
    }
}

/// Everything a provider is ever sent, with the same app, code and tokens for all.
fn requests(provider: &Provider, key: &SigningKey) -> String {
    let secret = Secret::from("app-secret");
    let password = Secret::from("pass-word");
    let vars: BTreeMap<_, _> = provider
        .vars
        .iter()
        .filter_map(|(name, var)| Some((name.clone(), var.example.clone()?)))
        .collect();
    let app = App {
        client_id: "app-id",
        secret: Some(&secret),
        key: Some(key),
        key_id: Some("key-1"),
        login: Some(("user", &password)),
        vars: &vars,
    };
    let mut out = String::new();
    if provider.kind == Kind::Oauth2 {
        with_a_user(provider, &app, &mut out);
        without_a_user(provider, &app, &mut out);
    }
    with_a_token(provider, &app, &mut out);
    out
}

const BACK: &str = "https://kh.example.com/connections/callback";

fn with_a_user(provider: &Provider, app: &App<'_>, out: &mut String) {
    if !provider.asks_a_user() {
        return;
    }
    let scopes = request::scopes_of(provider, &["scope-a".to_owned(), "scope-b".to_owned()]);
    let consent = Consent {
        redirect_uri: BACK,
        scopes: &scopes,
        state: "the-state",
        challenge: Some("the-challenge"),
        pkce: provider.pkce(),
        nonce: Some("the-nonce"),
        extra: &[],
    };
    let url = request::authorization_url(provider, app, &consent).expect(&provider.key);
    let (place, query) = url.split_once('?').unwrap_or((&url, ""));
    section(out, "consent", &format!("{place}\n  {}\n", query.replace('&', "\n  ")));
    let (code, verifier) = (Secret::from("the-code"), Secret::from("the-verifier"));
    let code = Code {
        code: &code,
        redirect_uri: BACK,
        verifier: (provider.pkce() != Pkce::Off).then_some(&verifier),
        state: "the-state",
        scopes: &scopes,
    };
    let prelude = Secret::from("the-app-token");
    if let Some(request) = request::prelude(provider, app) {
        show(out, "prelude", request);
    }
    show(out, "exchange", request::exchange(provider, app, &code, &stamp(), Some(&prelude)));
    let access = Secret::from("access-token");
    if let Some(request) = request::upgrade(provider, app, &access, &stamp()) {
        show(out, "upgrade", request);
    }
    if !matches!(provider.refresh.kind, RefreshKind::None | RefreshKind::Remint) {
        let token = Secret::from("refresh-token");
        let renewal = Renewal { token: &token, redirect_uri: BACK, scopes: &scopes };
        let request = request::refresh(provider, app, &renewal, &stamp(), Some(&prelude));
        show(out, &format!("refresh ({})", kind(provider)), request);
    }
}

fn without_a_user(provider: &Provider, app: &App<'_>, out: &mut String) {
    let scopes = ["scope-a".to_owned()];
    for grant in provider.grants.keys() {
        let request = request::remint(provider, app, *grant, &scopes, &stamp());
        show(out, &format!("grant {grant:?}"), request);
    }
}

fn with_a_token(provider: &Provider, app: &App<'_>, out: &mut String) {
    let (access, refresh) = (Secret::from("access-token"), Secret::from("refresh-token"));
    if let Some(request) = request::account(provider, app, &access) {
        show(out, "account", request);
    }
    let base = request::api_base(provider, app, &serde_json::Value::Null).expect(&provider.key);
    let headers = request::api_headers(provider, app, &access).expect(&provider.key);
    let mut text = base.map_or_else(String::new, |url| format!("{url}\n"));
    for (name, value) in &headers {
        writeln!(text, "  {name}: {}", value.to_str().expect("text")).expect("memory");
    }
    section(out, "api", &text);
    let ended =
        Ended { access: Some(&access), refresh: Some(&refresh), account_id: Some("account-1") };
    if let Some(request) = request::revoke(provider, app, &ended, &stamp()) {
        show(out, "revoke", request);
    }
}

const fn kind(provider: &Provider) -> &'static str {
    match provider.refresh.kind {
        RefreshKind::Static => "static",
        RefreshKind::Rotating => "rotating",
        RefreshKind::Exchange => "exchange",
        RefreshKind::Remint => "remint",
        RefreshKind::None => "none",
    }
}

fn stamp() -> Stamp {
    Stamp { now: Timestamp(1_700_000_000), jti: "jti-1".into() }
}

fn section(out: &mut String, title: &str, text: &str) {
    if !out.is_empty() {
        out.push('\n');
    }
    writeln!(out, "{title}\n{}", text.trim_end()).expect("memory");
}

fn show(out: &mut String, title: &str, request: Result<Outgoing, Misconfigured>) {
    let request = request.unwrap_or_else(|error| panic!("{title}: {error}\n{out}"));
    let mut url = request.url.clone();
    let query = url.query().map(str::to_owned);
    url.set_query(None);
    let mut text = format!("{} {url}\n", request.method);
    for pair in query.iter().flat_map(|query| query.split('&')) {
        writeln!(text, "  ?{}", readable(pair)).expect("memory");
    }
    for (name, value) in &request.headers {
        // The agent names our version; every request has it.
        if name != "user-agent" {
            writeln!(text, "  {name}: {}", value.to_str().expect("text")).expect("memory");
        }
    }
    assert!(request.headers.contains_key("user-agent"), "{title}");
    let body = String::from_utf8(request.body.to_vec()).expect("text");
    if body.starts_with('{') {
        writeln!(text, "  {body}").expect("memory");
    } else {
        for pair in body.split('&').filter(|pair| !pair.is_empty()) {
            writeln!(text, "  {}", readable(pair)).expect("memory");
        }
    }
    section(out, title, &text);
}

/// A pair as it is sent; a JWT, whose signature differs each time, as what it says.
fn readable(pair: &str) -> String {
    let Some((name, jwt)) = pair.split_once("=ey") else { return pair.to_owned() };
    let part = |text: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(text).expect("base64");
        String::from_utf8(bytes).expect("text")
    };
    let mut parts = jwt.split('.');
    let header = part(&format!("ey{}", parts.next().unwrap_or_default()));
    let claims = part(parts.next().unwrap_or_default());
    format!("{name}=JWT {header} {claims}")
}
