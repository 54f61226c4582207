//! What a client may register beyond the usual, as it meets it: signed UserInfo, request objects,
//! the `fapi2` profile.

use keyhaven_protocol::client::Profile;
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use serde_json::{Value, json};

use crate::harness::{
    AClient, Answer, CALLBACK, ISSUER, JWT_BEARER, Server, VERIFIER, a_signing_key, asks, asserted,
    assertion, claims_of, forged, key_set, opens, proof_of, query_of, signed, the,
};

/// The parameters of a sound request as a request object holds them.
fn request_claims(server: &Server, client: &AClient, edit: &Value) -> Value {
    let request = asks(client, &[]);
    let query = request.split_once('?').expect("a query").1;
    let mut claims: Value = json!({
        "iss": client.id, "aud": ISSUER, "exp": server.present.now() + 60,
    });
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        claims[name.as_ref()] = value.as_ref().into();
    }
    for (name, value) in edit.as_object().expect("an edit is an object") {
        claims[name] = value.clone();
    }
    claims
}

fn header(key: &SigningKey, typ: &str) -> Value {
    json!({ "alg": key.algorithm().name(), "kid": key.kid(), "typ": typ })
}

async fn push_form(server: &Server, client: &AClient, pairs: &[(&str, &str)]) -> Answer {
    server.post("/oauth2/par").basic(client).form(pairs).await
}

#[tokio::test]
async fn user_info_is_signed_by_every_algorithm_that_is_registered() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    for algorithm in Algorithm::ALL {
        let app = server.a_client().app().but(|client| client.party.userinfo_alg = Some(algorithm));
        let app = app.build().await;
        let mut browser = server.a_window_of(&ada).await;
        let tokens = browser.tokens(&server, &app, &[("scope", "openid email")]).await;
        let told = server.get("/oauth2/userinfo").bearer(&tokens.access).send().await;
        assert_eq!((told.status, told.header("content-type")), (200, "application/jwt"));
        let text = told.text();
        let claims = claims_of(&text);
        let expected = json!({
            "iss": ISSUER, "aud": app.id, "sub": ada.id.to_string(), "email": ada.email,
            "email_verified": false,
        });
        assert_eq!(claims, expected);
        // Every signature verifies with the published key it names.
        let published = server.get("/.well-known/jwks.json").send().await.expect(200).to_string();
        let keys = keyhaven_protocol::jose::jwk_set::JwkSet::parse(published.as_bytes()).unwrap();
        let keys = keyhaven_protocol::jose::verifying_key::KeySet::prepare(&keys).unwrap();
        let jws = keyhaven_protocol::jose::compact::parse_compact(&text).expect("a compact JWS");
        assert_eq!(jws.header.algorithm, algorithm);
        let key = keys.find(jws.header.kid.as_deref().expect("a kid"), algorithm).expect("its key");
        key.verify(jws.signing_input, &jws.signature).expect("it verifies");
    }
}

#[tokio::test]
async fn a_signed_request_is_the_whole_request() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let key = a_signing_key(Algorithm::Ps256);
    let set = key_set(&key);
    let app = server.a_client().app().but(|client| {
        client.keys = Some(set);
        client.party.request_object_alg = Some(Algorithm::Ps256);
    });
    let app = app.build().await;
    let claims = request_claims(&server, &app, &json!({"scope": "openid email", "max_age": 600}));
    let object = signed(&header(&key, "oauth-authz-req+jwt"), &claims, &key);
    // What stands beside the object counts for nothing (RFC 9101 §6.3).
    let beside = [("request", object.as_str()), ("scope", "openid profile"), ("state", "other")];
    let pushed = push_form(&server, &app, &beside).await.expect(201);
    let mut browser = server.a_window_of(&ada).await;
    let page = browser.open(&opens(&app, &the(&pushed["request_uri"]))).await;
    assert!(page.text().contains("see your e-mail address"), "{}", page.text());
    let query = query_of(&browser.allow(&page).await);
    assert_eq!(query["state"], "xyz");
    let body = server.redeem(&app, &query["code"]).await.expect(200);
    assert_eq!(body["scope"], "openid email");
    assert!(claims_of(&the(&body["id_token"]))["auth_time"].is_i64());
    // Through the browser it is not taken, and this client sends no other kind.
    let front = asks(&app, &[("request", object.as_str())]);
    assert_eq!(query_of(&browser.open(&front).await)["error"], "request_not_supported");
    server.refusals();
    let plain = push_form(&server, &app, &[("response_type", "code")]).await;
    plain.refused(&server, 400, "invalid_request_object", "this client signs its requests");
}

