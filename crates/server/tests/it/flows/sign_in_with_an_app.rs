//! Signing in with an app: consent, code, tokens, UserInfo, refresh, logout; and how the pages between
//! lead from one to the next.

use keyhaven_protocol::authorization::CODE_LIFE;
use keyhaven_protocol::person::Person;
use keyhaven_protocol::sign_in::{Demand, Method, Methods};
use keyhaven_store::organizations::Power;
use serde_json::json;

use crate::harness::{CALLBACK, ISSUER, Server, asks, claims_of, continuation_of, query_of, the};

#[tokio::test]
async fn a_person_allows_an_app_once_and_it_learns_who_they_are() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let page = browser.open(&asks(&app, &[("scope", "openid email")])).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("see your e-mail address"), "{}", page.text());
    assert!(!page.text().contains(CALLBACK), "a page carries only the handle");
    let answer = browser.allow(&page).await;
    let query = query_of(&answer);
    assert_eq!(query["state"], "xyz");
    assert_eq!(query["iss"], ISSUER);
    let body = server.redeem(&app, &query["code"]).await.expect(200);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["scope"], "openid email");
    let claims = claims_of(&the(&body["id_token"]));
    assert_eq!(claims["iss"], ISSUER);
    assert_eq!(claims["aud"], app.id.as_str());
    assert_eq!(claims["sub"], ada.id.to_string());
    assert_eq!(claims["nonce"], "n-1");
    assert!(claims.get("email").is_none(), "only what was asked for in the ID token");
    assert!(claims.get("auth_time").is_none() && claims.get("acr").is_none());
    let told = server.get("/oauth2/userinfo").bearer(&the(&body["access_token"])).send().await;
    let expected = json!({"sub": ada.id.to_string(), "email": ada.email, "email_verified": false});
    assert_eq!(told.expect(200), expected);
    // Remembered: the second time nobody is asked.
    let again = browser.open(&asks(&app, &[("scope", "openid email")])).await;
    assert!(query_of(&again).contains_key("code"));
}

#[tokio::test]
async fn an_app_may_ask_silently_only_for_what_is_remembered() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut stranger = server.a_window();
    let none = [("prompt", "none")];
    let query = query_of(&stranger.open(&asks(&app, &none)).await);
    assert_eq!((query["error"].as_str(), query["state"].as_str()), ("login_required", "xyz"));
    assert_eq!(server.refusal().reason, "nobody is signed in");
    let mut browser = server.a_window_of(&ada).await;
    let query = query_of(&browser.open(&asks(&app, &none)).await);
    assert_eq!(query["error"], "consent_required");
    browser.code(&app, &[]).await;
    assert!(query_of(&browser.open(&asks(&app, &none)).await).contains_key("code"));
    server.refusals();
    let more = [("prompt", "none"), ("scope", "openid email")];
    let query = query_of(&browser.open(&asks(&app, &more)).await);
    assert_eq!(query["error"], "consent_required", "A11: scope does not grow silently");
}

#[tokio::test]
async fn whoever_is_not_signed_in_comes_back_to_the_request() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window();
    let answer = browser.open(&asks(&app, &[("login_hint", "ada@example.test")])).await;
    let to = continuation_of(&answer);
    assert!(to.starts_with("/oauth2/authorize?request=kh_flow_"), "{to}");
    assert!(!to.contains("client_id") && !to.contains("app.test"), "{to}");
    let opened = server.a_session(&ada).await;
    browser.plant("__Host-sid", opened.token.reveal());
    let page = browser.open(&to).await;
    let answer = browser.allow(&page).await;
    assert!(query_of(&answer).contains_key("code"));
    // One handle, one outcome.
    let again = browser.open(&to).await;
    assert_eq!(again.status, 410);
    assert_eq!(server.refusal().reason, "the request is over, or had its outcome before");
}

