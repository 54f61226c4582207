//! The metadata document states only what is true: everything it lists is called here, driven by the
//! document, so whatever is added to it must work or fail this test.

use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::relying_party::SubjectType;
use keyhaven_protocol::sign_in::{Method, Methods};
use serde_json::{Value, json};

use crate::flows::token_exchange;
use crate::harness::{
    AClient, Answer, CALLBACK, ISSUER, JWT_BEARER, Server, VERIFIER, asks, assertion, claims_of,
    continuation_of, key_set, query_of, signed, the,
};

const DOCUMENT: &str = "/.well-known/openid-configuration";

async fn document(server: &Server) -> Value {
    server.get(DOCUMENT).send().await.expect(200)
}

/// The words of a list in the document.
#[track_caller]
fn words(document: &Value, name: &str) -> Vec<String> {
    let list = document[name].as_array().unwrap_or_else(|| panic!("{name} is not listed"));
    assert!(!list.is_empty(), "{name} is empty");
    list.iter().map(the).collect()
}

fn algorithms(document: &Value, name: &str) -> Vec<Algorithm> {
    let parse = |word: &String| Algorithm::parse(word).unwrap_or_else(|| panic!("{name}: {word}"));
    words(document, name).iter().map(parse).collect()
}

fn a_key(algorithm: Algorithm) -> SigningKey {
    SigningKey::generate(algorithm).expect("a key")
}

/// Proves itself by an assertion of `key` in a form sent to `path`.
async fn asserted(
    server: &Server,
    (client, key): (&AClient, &SigningKey),
    path: &str,
    form: &[(&str, &str)],
) -> Answer {
    let assertion = assertion(server, client, key, json!({}));
    let own = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion.as_str())];
    server.post(path).form(&[form, &own].concat()).await
}

/// A client that proves itself by `method`, and a call of it.
async fn by_method(server: &Server, method: &str, path: &str, form: &[(&str, &str)]) -> Answer {
    match method {
        "client_secret_basic" => {
            let client = server.a_client().build().await;
            server.post(path).basic(&client).form(form).await
        }
        "client_secret_post" => {
            let client = server.a_client().post().build().await;
            let own = [("client_id", &*client.id), ("client_secret", &*client.secret)];
            server.post(path).form(&[form, &own].concat()).await
        }
        "private_key_jwt" => {
            let key = a_key(Algorithm::Es256);
            let client = server.a_client().assertions(&key_set(&key), "ES256").build().await;
            asserted(server, (&client, &key), path, form).await
        }
        "none" => {
            let client = server.a_client().public().build().await;
            server.post(path).form(&[form, &[("client_id", &*client.id)]].concat()).await
        }
        unknown => panic!("{unknown} is listed and nobody knows how to call it"),
    }
}

#[tokio::test]
async fn every_client_authentication_method_and_algorithm_works_where_it_is_listed() {
    let server = Server::start().await;
    let document = document(&server).await;
    for (endpoint, path, form) in [
        ("token", "/oauth2/token", ("grant_type", "client_credentials")),
        ("revocation", "/oauth2/revoke", ("token", "x")),
        ("introspection", "/oauth2/introspect", ("token", "x")),
    ] {
        for method in words(&document, &format!("{endpoint}_endpoint_auth_methods_supported")) {
            let answer = by_method(&server, &method, path, &[form]).await;
            // A public client is known as such, and may not act for itself.
            let expected = if (endpoint, &*method) == ("token", "none") { 400 } else { 200 };
            assert_eq!(answer.status, expected, "{endpoint} {method}: {}", answer.text());
        }
        let name = format!("{endpoint}_endpoint_auth_signing_alg_values_supported");
        for algorithm in algorithms(&document, &name) {
            let key = a_key(algorithm);
            let client = server.a_client().assertions(&key_set(&key), algorithm.name());
            let client = client.build().await;
            let answer = asserted(&server, (&client, &key), path, &[form]).await;
            assert_eq!(answer.status, 200, "{endpoint} {}: {}", algorithm.name(), answer.text());
        }
    }
}

#[tokio::test]
async fn every_grant_type_issues_a_token() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let machine = server.a_client().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let tokens = browser.tokens(&server, &app, &[]).await;
    for grant in words(&document(&server).await, "grant_types_supported") {
        let answer = match grant.as_str() {
            "authorization_code" => {
                let code = browser.code(&app, &[]).await;
                server.redeem(&app, &code).await
            }
            "refresh_token" => server.refresh(&app, &tokens.refresh).await,
            "client_credentials" => {
                let form = [("grant_type", "client_credentials")];
                server.post("/oauth2/token").basic(&machine).form(&form).await
            }
            token_exchange::EXCHANGE => token_exchange::an_exchange().await,
            unknown => panic!("{unknown} is listed and nobody knows how to call it"),
        };
        assert!(answer.expect(200)["access_token"].is_string(), "{grant}");
    }
}

