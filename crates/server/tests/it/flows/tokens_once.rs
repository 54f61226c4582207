//! `Idempotency-Key` at the token endpoint: a client that did not hear the answer asks again and gets
//! the same tokens. Nothing dies of it that dies of a repetition without the key.

use std::collections::HashSet;

use futures_util::future::join_all;
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use keyhaven_protocol::time::Seconds;
use serde_json::{Value, json};

use crate::harness::{
    AClient, Answer, CALLBACK, JWT_BEARER, Place, Server, VERIFIER, assertion, key_set, proof, the,
};

on_every_engine![
    fifty_at_once_under_one_key_are_one_redemption,
    fifty_at_once_under_one_key_are_one_rotation,
    fifty_at_once_under_one_key_are_one_token_of_the_clients_own,
    of_two_requests_at_once_under_one_key_one_is_refused,
];

const REUSED: &str = "the idempotency key belongs to another request";

type Form<'a> = Vec<(&'a str, &'a str)>;

fn redemption(code: &str) -> Form<'_> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

fn refresh(token: &str) -> Form<'_> {
    vec![("grant_type", "refresh_token"), ("refresh_token", token)]
}

fn own() -> Form<'static> {
    vec![("grant_type", "client_credentials"), ("scope", "read")]
}

async fn once(server: &Server, client: &AClient, key: &str, form: &[(&str, &str)]) -> Answer {
    server.post("/oauth2/token").basic(client).header("idempotency-key", key).form(form).await
}

fn was_replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
}

/// One key, fifty times at once on two nodes: one answer. It, the others being its repetitions.
async fn raced(server: &Server, client: &AClient, form: Form<'_>) -> Value {
    let other = server.beside().await;
    let nodes = [server, &other];
    let answers = join_all((0..50).map(|n| once(nodes[n % 2], client, "one", &form))).await;
    let bodies: HashSet<String> = answers.iter().map(|it| it.expect(200).to_string()).collect();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(answers.iter().filter(|answer| !was_replayed(answer)).count(), 1);
    assert!(server.refusals().is_empty());
    answers[0].expect(200)
}

async fn fifty_at_once_under_one_key_are_one_redemption(place: Place) {
    let server = Server::on(&place, &[]).await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().opaque().build().await;
    let code = server.a_window_of(&ada).await.code(&app, &[]).await;
    let body = raced(&server, &app, redemption(&code)).await;
    assert!(server.is_active(&app, &the(&body["access_token"])).await);
    server.refresh(&app, &the(&body["refresh_token"])).await.expect(200);
}

async fn fifty_at_once_under_one_key_are_one_rotation(place: Place) {
    let server = Server::on(&place, &[]).await;
    let client = server.a_client().but(|client| client.refresh_grace = Seconds(0)).build().await;
    let (_, token) = server.tokens(&client).await;
    let body = raced(&server, &client, refresh(&token)).await;
    assert!(server.is_active(&client, &the(&body["access_token"])).await);
    server.refresh(&client, &the(&body["refresh_token"])).await.expect(200);
}

async fn fifty_at_once_under_one_key_are_one_token_of_the_clients_own(place: Place) {
    let server = Server::on(&place, &[]).await;
    let client = server.a_client().build().await;
    let body = raced(&server, &client, own()).await;
    assert!(server.is_active(&client, &the(&body["access_token"])).await);
}

async fn of_two_requests_at_once_under_one_key_one_is_refused(place: Place) {
    let server = Server::on(&place, &[]).await;
    let client = server.a_client().build().await;
    let other = [("grant_type", "client_credentials"), ("scope", "write")];
    let (read, write) = (own(), other.to_vec());
    let both = join_all([once(&server, &client, "k", &read), once(&server, &client, "k", &write)]);
    let mut statuses: Vec<_> = both.await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
}

#[tokio::test]
async fn a_lost_answer_is_given_again_for_a_minute_and_tells_the_life_that_is_left() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let code = server.a_window_of(&ada).await.code(&app, &[("scope", "openid")]).await;
    let first = once(&server, &app, "k", &redemption(&code)).await;
    assert!(!was_replayed(&first));
    let first = first.expect(200);
    server.present.pass(59);
    let again = once(&server, &app, "k", &redemption(&code)).await;
    assert!(was_replayed(&again));
    assert_eq!((again.header("cache-control"), again.header("pragma")), ("no-store", "no-cache"));
    let again = again.expect(200);
    for member in ["access_token", "refresh_token", "id_token", "scope", "token_type"] {
        assert_eq!(again.get(member), first.get(member), "{member}");
    }
    let life = |body: &Value| body["expires_in"].as_i64().expect("a number");
    assert_eq!(life(&again), life(&first) - 59);
    server.present.pass(1);
    let late = once(&server, &app, "k", &redemption(&code)).await;
    late.refused(&server, 400, "invalid_grant", "code was used before");
}