#[tokio::test]
async fn a_request_object_that_breaks_a_rule_is_refused_by_name() {
    let server = Server::start().await;
    let (key, other) = (a_signing_key(Algorithm::Es256), a_signing_key(Algorithm::Es256));
    let set = key_set(&key);
    let app = server.a_client().app().but(|client| client.keys = Some(set)).build().await;
    let typ = "oauth-authz-req+jwt";
    let object =
        |edit: Value| signed(&header(&key, typ), &request_claims(&server, &app, &edit), &key);
    let now = server.present.now();
    let none = json!({ "alg": "none", "typ": typ });
    let unsigned = forged(&none, &request_claims(&server, &app, &json!({})), |_| vec![1]);
    let cases = [
        (object(json!({"aud": "https://e.test"})), "request object aud is another server"),
        (object(json!({"iss": "kh_client_x"})), "request object iss is not the client"),
        (object(json!({"client_id": "x"})), "request object client_id is another client"),
        (object(json!({"exp": now})), "request object expired"),
        (object(json!({"exp": now + 9_000})), "request object lives longer than an hour"),
        (
            signed(&header(&key, "at+jwt"), &request_claims(&server, &app, &json!({})), &key),
            "request object typ is another kind of token",
        ),
        (
            signed(&header(&other, typ), &request_claims(&server, &app, &json!({})), &other),
            "kid names no known key",
        ),
        (unsigned, "JWS alg is not allowed"),
    ];
    for (object, reason) in cases {
        let refused = push_form(&server, &app, &[("request", &object)]).await;
        refused.refused(&server, 400, "invalid_request_object", reason);
    }
}

#[tokio::test]
async fn a_fapi2_client_pushes_proves_and_binds_or_gets_nothing() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let (key, bound) = (a_signing_key(Algorithm::Ps256), a_signing_key(Algorithm::Es256));
    let app = server.a_client().app().assertions(&key_set(&key), "PS256");
    let app = app.but(|client| client.profile = Profile::Fapi2).build().await;
    let me = (&app, &key);
    let mut browser = server.a_window_of(&ada).await;
    let query = query_of(&browser.open(&asks(&app, &[])).await);
    assert_eq!(query["error"], "invalid_request");
    assert_eq!(server.refusal().reason, "this client's requests are pushed first");
    // Only the issuer names us.
    let token_url = json!({ "aud": format!("{ISSUER}/oauth2/token") });
    let wrong = assertion(&server, &app, &key, token_url);
    let own = [("client_assertion_type", JWT_BEARER), ("client_assertion", wrong.as_str())];
    let refused = server.post("/oauth2/par").form(&own).await;
    refused.refused(&server, 401, "invalid_client", "assertion aud is another server");

    let request = asks(&app, &[]);
    let form = request.split_once('?').expect("a query").1;
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let pushed = asserted(&server, me, "/oauth2/par", None, &pairs).await.expect(201);
    let page = browser.open(&opens(&app, &the(&pushed["request_uri"]))).await;
    let query = query_of(&browser.allow(&page).await);
    assert_eq!(query["iss"], ISSUER);
    let code = [
        ("grant_type", "authorization_code"),
        ("code", query["code"].as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let bare = asserted(&server, me, "/oauth2/token", None, &code).await;
    let missing = "DPoP proof is missing, and this client's tokens are bound to a key";
    bare.refused(&server, 400, "invalid_request", missing);
    let answer = asserted(&server, me, "/oauth2/token", Some(&bound), &code).await;
    let body = answer.expect(200);
    assert_eq!(body["token_type"], "DPoP");
    let access = the(&body["access_token"]);
    assert_eq!(claims_of(&access)["cnf"]["jkt"], bound.kid());
    let path = "/oauth2/userinfo";
    let with = proof_of(&server, &bound, "GET", path, &access);
    let ask = server.get(path).header("authorization", format!("DPoP {access}"));
    assert_eq!(ask.header("dpop", with).send().await.expect(200)["sub"], ada.id.to_string());
    assert_eq!(server.get(path).bearer(&access).send().await.status, 401);
}
