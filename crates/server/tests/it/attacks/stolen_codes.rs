//! A06, A27, A28, A30, F12: a code is worth something once, to the client that asked for it, with the
//! verifier and redirect it asked with.

use futures_util::future::join_all;

use crate::harness::{CALLBACK, Place, Server, VERIFIER};

on_every_engine![f12_fifty_redeemers_at_once_get_one_answer_and_its_tokens_die];

#[tokio::test]
async fn a27_another_clients_code_is_refused_and_stays_good() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let thief = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let code = browser.code(&app, &[]).await;
    let answer = server.redeem(&thief, &code).await;
    answer.refused(&server, 400, "invalid_grant", "code belongs to another client");
    server.redeem(&app, &code).await.expect(200);
    // Even a spent one: the thief ends nothing.
    let answer = server.redeem(&thief, &code).await;
    answer.refused(&server, 400, "invalid_grant", "code belongs to another client");
}

#[tokio::test]
async fn a28_a06_the_redirect_and_the_verifier_are_those_of_the_request() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().but(|client| {
        client.party.redirect_uris.push("https://app.test/other".into());
    });
    let app = app.build().await;
    let mut browser = server.a_window_of(&ada).await;
    let code = browser.code(&app, &[]).await;
    let other = "x".repeat(43);
    let cases: [(&str, &str, &str); 4] = [
        ("https://app.test/other", VERIFIER, "redirect_uri is not the one the code was sent to"),
        ("", VERIFIER, "redirect_uri is missing"),
        (CALLBACK, "", "code_verifier is missing"),
        (CALLBACK, &other, "code_verifier does not fit the challenge"),
    ];
    for (redirect, verifier, reason) in cases {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ];
        let answer = server.post("/oauth2/token").basic(&app).form(&form).await;
        answer.refused(&server, 400, "invalid_grant", reason);
    }
    server.redeem(&app, &code).await.expect(200);
}

#[tokio::test]
async fn a30_a_replayed_code_ends_what_it_made() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    for format in ["jwt", "opaque"] {
        let app = server.a_client().app();
        let app = if format == "opaque" { app.opaque() } else { app };
        let app = app.build().await;
        let mut browser = server.a_window_of(&ada).await;
        let tokens = browser.tokens(&server, &app, &[]).await;
        server.get("/oauth2/userinfo").bearer(&tokens.access).send().await.expect(200);
        server.present.pass(30);
        let answer = server.redeem(&app, &tokens.code).await;
        answer.refused(&server, 400, "invalid_grant", "code was used before");
        let told = server.get("/oauth2/userinfo").bearer(&tokens.access).send().await;
        assert_eq!(told.status, 401, "{format}");
        assert_eq!(server.refusal().reason, "the grant of the access token was revoked");
        let answer = server.refresh(&app, &tokens.refresh).await;
        answer.refused(&server, 400, "invalid_grant", "refresh family is revoked");
    }
}

#[tokio::test]
async fn a47_an_id_token_opens_nothing() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let tokens = browser.tokens(&server, &app, &[]).await;
    let told = server.get("/oauth2/userinfo").bearer(&tokens.id_token).send().await;
    assert_eq!(told.status, 401);
    assert_eq!(server.refusal().reason, "an ID token is not an access token");
}

async fn f12_fifty_redeemers_at_once_get_one_answer_and_its_tokens_die(place: Place) {
    let server = Server::on(&place, &[]).await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&ada).await;
    let code = browser.code(&app, &[]).await;
    let answers = join_all((0..50).map(|_| server.redeem(&app, &code))).await;
    let good: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert!(good.len() <= 1, "{} got tokens", good.len());
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 400)));
    for answer in good {
        let (access, refresh) = answer.pair();
        let told = server.get("/oauth2/userinfo").bearer(&access).send().await;
        assert_eq!(told.status, 401);
        assert_eq!(server.refresh(&app, &refresh).await.status, 400);
    }
    let reasons: Vec<_> = server.refusals().into_iter().map(|refusal| refusal.reason).collect();
    assert!(reasons.iter().any(|reason| reason == "code was used before"), "{reasons:?}");
}
