//! PAR (RFC 9126), DPoP (RFC 9449) and logout on an app's word, as an app meets them: A26, A43–A46,
//! A66.

use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::relying_party::Demand;
use keyhaven_protocol::secret::Digest;
use serde_json::json;

use crate::harness::{
    AClient, Answer, CALLBACK, ISSUER, Server, VERIFIER, asks, claims_of, query_of, signed, the,
};

fn a_key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).expect("a key")
}

/// A proof by `key` for a request of this server.
fn proof(
    server: &Server,
    key: &SigningKey,
    method: &str,
    path: &str,
    token: Option<&str>,
) -> String {
    use base64::Engine as _;
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk().to_value()});
    let mut claims = json!({
        "htm": method, "htu": format!("{ISSUER}{path}"), "iat": server.present.now(),
        "jti": server.app().id().to_string(),
    });
    if let Some(token) = token {
        let hash = Digest::of(token.as_bytes()).0;
        claims["ath"] = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash).into();
    }
    signed(&header, &claims, key)
}

/// Pushes what `request` asks for.
async fn push(server: &Server, client: &AClient, request: &str) -> Answer {
    let form = request.split_once('?').expect("a query").1.to_owned();
    let ask = server.post("/oauth2/par").basic(client);
    ask.raw("application/x-www-form-urlencoded", form).await
}

fn opens(client: &AClient, uri: &str) -> String {
    let pairs = [("client_id", client.id.as_str()), ("request_uri", uri)];
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("/oauth2/authorize?{query}")
}

#[tokio::test]
async fn a_pushed_request_is_good_for_one_login() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().but(|client| {
        client.party.pushed_requests = Demand::Required;
    });
    let app = app.build().await;
    let mut window = server.a_window_of(&ada).await;
    let query = query_of(&window.open(&asks(&app, &[])).await);
    assert_eq!(query["error"], "invalid_request");
    assert_eq!(server.refusal().reason, "this client's requests are pushed first");
    let pushed = push(&server, &app, &asks(&app, &[])).await.expect(201);
    assert_eq!(pushed["expires_in"], 90);
    let uri = the(&pushed["request_uri"]);
    let page = window.open(&opens(&app, &uri)).await;
    let answer = window.allow(&page).await;
    let code = query_of(&answer)["code"].clone();
    server.redeem(&app, &code).await.expect(200);
    assert_eq!(window.open(&opens(&app, &uri)).await.status, 400);
    assert_eq!(server.refusal().reason, "request_uri is unknown, used or expired");
}

#[tokio::test]
async fn a26_a_request_uri_of_somebody_else_opens_nothing() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let thief = server.a_client().app().build().await;
    let mut window = server.a_window_of(&ada).await;
    let pushed = push(&server, &app, &asks(&app, &[])).await.expect(201);
    let uri = the(&pushed["request_uri"]);
    let cases = [
        (opens(&thief, &uri), "request_uri is another client's"),
        (opens(&app, "https://e.test/request.jwt"), "request_uri is not one of ours"),
        (opens(&app, "urn:ietf:params:oauth:request_uri:x"), "request_uri is not one of ours"),
    ];
    for (address, reason) in cases {
        let answer = window.open(&address).await;
        assert_eq!(answer.status, 400);
        assert_eq!(server.refusal().reason, reason);
    }
    server.present.pass(90);
    assert_eq!(window.open(&opens(&app, &uri)).await.status, 400);
    assert_eq!(server.refusal().reason, "request_uri is unknown, used or expired");
    let refused = push(&server, &app, &asks(&app, &[("scope", "openid admin")])).await;
    refused.refused(&server, 400, "invalid_scope", "scope is wider than allowed");
    let anonymous = server.post("/oauth2/par").form(&[("client_id", &app.id)]).await;
    assert_eq!(anonymous.status, 401);
}

/// Redeems a code with a proof.
async fn redeem_bound(server: &Server, client: &AClient, code: &str, proof: &str) -> Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", client.id.as_str()),
    ];
    server.post("/oauth2/token").header("dpop", proof).form(&form).await
}

