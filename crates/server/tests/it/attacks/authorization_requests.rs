//! A01, A03, A05–A09, A18, A19, A25: what is wrong with an authorization request stays on our page or
//! goes back to the client, and never makes a code.

use crate::harness::{AClient, AWindow, CALLBACK, Server, asks, query_of};

/// A server with a person signed in who has allowed the app everything it may have.
async fn allowed(server: &Server) -> (AClient, AWindow<'_>) {
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    browser.code(&app, &[("scope", "openid profile email")]).await;
    (app, browser)
}

/// The request stays on our page, whoever is signed in and whatever they allowed.
#[track_caller]
fn stayed(server: &Server, answer: &crate::harness::Answer, reason: &str) {
    assert!((400..500).contains(&answer.status), "{}: {}", answer.status, answer.text());
    assert!(answer.headers.get("location").is_none(), "something left");
    assert!(answer.text().contains("error-page"), "{}", answer.text());
    assert_eq!(server.refusal().reason, reason);
}

#[tokio::test]
async fn a01_a03_a07_a_redirect_that_is_not_registered_stays_on_our_page() {
    let server = Server::start().await;
    let (app, mut browser) = allowed(&server).await;
    for uri in [
        "https://app.test/CB",
        "https://app.test/cb/",
        "https://app.test/cb/../x",
        "https://app.test/cb%2f",
        "https://app.test@e.test/cb",
        "https://app.test:443/cb",
        "https://e.test/cb",
        "http://127.0.0.1:9/cb",
        "javascript:alert(1)",
    ] {
        let answer = browser.open(&asks(&app, &[("redirect_uri", uri)])).await;
        stayed(&server, &answer, "redirect_uri is not a registered one");
    }
    let native = server.a_client().app().but(|client| {
        client.party.redirect_uris = vec!["http://127.0.0.1/cb".into()];
    });
    let native = native.build().await;
    for uri in ["http://127.0.0.1:9/other", "http://localhost:9/cb", "http://127.0.0.1.e.test/cb"] {
        let answer = browser.open(&asks(&native, &[("redirect_uri", uri)])).await;
        stayed(&server, &answer, "redirect_uri is not a registered one");
    }
    let answer = browser.open(&asks(&native, &[("redirect_uri", "http://127.0.0.1:9/cb")])).await;
    assert_eq!(answer.status, 200, "only the port differs");
}

#[tokio::test]
async fn an_unknown_client_stays_on_our_page() {
    let server = Server::start().await;
    let (app, mut browser) = allowed(&server).await;
    let answer = browser.open(&asks(&app, &[("client_id", "kh_client_x")])).await;
    stayed(&server, &answer, "unknown client");
    app.alter(&server, |record| record.disabled_at = Some(record.created_at)).await;
    let answer = browser.open(&asks(&app, &[])).await;
    stayed(&server, &answer, "client is disabled");
}

#[tokio::test]
async fn a05_a_parameter_twice_is_refused_where_its_answer_may_go() {
    let server = Server::start().await;
    let (app, mut browser) = allowed(&server).await;
    for name in ["client_id", "redirect_uri"] {
        let answer = browser.open(&format!("{}&{name}=x", asks(&app, &[]))).await;
        stayed(&server, &answer, &format!("parameter sent twice: {name}"));
    }
    for name in ["scope", "state", "nonce", "anything"] {
        let answer =
            browser.open(&format!("{}&{name}=x&{name}=y", asks(&app, &[(name, "")]))).await;
        let query = query_of(&answer);
        assert_eq!(query["error"], "invalid_request");
        assert_eq!(query.contains_key("state"), name != "state");
        assert_eq!(server.refusal().reason, format!("parameter sent twice: {name}"));
    }
}

/// What is changed of a sound request, the error, and the private reason.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

/// The request goes back to the app with this error.
async fn told(
    server: &Server,
    browser: &mut AWindow<'_>,
    request: &str,
    error: &str,
    reason: &str,
) {
    let query = query_of(&browser.open(request).await);
    assert_eq!(query["error"], error, "{request}");
    assert!(!query.contains_key("code"));
    assert_eq!(query["iss"], crate::harness::ISSUER);
    let refusal = server.refusal();
    assert_eq!(refusal.reason, reason, "{request}");
    assert!(query["error_description"].ends_with(&format!("({})", refusal.code)));
}