#[tokio::test]
async fn every_signature_is_made_and_verifies() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let document = document(&server).await;
    for algorithm in algorithms(&document, "id_token_signing_alg_values_supported") {
        let app = server.a_client().app().but(|it| it.party.id_token_alg = algorithm).build().await;
        let tokens = server.a_window_of(&ada).await.tokens(&server, &app, &[]).await;
        verifies(&server, &tokens.id_token, algorithm).await;
    }
    for algorithm in algorithms(&document, "userinfo_signing_alg_values_supported") {
        let app = server.a_client().app().but(|it| it.party.userinfo_alg = Some(algorithm));
        let app = app.build().await;
        let tokens = server.a_window_of(&ada).await.tokens(&server, &app, &[]).await;
        let told = server.get("/oauth2/userinfo").bearer(&tokens.access).send().await;
        verifies(&server, &told.text(), algorithm).await;
    }
    for algorithm in algorithms(&document, "request_object_signing_alg_values_supported") {
        let key = a_key(algorithm);
        let set = key_set(&key);
        let app = server.a_client().app().but(|it| it.keys = Some(set)).build().await;
        let request = asks(&app, &[]);
        let pairs = form_urlencoded::parse(request.split_once('?').expect("a query").1.as_bytes());
        let mut claims = json!({"iss": app.id, "aud": ISSUER, "exp": server.present.now() + 60});
        pairs.for_each(|(name, value)| claims[name.as_ref()] = value.as_ref().into());
        let header = json!({"alg": algorithm.name(), "kid": key.kid()});
        let object = signed(&header, &claims, &key);
        server.post("/oauth2/par").basic(&app).form(&[("request", &object)]).await.expect(201);
    }
    for algorithm in algorithms(&document, "dpop_signing_alg_values_supported") {
        let (key, client) = (a_key(algorithm), server.a_client().build().await);
        let header =
            json!({"typ": "dpop+jwt", "alg": algorithm.name(), "jwk": key.jwk().to_value()});
        let claims = json!({
            "htm": "POST", "htu": format!("{ISSUER}/oauth2/token"), "iat": server.present.now(),
            "jti": server.app().id().to_string(),
        });
        let ask = server.post("/oauth2/token").basic(&client);
        let ask = ask.header("dpop", signed(&header, &claims, &key));
        let answer = ask.form(&[("grant_type", "client_credentials")]).await;
        assert_eq!(answer.expect(200)["token_type"], "DPoP", "{}", algorithm.name());
    }
}

/// A JWT is signed as it should be, by a published key.
async fn verifies(server: &Server, token: &str, algorithm: Algorithm) {
    use keyhaven_protocol::jose::{compact, jwk_set::JwkSet, verifying_key::KeySet};
    let set = server.get("/.well-known/jwks.json").send().await.expect(200).to_string();
    let keys = KeySet::prepare(&JwkSet::parse(set.as_bytes()).expect("a set")).expect("keys");
    let jws = compact::parse_compact(token).expect("a compact JWS");
    assert_eq!(jws.header.algorithm, algorithm);
    let kid = jws.header.kid.as_deref().expect("a kid");
    let key = keys.find(kid, algorithm).expect("a published key");
    key.verify(jws.signing_input, &jws.signature).expect("it verifies");
}