#[tokio::test]
async fn a43_to_a46_a_bound_token_is_good_with_its_key_alone() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().public().build().await;
    let (key, other) = (a_key(), a_key());
    let mut window = server.a_window_of(&ada).await;
    let code = window.code(&app, &[("dpop_jkt", key.kid())]).await;
    let stolen = proof(&server, &other, "POST", "/oauth2/token", None);
    let answer = redeem_bound(&server, &app, &code, &stolen).await;
    answer.refused(&server, 400, "invalid_grant", "code is bound to another key");
    let once = proof(&server, &key, "POST", "/oauth2/token", None);
    let answer = redeem_bound(&server, &app, &code, &once).await;
    assert!(!answer.header("dpop-nonce").is_empty());
    let body = answer.expect(200);
    assert_eq!(body["token_type"], "DPoP");
    let (access, refresh) = answer.pair();
    assert_eq!(claims_of(&access)["cnf"]["jkt"], key.kid());
    let path = "/oauth2/userinfo";
    let told = async |scheme: &str, proof: Option<String>| {
        let ask = server.get(path).header("authorization", format!("{scheme} {access}"));
        let ask = match proof {
            Some(proof) => ask.header("dpop", proof),
            None => ask,
        };
        let answer = ask.send().await;
        let reason = server.refusals().into_iter().next().map(|refusal| refusal.reason);
        (answer.status, reason.unwrap_or_default())
    };
    let good = || proof(&server, &key, "GET", path, Some(&access));
    let (status, reason) = told("Bearer", None).await;
    assert_eq!((status, reason.as_str()), (401, "the token is bound to a key"));
    let (_, reason) = told("DPoP", None).await;
    assert_eq!(reason, "a bound token without a DPoP proof");
    let (_, reason) = told("DPoP", Some(proof(&server, &key, "GET", path, None))).await;
    assert_eq!(reason, "DPoP ath is missing");
    let (_, reason) = told("DPoP", Some(proof(&server, &other, "GET", path, Some(&access)))).await;
    assert_eq!(reason, "the token is bound to another key");
    let (_, reason) = told("DPoP", Some(proof(&server, &key, "POST", path, Some(&access)))).await;
    assert_eq!(reason, "DPoP htm is another method");
    let spent = good();
    assert_eq!(told("DPoP", Some(spent.clone())).await.0, 200);
    assert_eq!(told("DPoP", Some(spent)).await.1, "DPoP proof was used before");
    assert_eq!(told("DPoP", Some(good())).await.0, 200);
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", &*refresh), ("client_id", &*app.id)];
    for (with, reason) in [(&other, "refresh token is bound to another key"), (&key, "")] {
        let with = proof(&server, with, "POST", "/oauth2/token", None);
        let answer = server.post("/oauth2/token").header("dpop", with).form(&form).await;
        match reason {
            "" => assert_eq!(answer.pair().1, refresh, "a bound refresh token stays"),
            reason => answer.refused(&server, 400, "invalid_grant", reason),
        }
    }
}

#[tokio::test]
async fn where_nonces_are_required_the_server_hands_one_out_first() {
    let server = Server::with(&[("dpop_nonces", "required")]).await;
    let client = server.a_client().build().await;
    let key = a_key();
    let form = [("grant_type", "client_credentials")];
    let bare = proof(&server, &key, "POST", "/oauth2/token", None);
    let answer = server.post("/oauth2/token").basic(&client).header("dpop", bare).form(&form).await;
    answer.refused(&server, 400, "use_dpop_nonce", "DPoP proof has no nonce");
    let nonce = answer.header("dpop-nonce").to_owned();
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": key.jwk().to_value()});
    let claims = json!({
        "htm": "POST", "htu": format!("{ISSUER}/oauth2/token"), "iat": server.present.now(),
        "jti": "1", "nonce": nonce,
    });
    let with = signed(&header, &claims, &key);
    let answer = server.post("/oauth2/token").basic(&client).header("dpop", with).form(&form).await;
    let body = answer.expect(200);
    assert_eq!(body["token_type"], "DPoP");
    let access = the(&body["access_token"]);
    let bare = proof(&server, &key, "GET", "/oauth2/userinfo", Some(&access));
    let ask = server.get("/oauth2/userinfo").header("authorization", format!("DPoP {access}"));
    let answer = ask.header("dpop", bare).send().await;
    answer.refused(&server, 401, "use_dpop_nonce", "DPoP proof has no nonce");
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("DPoP ") && challenge.contains("error=\"use_dpop_nonce\""));
}

#[tokio::test]
async fn a_client_whose_tokens_are_bound_gets_none_without_a_proof() {
    let server = Server::start().await;
    let client = server.a_client().but(|client| client.party.dpop = Demand::Required);
    let client = client.build().await;
    let form = [("grant_type", "client_credentials")];
    let answer = server.post("/oauth2/token").basic(&client).form(&form).await;
    let reason = "DPoP proof is missing, and this client's tokens are bound to a key";
    answer.refused(&server, 400, "invalid_request", reason);
}

#[tokio::test]
async fn a66_a_link_alone_signs_nobody_out() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let bye = "https://app.test/bye";
    let app = server.a_client().app().but(|client| {
        client.party.post_logout_redirect_uris = vec![bye.into()];
    });
    let app = app.build().await;
    let mut window = server.a_window_of(&ada).await;
    let tokens = window.tokens(&server, &app, &[]).await;
    let address = format!(
        "/oauth2/logout?client_id={}&post_logout_redirect_uri=https%3A%2F%2Fapp.test%2Fbye&state=s",
        app.id
    );
    let page = window.open(&address).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("logout-confirm"));
    assert!(query_of(&window.open(&asks(&app, &[("prompt", "none")])).await).contains_key("code"));
    let evil = address.replace("app.test%2Fbye", "e.test");
    assert_eq!(window.open(&evil).await.status, 400);
    assert_eq!(server.refusal().reason, "post_logout_redirect_uri is not a registered one");
    let answer = window.fill(&page, "/logout", &[("where", "here")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "https://app.test/bye?state=s"));
    let told = server.get("/oauth2/userinfo").bearer(&tokens.access).send().await;
    assert_eq!(told.status, 401, "what was issued in the session is dead");
}