#[tokio::test]
async fn a06_a08_a09_a18_a19_a25_what_else_is_wrong_goes_back_to_the_client() {
    let server = Server::start().await;
    let (app, mut browser) = allowed(&server).await;
    let long = "x".repeat(2_049);
    let scopes = "a ".repeat(3_000);
    let cases: [Case<'_>; 16] = [
        (&[("response_type", "token")], "unsupported_response_type", "response_type is not code"),
        (
            &[("response_type", "id_token")],
            "unsupported_response_type",
            "response_type is not code",
        ),
        (
            &[("response_type", "code token")],
            "unsupported_response_type",
            "response_type is not code",
        ),
        (&[("response_type", "none")], "unsupported_response_type", "response_type is not code"),
        (
            &[("response_mode", "fragment")],
            "invalid_request",
            "response_mode is neither query nor form_post",
        ),
        (
            &[("response_mode", "web_message")],
            "invalid_request",
            "response_mode is neither query nor form_post",
        ),
        (
            &[("code_challenge", ""), ("code_challenge_method", "")],
            "invalid_request",
            "code_challenge is missing",
        ),
        (
            &[("code_challenge_method", "plain")],
            "invalid_request",
            "code_challenge_method is not S256",
        ),
        (
            &[("code_challenge_method", "")],
            "invalid_request",
            "code_challenge has no method: S256 is the only one",
        ),
        (&[("max_age", "-1")], "invalid_request", "max_age is not a number of seconds"),
        (&[("max_age", "x")], "invalid_request", "max_age is not a number of seconds"),
        (&[("scope", "openid admin")], "invalid_scope", "scope is wider than allowed"),
        (
            &[("scope", "openid a\"b")],
            "invalid_scope",
            "scope has a character outside RFC 6749 §3.3",
        ),
        (&[("scope", &scopes)], "invalid_scope", "scope is longer than 1024 bytes"),
        (&[("nonce", &long)], "invalid_request", "nonce is longer than 2048 bytes"),
        (
            &[("resource", "https://api.test/#x")],
            "invalid_target",
            "resource is not one the client may ask for",
        ),
    ];
    for (edits, error, reason) in cases {
        told(&server, &mut browser, &asks(&app, edits), error, reason).await;
    }
}

#[tokio::test]
async fn a20_a_line_feed_in_a_parameter_leaves_no_trace_in_a_header() {
    let server = Server::start().await;
    let (app, mut browser) = allowed(&server).await;
    let request = format!("{}&x=%0d%0aSet-Cookie:%20a=b", asks(&app, &[]));
    let answer = browser.open(&request).await;
    stayed(&server, &answer, "control character in a parameter");
    let answer = browser.open(&asks(&app, &[("state", "a\"<b>&c=d e")])).await;
    assert_eq!(query_of(&answer)["state"], "a\"<b>&c=d e");
    assert!(answer.header("location").starts_with(CALLBACK));
}

#[tokio::test]
async fn a17_reloading_does_not_skip_a_new_login() {
    let server = Server::start().await;
    let (app, mut browser) = allowed(&server).await;
    let answer = browser.open(&asks(&app, &[("prompt", "login")])).await;
    let to = crate::harness::continuation_of(&answer);
    assert!(answer.header("location").ends_with("&again=again"));
    let again = crate::harness::continuation_of(&browser.open(&to).await);
    assert_eq!(again, to, "the same request, still waiting");
    let stripped = to.replace("request=", "prompt=&request=");
    crate::harness::continuation_of(&browser.open(&stripped).await);
}

#[tokio::test]
async fn a16_a_hint_for_somebody_else_is_no_login() {
    let server = Server::start().await;
    let (app, mut browser) = allowed(&server).await;
    let kim = server.a_person("kim@example.test").await;
    let mut hers = server.a_window_of(&kim).await;
    let tokens = hers.tokens(&server, &app, &[]).await;
    let hint = [("prompt", "none"), ("id_token_hint", tokens.id_token.as_str())];
    let reason = "another person is signed in than the client means";
    told(&server, &mut browser, &asks(&app, &hint), "login_required", reason).await;
    let forged = [("prompt", "none"), ("id_token_hint", "a.b.c")];
    let reason = "JWS header is not canonical base64url";
    told(&server, &mut browser, &asks(&app, &forged), "invalid_request", reason).await;
}

#[tokio::test]
async fn a12_consent_is_given_by_our_own_page_only() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let page = browser.open(&asks(&app, &[])).await.text();
    let field = |name: &str| {
        let rest = page.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("the field");
        rest.split('"').next().expect("a value").to_owned()
    };
    let (token, handle) = (field("form_token"), field("request"));
    let form =
        [("form_token", token.as_str()), ("request", handle.as_str()), ("decision", "allow")];
    for (name, value) in [
        ("origin", "https://e.test"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("x-none", "neither"),
    ] {
        let ask = server.post("/consent").header("cookie", browser.cookies());
        let answer = ask.header(name, value).form(&form).await;
        assert_eq!(answer.status, 403, "{name}: {value}");
    }
    server.refusals();
    assert_eq!(browser.open(&asks(&app, &[])).await.status, 200, "nothing was granted");
    let consent = server.app().store.find_consent(ada.id, app.key, "").await;
    assert!(consent.expect("storage works").is_none());
}