#[tokio::test]
async fn a_request_belongs_to_the_browser_it_came_from() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window();
    let to = continuation_of(&browser.open(&asks(&app, &[])).await);
    let mut other = server.a_window_of(&ada).await;
    assert_eq!(other.open(&to).await.status, 400);
    assert_eq!(server.refusal().reason, "the request belongs to another browser");
}

#[tokio::test]
async fn a_person_says_no() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let page = browser.open(&asks(&app, &[])).await;
    let answer = browser.fill(&page, "/consent", &[("decision", "deny")]).await;
    assert_eq!(query_of(&answer)["error"], "access_denied");
    assert_eq!(server.refusal().reason, "the person said no");
    // Nothing was remembered.
    assert_eq!(browser.open(&asks(&app, &[])).await.status, 200);
}

#[tokio::test]
async fn a_posted_request_goes_on_by_a_get() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let request = asks(&app, &[("response_mode", "form_post"), ("state", "\"><script>x</script>")]);
    let form = request.split_once('?').expect("a query").1.to_owned();
    let kept = server
        .post("/oauth2/authorize")
        .header("origin", "https://app.test")
        .raw("application/x-www-form-urlencoded", form)
        .await;
    assert_eq!(kept.status, 303);
    let mut browser = server.a_window_of(&ada).await;
    let page = browser.open(kept.header("location")).await;
    let answer = browser.allow(&page).await;
    assert_eq!(answer.status, 200);
    let text = answer.text();
    assert!(text.contains(&format!("action=\"{CALLBACK}\"")), "{text}");
    assert!(!text.contains("<script>x"), "A10: {text}");
    let policy = answer.header("content-security-policy");
    assert!(policy.ends_with("form-action 'self' https://app.test"), "{policy}");
}

#[tokio::test]
async fn what_is_issued_without_offline_access_dies_with_the_session() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let online = browser.tokens(&server, &app, &[]).await;
    let offline = [("scope", "openid offline_access")];
    let offline = browser.tokens(&server, &app, &offline).await;
    server.refresh(&app, &online.refresh).await.expect(200);
    let answer = server.refresh(&app, &offline.refresh).await.expect(200);
    let claims = claims_of(&the(&answer["id_token"]));
    assert_eq!(claims["sub"], ada.id.to_string());
    assert!(claims.get("nonce").is_none());
    // Signing out by the app's word, with its ID token as the hint.
    let logout = format!("/oauth2/logout?id_token_hint={}", online.id_token);
    let answer = browser.open(&logout).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/logged-out"));
    let refused = server.refresh(&app, &online.refresh).await;
    refused.refused(&server, 400, "invalid_grant", "refresh family is revoked");
    let told = server.get("/oauth2/userinfo").bearer(&online.access).send().await;
    assert_eq!(told.status, 401);
    server.refusals();
    server.refresh(&app, &offline.refresh).await.expect(200);
    assert_eq!(browser.open(&asks(&app, &[("prompt", "none")])).await.status, 303);
    assert_eq!(server.refusal().reason, "nobody is signed in");
}

#[tokio::test]
async fn a34_refreshing_for_the_departed_is_refused() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let offline = [("scope", "openid offline_access")];
    let tokens = browser.tokens(&server, &app, &offline).await;
    server.set_standing(&ada, Power::Disabled).await;
    let answer = server.refresh(&app, &tokens.refresh).await;
    answer.refused(&server, 400, "invalid_grant", "the user is disabled");
    server.set_standing(&ada, Power::Enabled).await;
    server.refresh(&app, &tokens.refresh).await.expect(200);
    let withdrawn = server.app().store.withdraw_consent(ada.id, app.key, server.act()).await;
    assert!(withdrawn.expect("storage works").is_some());
    let answer = server.refresh(&app, &tokens.refresh).await;
    answer.refused(&server, 400, "invalid_grant", "refresh family is revoked");
    let told = server.get("/oauth2/userinfo").bearer(&tokens.access).send().await;
    assert_eq!(told.status, 401);
}

