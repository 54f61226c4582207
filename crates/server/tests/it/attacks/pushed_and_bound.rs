//! PAR (RFC 9126), DPoP (RFC 9449) and logout on an app's word, as an app meets them: A26, A43–A46,
//! A66.

use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::relying_party::Demand;
use serde_json::json;

use crate::harness::{
    AClient, Answer, CALLBACK, Server, VERIFIER, a_signing_key, asks, claims_of, opens, proof,
    proof_of, proof_with, push, query_of, the,
};

fn a_key() -> SigningKey {
    a_signing_key(Algorithm::Es256)
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

#[tokio::test]
async fn a43_a_proof_beside_a_pushed_request_binds_the_code_and_counts_once() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().public().build().await;
    let key = a_key();
    let request = asks(&app, &[]);
    let form = request.split_once('?').expect("a query").1;
    let with = proof(&server, &key, "POST", "/oauth2/par");
    let push = async || {
        let ask = server.post("/oauth2/par").header("dpop", &with);
        ask.raw("application/x-www-form-urlencoded", form.to_owned()).await
    };
    let uri = the(&push().await.expect(201)["request_uri"]);
    push().await.refused(&server, 400, "invalid_dpop_proof", "DPoP proof was used before");
    let mut window = server.a_window_of(&ada).await;
    let page = window.open(&opens(&app, &uri)).await;
    let code = query_of(&window.allow(&page).await)["code"].clone();
    let stolen = proof(&server, &a_key(), "POST", "/oauth2/token");
    let answer = redeem_bound(&server, &app, &code, &stolen).await;
    answer.refused(&server, 400, "invalid_grant", "code is bound to another key");
    let own = proof(&server, &key, "POST", "/oauth2/token");
    redeem_bound(&server, &app, &code, &own).await.expect(200);
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
    let stolen = proof(&server, &other, "POST", "/oauth2/token");
    let answer = redeem_bound(&server, &app, &code, &stolen).await;
    answer.refused(&server, 400, "invalid_grant", "code is bound to another key");
    let once = proof(&server, &key, "POST", "/oauth2/token");
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
    let good = || proof_of(&server, &key, "GET", path, &access);
    let (status, reason) = told("Bearer", None).await;
    assert_eq!((status, reason.as_str()), (401, "the token is bound to a key"));
    let (_, reason) = told("DPoP", None).await;
    assert_eq!(reason, "a bound token without a DPoP proof");
    let (_, reason) = told("DPoP", Some(proof(&server, &key, "GET", path))).await;
    assert_eq!(reason, "DPoP ath is missing");
    let (_, reason) = told("DPoP", Some(proof_of(&server, &other, "GET", path, &access))).await;
    assert_eq!(reason, "the token is bound to another key");
    let (_, reason) = told("DPoP", Some(proof_of(&server, &key, "POST", path, &access))).await;
    assert_eq!(reason, "DPoP htm is another method");
    let spent = good();
    assert_eq!(told("DPoP", Some(spent.clone())).await.0, 200);
    assert_eq!(told("DPoP", Some(spent)).await.1, "DPoP proof was used before");
    assert_eq!(told("DPoP", Some(good())).await.0, 200);
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", &*refresh), ("client_id", &*app.id)];
    for (with, reason) in [(&other, "refresh token is bound to another key"), (&key, "")] {
        let with = proof(&server, with, "POST", "/oauth2/token");
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
    let bare = proof(&server, &key, "POST", "/oauth2/token");
    let answer = server.post("/oauth2/token").basic(&client).header("dpop", bare).form(&form).await;
    answer.refused(&server, 400, "use_dpop_nonce", "DPoP proof has no nonce");
    let nonce = answer.header("dpop-nonce").to_owned();
    let with = proof_with(&server, &key, "POST", "/oauth2/token", &json!({ "nonce": nonce }));
    let answer = server.post("/oauth2/token").basic(&client).header("dpop", with).form(&form).await;
    let body = answer.expect(200);
    assert_eq!(body["token_type"], "DPoP");
    let access = the(&body["access_token"]);
    let bare = proof_of(&server, &key, "GET", "/oauth2/userinfo", &access);
    let ask = server.get("/oauth2/userinfo").header("authorization", format!("DPoP {access}"));
    let answer = ask.header("dpop", bare).send().await;
    answer.refused(&server, 401, "use_dpop_nonce", "DPoP proof has no nonce");
    let challenge = answer.header("www-authenticate");
    assert!(challenge.starts_with("DPoP ") && challenge.contains("error=\"use_dpop_nonce\""));
}

#[tokio::test]
async fn a_challenge_for_a_proof_names_the_algorithms_of_proofs() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let (key, path) = (a_key(), "/oauth2/userinfo");
    let with = proof(&server, &key, "POST", "/oauth2/token");
    let form = [("grant_type", "client_credentials")];
    let answer = server.post("/oauth2/token").basic(&client).header("dpop", with).form(&form).await;
    let access = the(&answer.expect(200)["access_token"]);
    let dpop = || server.get(path).header("authorization", format!("DPoP {access}"));
    let wrong = proof(&server, &key, "GET", path);
    let other = proof_of(&server, &a_key(), "GET", path, &access);
    let cases = [
        (dpop(), "invalid_token"),
        (dpop().header("dpop", wrong), "invalid_dpop_proof"),
        (dpop().header("dpop", other), "invalid_token"),
        (server.get(path).bearer(&access), "invalid_token"),
    ];
    for (ask, error) in cases {
        let answer = ask.send().await;
        assert_eq!(answer.status, 401);
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with(&format!("DPoP realm=\"keyhaven\", error=\"{error}\"")));
        assert!(challenge.ends_with(", algs=\"ES256 EdDSA PS256 RS256\""), "{challenge}");
    }
    let answer = server.get(path).bearer("nothing").send().await;
    assert!(answer.header("www-authenticate").starts_with("Bearer "));
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
