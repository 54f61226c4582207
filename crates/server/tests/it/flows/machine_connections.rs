//! Connections that no user consents to: client credentials and JWT bearer, where the client asks again,
//! one at a time, because there is no refresh token; keys and logins that are typed in. The same rows,
//! states and token call.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use keyhaven_fake_provider::{Act, Endpoint, Fake, Rules};
use serde_json::{Value, json};

use crate::harness::{AnApi, Connector, Server, the};

/// A connection that needs nothing but its connector.
async fn a_connection(server: &Server, connector: &Connector) -> String {
    let body = json!({ "connector": connector.id });
    let made = server.post("/v1/connections").bearer(&connector.admin(server).await).json(body);
    the(&made.await.expect(201)["id"])
}

async fn by_credentials(server: &Server) -> Connector {
    let definition = json!({ "grants": { "client_credentials": {} } });
    let more = json!({ "method": "client_credentials" });
    server.a_connector_with(Rules::default(), definition, more).await
}

#[tokio::test]
async fn client_credentials_are_asked_for_again_when_the_token_ends() {
    let server = Server::with_providers().await;
    let connector = by_credentials(&server).await;
    let connection = a_connection(&server, &connector).await;
    let first = connector.access(&server, &connection).await;
    assert_eq!(connector.access(&server, &connection).await, first);
    assert_eq!(connector.fake.remints(), 1);
    server.present.pass(3_600);
    assert_ne!(connector.access(&server, &connection).await, first);
    assert_eq!((connector.fake.remints(), connector.fake.refreshes()), (2, 0));
    assert_eq!(connector.shown(&server, &connection).await["method"], "client_credentials");
}

#[tokio::test]
async fn many_callers_of_a_machine_connection_ask_once() {
    let server = Server::with_providers().await;
    let connector = by_credentials(&server).await;
    let connection = a_connection(&server, &connector).await;
    connector.fake.next(Endpoint::Token, Act::Delay(200));
    let admin = connector.admin(&server).await;
    let path = format!("/v1/connections/{connection}/token");
    let calls = (0..100).map(|_| server.post(&path).bearer(&admin).json(json!({})));
    let answers = join_all(calls).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(connector.fake.remints(), 1);
}

#[tokio::test]
async fn a_machine_connection_of_a_wrong_secret_is_the_connector_s_fault() {
    let server = Server::with_providers().await;
    let connector = by_credentials(&server).await;
    let connection = a_connection(&server, &connector).await;
    connector.fake.change(|rules| rules.client_secret = "another-secret".into());
    let refused = connector.token(&server, &connection).await.expect(424);
    assert_eq!(refused["error"], "connector_misconfigured");
    let path = format!("/v1/connectors/{}", connector.id);
    let shown = server.get(&path).bearer(&connector.admin(&server).await).send().await.expect(200);
    assert_eq!(
        (&shown["status"], &shown["fault"]),
        (&json!("misconfigured"), &json!("invalid_client"))
    );
}

#[tokio::test]
async fn a_lost_reply_of_a_machine_connection_costs_nothing() {
    let server = Server::with_providers().await;
    let connector = by_credentials(&server).await;
    let connection = a_connection(&server, &connector).await;
    connector.fake.next(Endpoint::Token, Act::ActAndHangUp);
    let failed = connector.token(&server, &connection).await;
    assert_eq!(failed.expect(503)["error"], "provider_unavailable");
    let wait: u64 = failed.header("retry-after").parse().expect("a number");
    server.present.pass(wait + 1);
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(connector.shown(&server, &connection).await["status"], "active");
}

#[tokio::test]
async fn a_jwt_grant_is_signed_by_the_app_s_key_for_the_one_it_names() {
    let server = Server::with_providers().await;
    let definition = json!({
        "vars": { "login": { "pattern": "^[a-z0-9.@-]{1,64}$", "title": "User", "optional": true } },
        "grants": { "jwt_bearer": {
            "assertion": { "param": "assertion", "aud": "https://provider.example", "sub": "{login}" },
            "auth": "none",
        } },
    });
    let more = json!({
        "method": "jwt_bearer", "client_secret": a_private_key(),
        "vars": { "login": "robot@provider.example", "key_alg": "ES256" },
    });
    let connector = server.a_connector_with(Rules::default(), definition, more).await;
    let connection = a_connection(&server, &connector).await;
    let token = connector.access(&server, &connection).await;
    let account = connector.fake.account_of(&token);
    assert_eq!(account.as_deref(), Some("robot@provider.example"));
    server.present.pass(3_600);
    assert_ne!(connector.access(&server, &connection).await, token);
    assert_eq!(connector.fake.remints(), 2);
    let path = format!("/v1/connectors/{}", connector.id);
    let shown: Value =
        server.get(&path).bearer(&connector.admin(&server).await).send().await.expect(200);
    assert!(!shown.to_string().contains("PRIVATE KEY"), "{shown}");
}