#[tokio::test]
async fn every_scope_and_claim_is_told() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let profile = json!({
        "name": "Ada L", "family_name": "Lovelace", "given_name": "Ada", "middle_name": "B",
        "nickname": "Countess", "preferred_username": "ada", "profile": "https://a.test/ada",
        "picture": "https://a.test/ada.png", "website": "https://ada.test", "gender": "female",
        "birthdate": "1815-12-10", "zoneinfo": "Europe/London", "locale": "en-GB",
        "phone_number": "+44 20 7946 0000", "phone_number_verified": true,
        "address": {"locality": "London"}
    });
    let profile = profile.as_object().expect("an object");
    let profile = keyhaven_protocol::person::Person::parse(profile).expect("a profile");
    server.app().store.write_profile(ada.id, &profile, server.act()).await.expect("storage works");
    let document = document(&server).await;
    let scope = words(&document, "scopes_supported").join(" ");
    let app = server.a_client().app().scopes(&scope).but(|client| {
        client.party.backchannel_logout_uri = Some("https://app.test/out".into());
    });
    let app = app.build().await;
    let claims = r#"{"id_token":{"auth_time":null,"acr":null,"amr":null}}"#;
    let mut browser = server.a_window_of(&ada).await;
    let asked = [("scope", scope.as_str()), ("claims", claims)];
    let code = browser.code(&app, &asked).await;
    let body = server.redeem(&app, &code).await.expect(200);
    assert_eq!(body["scope"], scope.as_str());
    let id_token = claims_of(&the(&body["id_token"]));
    let told = server.get("/oauth2/userinfo").bearer(&the(&body["access_token"])).send().await;
    let told = told.expect(200);
    for claim in words(&document, "claims_supported") {
        let known = told.get(&claim).or_else(|| id_token.get(&claim));
        assert!(known.is_some_and(|value| !value.is_null()), "{claim} is listed and never told");
    }
    assert_eq!(document["claims_parameter_supported"], true);
    assert_eq!(words(&document, "claim_types_supported"), ["normal"]);
}

#[tokio::test]
async fn every_word_of_an_authorization_request_does_what_it_says() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let document = document(&server).await;
    let mut browser = server.a_window_of(&ada).await;
    browser.code(&app, &[]).await;
    for mode in words(&document, "response_modes_supported") {
        let answer = browser.open(&asks(&app, &[("response_mode", &mode)])).await;
        match mode.as_str() {
            "query" => assert!(query_of(&answer).contains_key("code")),
            "form_post" => assert!(answer.text().contains("name=\"code\""), "{}", answer.text()),
            unknown => panic!("{unknown} is listed and nobody knows what it looks like"),
        }
    }
    for kind in words(&document, "response_types_supported") {
        let answer = browser.open(&asks(&app, &[("response_type", &kind)])).await;
        assert!(query_of(&answer).contains_key("code"), "{kind}");
    }
    for prompt in words(&document, "prompt_values_supported") {
        let answer = browser.open(&asks(&app, &[("prompt", &prompt)])).await;
        match prompt.as_str() {
            "none" => assert!(query_of(&answer).contains_key("code")),
            "login" | "select_account" => {
                assert!(continuation_of(&answer).contains("request="), "{prompt}");
            }
            "consent" => assert!(answer.text().contains("consent-allow"), "{}", answer.text()),
            unknown => panic!("{unknown} is listed and nobody knows what it does"),
        }
    }
    let indifferent =
        [("display_values_supported", "display"), ("ui_locales_supported", "ui_locales")];
    for (list, parameter) in indifferent {
        for word in words(&document, list) {
            let answer = browser.open(&asks(&app, &[(parameter, &word)])).await;
            assert!(query_of(&answer).contains_key("code"), "{parameter}={word}");
        }
    }
    for method in words(&document, "code_challenge_methods_supported") {
        let answer = browser.open(&asks(&app, &[("code_challenge_method", &method)])).await;
        let query = query_of(&answer);
        server.redeem(&app, &query["code"]).await.expect(200);
        assert_eq!(query["iss"], ISSUER);
    }
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
}

#[tokio::test]
async fn every_acr_and_subject_type_can_be_had() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let document = document(&server).await;
    for acr in words(&document, "acr_values_supported") {
        let methods = match acr.rsplit(':').next() {
            Some("single-factor") => Methods::of(Method::Password),
            Some("multi-factor") => Methods::of(Method::Password).and(Method::Totp),
            _ => panic!("{acr} is listed and nobody knows how to reach it"),
        };
        let opened = server.a_session_by(&ada, methods).await;
        let mut browser = server.a_window();
        browser.plant("__Host-sid", opened.token.reveal());
        let app = server.a_client().app().build().await;
        let claims = format!(r#"{{"id_token":{{"acr":{{"essential":true,"value":"{acr}"}}}}}}"#);
        let tokens = browser.tokens(&server, &app, &[("claims", &claims)]).await;
        assert_eq!(claims_of(&tokens.id_token)["acr"], acr.as_str());
    }
    for word in words(&document, "subject_types_supported") {
        let kind = SubjectType::parse(&word).expect("a known word");
        let app = server.a_client().app().but(|it| it.party.subject_type = kind).build().await;
        let mut browser = server.a_window_of(&ada).await;
        let subject = claims_of(&browser.tokens(&server, &app, &[]).await.id_token)["sub"].clone();
        assert_eq!(subject == ada.id.to_string().as_str(), word == "public");
    }
}