#[tokio::test]
async fn without_its_key_a_repetition_is_what_it_was() {
    let server = Server::start().await;
    let client = server.a_client().but(|client| client.refresh_grace = Seconds(0)).build().await;
    let (_, token) = server.tokens(&client).await;
    let body = once(&server, &client, "k", &refresh(&token)).await.expect(200);
    let other = once(&server, &client, "another", &refresh(&token)).await;
    other.refused(&server, 400, "invalid_grant", "a spent refresh token was used again");
    assert!(!server.is_active(&client, &the(&body["access_token"])).await, "the family is ended");
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_client() {
    let server = Server::start().await;
    let (client, other) = (server.a_client().build().await, server.a_client().build().await);
    let first = once(&server, &client, "k", &own()).await.expect(200);
    let wider = [("grant_type", "client_credentials"), ("scope", "read write")];
    let answer = once(&server, &client, "k", &wider).await;
    answer.refused(&server, 409, "idempotency_key_reused", REUSED);
    let theirs = once(&server, &other, "k", &own()).await;
    assert!(!was_replayed(&theirs));
    assert_ne!(theirs.expect(200)["access_token"], first["access_token"]);
    let guessed = AClient { secret: "kh_secret_x".into(), ..client.clone() };
    let answer = once(&server, &guessed, "k", &own()).await;
    answer.refused(&server, 401, "invalid_client", "wrong client secret");
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free_and_a_malformed_key_is_refused() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let beyond = [("grant_type", "client_credentials"), ("scope", "beyond")];
    let answer = once(&server, &client, "k", &beyond).await;
    answer.refused(&server, 400, "invalid_scope", "scope is wider than allowed");
    once(&server, &client, "k", &own()).await.expect(200);
    for key in ["", "a b", &"x".repeat(256)] {
        let answer = once(&server, &client, key, &own()).await;
        let reason = "Idempotency-Key has 1 to 255 visible ASCII characters";
        answer.refused(&server, 400, "invalid_request", reason);
    }
}

#[tokio::test]
async fn the_json_form_repeats_itself_too_and_not_the_other_form() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let body = json!({"grant_type": "client_credentials", "scope": "read"});
    let ask = async |key: &str, body: &Value| {
        let ask = server.post("/oauth2/token").basic(&client).header("idempotency-key", key);
        ask.json(body.clone()).await
    };
    let (first, again) = (ask("k", &body).await, ask("k", &body).await);
    assert_eq!((was_replayed(&first), was_replayed(&again)), (false, true));
    assert_eq!(first.expect(200), again.expect(200));
    let answer = once(&server, &client, "k", &own()).await;
    answer.refused(&server, 409, "idempotency_key_reused", REUSED);
    once(&server, &client, "form", &own()).await.expect(200);
    ask("form", &body).await.refused(&server, 409, "idempotency_key_reused", REUSED);
}

#[tokio::test]
async fn every_repetition_proves_itself_anew_and_holds_the_same_key() {
    let server = Server::start().await;
    let (key, holder, thief) = (a_key(), a_key(), a_key());
    let client = server.a_client().assertions(&key_set(&key), "ES256").build().await;
    let ask = async |assertion: &str, proof: &str| {
        let proved = [("client_assertion_type", JWT_BEARER), ("client_assertion", assertion)];
        let ask = server.post("/oauth2/token").header("idempotency-key", "k");
        ask.header("dpop", proof).form(&[own().as_slice(), &proved].concat()).await
    };
    let sign = || assertion(&server, &client, &key, json!({}));
    let prove = |by: &SigningKey| proof(&server, by, "POST", "/oauth2/token");
    let (spent, shown) = (sign(), prove(&holder));
    let first = ask(&spent, &shown).await.expect(200);
    assert_eq!(first["token_type"], "DPoP");
    let again = ask(&sign(), &prove(&holder)).await;
    assert!(was_replayed(&again));
    assert_eq!(again.expect(200), first);
    let answer = ask(&spent, &prove(&holder)).await;
    answer.refused(&server, 401, "invalid_client", "assertion was used before");
    let answer = ask(&sign(), &shown).await;
    answer.refused(&server, 400, "invalid_dpop_proof", "DPoP proof was used before");
    let answer = ask(&sign(), &prove(&thief)).await;
    answer.refused(&server, 409, "idempotency_key_reused", REUSED);
}

fn a_key() -> SigningKey {
    SigningKey::generate(Algorithm::Es256).expect("a key")
}

#[tokio::test]
async fn a_request_without_a_key_keeps_nothing_and_one_with_it_adds_no_visit() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let mut window = server.a_window_of(&ada).await;
    let codes = [window.code(&app, &[]).await, window.code(&app, &[]).await];
    server.redeem(&app, &window.code(&app, &[]).await).await.expect(200);
    let since = |commits: u64| (server.database.commits() - commits, server.database.reads());
    let (commits, _) = (server.database.commits(), server.database.reads());
    server.redeem(&app, &codes[0]).await.expect(200);
    let plain = since(commits);
    let commits = server.database.commits();
    once(&server, &app, "k", &redemption(&codes[1])).await.expect(200);
    assert_eq!(since(commits), plain);
    assert_eq!((plain.0, plain.1.contains(&"idempotency.find")), (1, false));
}

#[tokio::test]
async fn what_is_kept_shows_no_token_and_leaves() {
    let server = Server::start().await;
    let client = server.a_client().opaque().build().await;
    let (_, token) = server.tokens(&client).await;
    let body = once(&server, &client, "k", &refresh(&token)).await.expect(200);
    let mut kept = Vec::new();
    for name in ["keyhaven.db", "keyhaven.db-wal"] {
        kept.extend(std::fs::read(server.place().data().join(name)).unwrap_or_default());
    }
    assert!(kept.len() > 100_000, "the database is there");
    for text in [the(&body["access_token"]), the(&body["refresh_token"]), token] {
        let secret = &text[text.len() - 40..];
        assert!(!kept.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}