/// PKCS#8 in PEM (RFC 7468 §10), as an operator pastes it.
fn a_private_key() -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let der = pair.to_pkcs8v1().expect("PKCS#8");
    let body = STANDARD.encode(der.as_ref());
    let lines: Vec<&str> =
        body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("text")).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// A provider of keys, which has a call that says whose a key is; its keys are the fake's access tokens.
fn of_keys(fake: &str, account: &Value) -> Value {
    json!({
        "kind": "api_key", "authorize": null, "token": null, "revoke": null, "account": account,
        "callback": {}, "reply": {}, "refresh": { "kind": "none" }, "hosts": [],
        "api": { "base": format!("{fake}/api/") },
    })
}

#[tokio::test]
async fn a_key_is_tried_once_before_it_is_kept() {
    let server = Server::with_providers().await;
    let fake = Fake::start(Rules::default()).await.expect("the fake provider starts");
    let account =
        json!({ "url": format!("{}/userinfo", fake.url()), "id": "/sub", "label": "/email" });
    let more = json!({ "method": "api_key", "scopes": [] });
    let definition = of_keys(fake.url(), &account);
    let connector = server.a_connector_with(Rules::default(), definition, more).await;
    let make = async |key: &str, account: Option<&str>| {
        let body = json!({ "connector": connector.id, "api_key": key, "account": account });
        server.post("/v1/connections").bearer(&connector.admin(&server).await).json(body).await
    };
    let (good, _) = fake.grant("account-7", "read");
    let made = make(&good, None).await.expect(201);
    assert_eq!((&made["account"], fake.requests(Endpoint::Userinfo)), (&json!("account-7"), 1));
    assert_eq!(made["account_label"], "account-7@fake.example", "{made}");
    let refused = make("mistyped", None).await.expect(400);
    assert_eq!(refused["errors"][0]["pointer"], "/api_key", "{refused}");
    assert!(!refused.to_string().contains("mistyped"), "{refused}");
    assert_eq!(make(&good, None).await.status, 409, "the same account again");
    // A provider that cannot say now hinders nobody, and neither does a wall before it.
    for act in [Act::Html(503), Act::Html(403), Act::HangUp] {
        fake.next(Endpoint::Userinfo, act);
        make("unchecked", Some(&server.app().id().to_string())).await.expect(201);
    }
}

#[tokio::test]
async fn a_login_for_an_api_is_tried_as_the_api_will_see_it() {
    let (server, api) = (Server::with_providers().await, AnApi::start().await);
    let account = json!({ "url": format!("{}/me", api.base()), "id": "/id" });
    let mut definition = of_keys("http://127.0.0.1:1", &account);
    (definition["kind"], definition["api"]) = (json!("basic"), json!({ "base": api.base() }));
    let more = json!({ "method": "basic", "scopes": [] });
    let connector = server.a_connector_with(Rules::default(), definition, more).await;
    let admin = connector.admin(&server).await;
    let make = async |password: &str| {
        let body = json!({ "connector": connector.id, "username": "ada", "password": password });
        server.post("/v1/connections").bearer(&admin).json(body).await
    };
    api.say("HTTP/1.1 401 X\nContent-Length: 0\n\n");
    let refused = make("wrong").await.expect(400);
    assert_eq!(refused["errors"][0]["pointer"], "/password", "{refused}");
    api.heard();
    api.say("HTTP/1.1 200 OK\nContent-Length: 9\n\n{\"id\":77}");
    let made = make("secret").await.expect(201);
    assert_eq!(made["account"], "77", "{made}");
    let tried = api.heard().pop().expect("a call");
    // ada:secret
    let login = "authorization: Basic YWRhOnNlY3JldA==";
    assert!(tried.contains(login), "{tried}");
    let path = format!("/v1/connections/{}/proxy/files", the(&made["id"]));
    server.get(&path).bearer(&admin).send().await.expect(200);
    let called = api.heard().pop().expect("a call");
    assert!(called.contains(login) && called.starts_with("GET /v1/files "), "{called}");
}
