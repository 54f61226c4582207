//! Proving again who one is, with an authenticator app: what a sign-in that ends with its code is worth
//! to the account pages and to an app that asks for a login of now.

use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::totp::Step;

use crate::harness::{
    APerson, AWindow, Answer, Server, asks, claims_of, continuation_of, query_of, the,
};

const PASSWORD: &str = "harbour lights at dusk";

/// Somebody with a password and an authenticator app, set up at the pages an hour ago.
async fn with_an_app<'a>(server: &'a Server) -> (APerson, AWindow<'a>) {
    let ada = server.a_person("ada@example.test").await;
    server.set_password(&ada, PASSWORD).await;
    let mut window = server.a_window_of(&ada).await;
    let page = window.open("/account/authenticator").await;
    let code = code(server, &ada).await;
    let answer = window.fill(&page, "/account/authenticator", &[("code", &code)]).await;
    assert!(answer.text().contains("recovery codes"), "{}", answer.text());
    server.present.pass(3_600);
    (ada, window)
}

/// What the app shows now.
async fn code(server: &Server, person: &APerson) -> String {
    let totp = server.app().store.find_totp(person.id).await.expect("storage works");
    let step = Step::at(Timestamp(server.present.now()));
    totp.expect("a seed").seed.code(step).reveal().to_owned()
}

/// Types the password where the sign-in leads; the page that asks for the code.
async fn type_password(window: &mut AWindow<'_>, to: &str, person: &APerson) -> Answer {
    let page = window.open(to).await;
    let typed = [("username", person.email.as_str()), ("password", PASSWORD)];
    let answer = window.fill(&page, "/login", &typed).await;
    let next = answer.header("location").to_owned();
    assert!(next.starts_with("/login/factor"), "{next}");
    window.open(&next).await
}

#[tokio::test]
async fn an_authenticators_code_is_what_makes_a_sign_in_fresh() {
    let server = Server::start().await;
    let (ada, mut window) = with_an_app(&server).await;
    let again = window.open("/account/email/new").await;
    assert_eq!(again.status, 303, "an hour is too long ago");
    let page = type_password(&mut window, again.header("location"), &ada).await;
    // The password alone proves nothing yet, and the old session is still an hour old.
    assert_eq!(window.open("/account/email/new").await.status, 303);
    let code = code(&server, &ada).await;
    let answer = window.fill(&page, "/login/factor", &[("code", &code)]).await;
    assert_eq!(answer.header("location"), "/account/email/new");
    let page = window.open("/account/email/new").await;
    let asked = window.fill(&page, "/account/email/new", &[("email", "ada@new.test")]).await;
    assert_eq!(asked.header("location"), "/account?done=address-asked");
    // Freshness is over a quarter of an hour after the code, not after the password.
    server.present.pass(15 * 60 - 1);
    assert_eq!(window.open("/account/email/new").await.status, 200);
    server.present.pass(1);
    assert_eq!(window.open("/account/email/new").await.status, 303);
}

#[tokio::test]
async fn an_app_that_asks_for_a_login_of_now_hears_of_the_code_and_its_time() {
    let server = Server::start().await;
    let app = server.a_client().app().build().await;
    let (ada, mut window) = with_an_app(&server).await;
    let claims = r#"{"id_token":{"amr":null}}"#;
    let request = asks(&app, &[("max_age", "600"), ("claims", claims)]);
    let sent = window.open(&request).await;
    let to = sent.header("location").to_owned();
    let back = continuation_of(&sent);
    let page = type_password(&mut window, &to, &ada).await;
    // Between the two steps the old login answers nothing: it is older than what the app accepts.
    assert_eq!(continuation_of(&window.open(&back).await), back);
    server.present.pass(40);
    let now = server.present.now();
    let code = code(&server, &ada).await;
    let answer = window.fill(&page, "/login/factor", &[("code", &code)]).await;
    assert_eq!(answer.header("location"), back);
    let page = window.open(&back).await;
    let query = query_of(&window.allow(&page).await);
    let body = server.redeem(&app, &query["code"]).await.expect(200);
    let claims = claims_of(&the(&body["id_token"]));
    assert_eq!(claims["auth_time"], now);
    let amr: Vec<_> = claims["amr"].as_array().into_iter().flatten().collect();
    assert!(amr.contains(&&"otp".into()) && amr.contains(&&"mfa".into()), "{claims}");
}
