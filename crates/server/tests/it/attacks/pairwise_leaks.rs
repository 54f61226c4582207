//! Two clients that put together what they know of a person who signs in at both: with pairwise names
//! there is no word that both have, wherever they ask about the tokens they hold (OpenID Connect Core
//! §8.1, §17.3).

use std::collections::BTreeSet;

use keyhaven::api::administrator::Administrator;
use keyhaven_protocol::relying_party::SubjectType;
use keyhaven_store::Reach;
use serde_json::{Value, json};

use crate::harness::{AClient, APerson, ISSUER, Server, claims_of, the};

/// A client of this sector that hears of logouts.
async fn a_pairwise_client(server: &Server, sector: &str) -> AClient {
    let sector = sector.to_owned();
    let client = server.a_client().app().but(|client| {
        client.party.subject_type = SubjectType::Pairwise;
        client.party.backchannel_logout_uri = Some(format!("https://{sector}/out"));
        client.party.sector = Some(sector);
    });
    client.build().await
}

/// Every text in a document that is long enough to name somebody.
fn words(document: &Value, into: &mut BTreeSet<String>) {
    match document {
        Value::String(text) if text.len() >= 20 => drop(into.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| words(item, into)),
        Value::Object(members) => members.values().for_each(|item| words(item, into)),
        _ => {}
    }
}

/// Everything a client learns of the person, and the ID token it keeps.
async fn learnt(server: &Server, client: &AClient, person: &APerson) -> (BTreeSet<String>, String) {
    let session = server.a_window_of(person);
    learnt_in(server, client, session.await).await
}

async fn learnt_in(
    server: &Server,
    client: &AClient,
    mut window: crate::harness::AWindow<'_>,
) -> (BTreeSet<String>, String) {
    let tokens = window.tokens(server, client, &[("scope", "openid read")]).await;
    let mut all = BTreeSet::new();
    words(&claims_of(&tokens.id_token), &mut all);
    words(&claims_of(&tokens.access), &mut all);
    let told = server.get("/oauth2/userinfo").bearer(&tokens.access).send().await;
    words(&told.expect(200), &mut all);
    let form = [("token", tokens.access.as_str())];
    let told = server.post("/oauth2/introspect").basic(client).form(&form).await;
    words(&told.expect(200), &mut all);
    let told = server.post("/v1/check").json(json!({ "credential": tokens.access })).await;
    words(&told.expect(200), &mut all);
    let told = server.get("/v1/forward-auth").bearer(&tokens.access).send().await;
    assert_eq!(told.status, 200);
    all.extend(told.headers.values().map(|value| value.to_str().expect("ASCII").to_owned()));
    (all, tokens.id_token)
}

#[tokio::test]
async fn clients_of_two_sectors_have_no_word_for_a_person_in_common() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let here = a_pairwise_client(&server, "a.test").await;
    let there = a_pairwise_client(&server, "b.test").await;
    let opened = server.a_session(&ada).await;
    let sid = opened.token.reveal();
    let window = || {
        let mut window = server.a_window();
        window.plant("__Host-sid", sid);
        window
    };
    let (mine, hint) = learnt_in(&server, &here, window()).await;
    let (yours, _) = learnt_in(&server, &there, window()).await;
    let known = [ISSUER.to_owned(), server.organization.to_string()];
    let of_everybody = |word: &&String| {
        known.contains(word)
            || word.starts_with("urn:keyhaven:acr:")
            || word.contains("; ")
            || word.contains('/')
            || word.contains("no-store")
    };
    let shared: Vec<_> = mine.intersection(&yours).filter(|word| word.len() >= 20).collect();
    let shared: Vec<_> = shared.into_iter().filter(|word| !of_everybody(word)).collect();
    assert!(shared.is_empty(), "{shared:?}");
    let session = server.signed_in(&opened).await.session.id.to_string();
    for word in mine.iter().chain(&yours) {
        assert!(!word.contains(&ada.id.to_string()) && !word.contains(&session), "{word}");
    }
    // The session's name is still one that the client may end it by.
    assert_eq!(the(&claims_of(&hint)["sid"]).len(), 43);
    let ended = window().open(&format!("/oauth2/logout?id_token_hint={hint}")).await;
    assert_eq!((ended.status, ended.header("location")), (303, "/logged-out"));
    assert_eq!(window().open("/account").await.status, 303);
}

#[tokio::test]
async fn a_client_that_is_not_pairwise_is_told_the_user() {
    let server = Server::start().await;
    let ada = server.a_person("ada@example.test").await;
    let app = server.a_client().app().build().await;
    let (all, _) = learnt(&server, &app, &ada).await;
    assert!(all.contains(&ada.id.to_string()));
}

#[tokio::test]
async fn a_tenant_does_not_get_the_names_of_another_ones_sector() {
    let server = Server::start().await;
    let administrator = || Administrator {
        reach: Reach::Organization(server.organization),
        actor: "test:administrator".into(),
    };
    let body = |uris: &[&str], sector: Option<&str>| {
        json!({
            "name": "x", "grant_types": ["authorization_code"], "redirect_uris": uris,
            "sign_in": {"subject_type": "pairwise", "sector": sector},
        })
    };
    let create = |body| server.post("/v1/clients").administered_by(administrator()).json(body);
    let (own, other) = ("https://a.test/cb", "https://b.test/cb");
    for wrong in [body(&[own], Some("victim.test")), body(&[own, other], None)] {
        let refused = create(wrong).await.expect(400);
        assert_eq!(refused["errors"][0]["pointer"], "/sign_in/sector", "{refused}");
    }
    let made = create(body(&[own, other], Some("b.test"))).await.expect(201);
    let path = format!("/v1/clients/{}", the(&made["client_id"]));
    let moved = json!({ "redirect_uris": [own] });
    let refused = server.ask("PATCH", &path).administered_by(administrator()).json(moved).await;
    assert_eq!(refused.expect(400)["errors"][0]["pointer"], "/sign_in/sector");
}