#[tokio::test]
async fn a29_a_late_code_is_worth_nothing() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let code = browser.code(&app, &[]).await;
    server.present.pass(CODE_LIFE.0.unsigned_abs() + 1);
    let answer = server.redeem(&app, &code).await;
    answer.refused(&server, 400, "invalid_grant", "code expired");
}

#[tokio::test]
async fn claims_are_told_where_they_were_asked_for() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let profile = json!({"nickname": "Countess", "phone_number": "+44 20 7946 0000"});
    let profile = Person::parse(profile.as_object().expect("an object")).expect("a profile");
    let written = server.app().store.write_profile(ada.id, &profile, server.act()).await;
    written.expect("storage works");
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let claims = r#"{"id_token":{"nickname":null,"amr":null},"userinfo":{"phone_number":null}}"#;
    let asked = [("claims", claims), ("max_age", "600"), ("scope", "openid profile")];
    let tokens = browser.tokens(&server, &app, &asked).await;
    let claims = claims_of(&tokens.id_token);
    assert_eq!(claims["nickname"], "Countess");
    assert_eq!(claims["amr"], json!(["pwd"]));
    assert_eq!(claims["auth_time"], server.present.now());
    let told = server.post("/oauth2/userinfo").form(&[("access_token", &tokens.access)]).await;
    let told = told.expect(200);
    assert_eq!(told["phone_number"], "+44 20 7946 0000");
    assert_eq!((&told["name"], &told["nickname"]), (&json!("Ada Lovelace"), &json!("Countess")));
    assert!(told.get("email").is_none());
}

#[tokio::test]
async fn a_pairwise_client_knows_people_by_a_name_of_its_own() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let pairwise = keyhaven_protocol::relying_party::SubjectType::Pairwise;
    let app = server.a_client().app().but(|client| client.party.subject_type = pairwise);
    let app = app.build().await;
    let mut browser = server.a_window_of(&ada).await;
    let tokens = browser.tokens(&server, &app, &[]).await;
    let subject = the(&claims_of(&tokens.id_token)["sub"]);
    assert_ne!(subject, ada.id.to_string());
    let told = server.get("/oauth2/userinfo").bearer(&tokens.access).send().await.expect(200);
    assert_eq!(told["sub"], subject.as_str());
    assert!(!tokens.access.contains(&ada.id.to_string()));
    // Disabling the person still ends what speaks for them.
    server.set_standing(&ada, Power::Disabled).await;
    let told = server.get("/oauth2/userinfo").bearer(&tokens.access).send().await;
    assert_eq!(told.status, 401);
}

#[tokio::test]
async fn an_organizations_members_prove_at_its_apps_what_it_demands() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let customer = server.a_stranger("eve@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    browser.code(&app, &[]).await;
    server.demand(server.organization, Demand::SecondFactor).await;
    let silent = asks(&app, &[("prompt", "none")]);
    let query = query_of(&browser.open(&silent).await);
    assert_eq!(query["error"], "login_required");
    assert_eq!(server.refusal().reason, "the organization demands a stronger sign-in");
    let asked = browser.open(&asks(&app, &[])).await;
    assert!(asked.header("location").ends_with("&again=stronger"), "{asked:?}");
    // Signing in again without a second factor leads nowhere, and says so to the app.
    let to = continuation_of(&asked);
    let again = server.a_session(&ada).await;
    browser.plant("__Host-sid", again.token.reveal());
    assert_eq!(query_of(&browser.open(&to).await)["error"], "access_denied");
    server.refusals();
    let both = Methods::of(Method::Password).and(Method::Totp);
    let strong = server.a_session_by(&ada, both).await;
    browser.plant("__Host-sid", strong.token.reveal());
    assert!(query_of(&browser.open(&silent).await).contains_key("code"));
    // Who does not belong to it is its customer.
    server.a_window_of(&customer).await.code(&app, &[]).await;
}