#[tokio::test]
async fn what_the_document_denies_is_refused() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let document = document(&server).await;
    let mut browser = server.a_window_of(&ada).await;
    assert_eq!(document["request_parameter_supported"], false);
    let query = query_of(&browser.open(&asks(&app, &[("request", "a.b.c")])).await);
    assert_eq!(query["error"], "request_not_supported");
    assert_eq!(document["request_uri_parameter_supported"], false);
    let address =
        format!("/oauth2/authorize?client_id={}&request_uri=https%3A%2F%2Fe.test", app.id);
    assert_eq!(browser.open(&address).await.status, 400);
    assert_eq!(document["require_pushed_authorization_requests"], false);
}

#[tokio::test]
async fn unknown_metadata_is_not_there_and_nothing_is_null() {
    let server = Server::start().await;
    for path in [
        "/.well-known/openid-configuration/x",
        "/.well-known/oauth-authorization-server/x",
        "/.well-known/webfinger",
        "/.well-known/oauth-protected-resource",
        "/.well-known/jwks",
        "/oauth2/.well-known/openid-configuration",
        "/.well-known/",
    ] {
        assert_eq!(server.get(path).send().await.status, 404, "{path}");
    }
    for path in [DOCUMENT, "/.well-known/oauth-authorization-server", "/.well-known/jwks.json"] {
        let text = server.get(path).send().await.text();
        assert!(!text.contains("null"), "{path}: {text}");
        // Nor does storage that fails take it away.
        server.database.fail();
        assert_eq!(server.get(path).send().await.status, 200, "{path}");
        server.database.repair();
    }
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let code = browser.code(&app, &[("scope", "openid profile email offline_access")]).await;
    let body = server.redeem(&app, &code).await.expect(200);
    let told = server.get("/oauth2/userinfo").bearer(&the(&body["access_token"])).send().await;
    for answer in [body.to_string(), told.text(), claims_of(&the(&body["id_token"])).to_string()] {
        assert!(!answer.contains("null"), "{answer}");
    }
}

#[tokio::test]
async fn answers_are_readable_by_other_origins_where_cookies_do_not_count_and_nowhere_else() {
    let server = Server::start().await;
    let document = document(&server).await;
    let path = |name: &str| the(&document[name]).strip_prefix(ISSUER).expect("ours").to_owned();
    let open = |answer: &Answer| {
        assert!(!answer.headers.contains_key("access-control-allow-credentials"));
        let allowed = answer.headers.get("access-control-allow-origin");
        allowed.map(|value| value.to_str().expect("text").to_owned())
    };
    let from = |method: &str, path: &str| {
        server.ask(method, path).header("origin", "https://spa.example").header("cookie", "a=b")
    };
    for (method, path) in [
        ("GET", DOCUMENT.to_owned()),
        ("GET", "/.well-known/oauth-authorization-server".to_owned()),
        ("GET", path("jwks_uri")),
        ("GET", path("userinfo_endpoint")),
        ("POST", path("token_endpoint")),
        ("POST", path("revocation_endpoint")),
    ] {
        let answer = from(method, &path).send().await;
        assert_eq!(open(&answer).as_deref(), Some("*"), "{path}");
        let ask = from("OPTIONS", &path).header("access-control-request-method", method);
        let preflight = ask.header("access-control-request-headers", "authorization,dpop").send();
        let preflight = preflight.await;
        assert_eq!((preflight.status, open(&preflight).as_deref()), (204, Some("*")), "{path}");
    }
    for (method, path) in [
        ("GET", path("authorization_endpoint")),
        ("GET", path("end_session_endpoint")),
        ("POST", path("introspection_endpoint")),
        ("POST", path("pushed_authorization_request_endpoint")),
        ("GET", "/login".to_owned()),
        ("GET", "/account".to_owned()),
        ("GET", "/v1/users".to_owned()),
    ] {
        for method in [method, "OPTIONS"] {
            let answer = from(method, &path).send().await;
            assert_eq!(open(&answer), None, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn tokens_are_given_again_under_their_key_as_the_document_says() {
    let server = Server::start().await;
    assert_eq!(document(&server).await["keyhaven_idempotent_tokens"], true);
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let code = server.a_window_of(&ada).await.code(&app, &[]).await;
    let redeem = async || {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &*code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let ask = server.post("/oauth2/token").basic(&app).header("idempotency-key", "k");
        ask.form(&form).await.expect(200)
    };
    assert_eq!(redeem().await, redeem().await);
}
