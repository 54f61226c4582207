//! `/connectors/{id}/oauth/authorize` and `/connectors/oauth/callback`, as their contract has them:
//! redirected or as JSON, under both mounts, and with the token step of the published clients.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use keyhaven_fake_provider::{Act, Consent, Endpoint, Rules};
use keyhaven_store::memberships::Role;
use serde_json::{Value, json};

use crate::harness::{Server, path_of, the};
use crate::small_server::SmallServer;
use crate::wire::Wire;

const HUB: &str = "baseUrl=https%3A%2F%2Fhub.example";

#[tokio::test]
async fn the_contract_s_requests_are_answered_as_published() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    for mount in ["", "/api/v1"] {
        let bearer = connector.token_for(&server, "connector:read").await;
        let path = format!("{mount}/connectors/{}/oauth/authorize?{HUB}", connector.id);
        let asked = server
            .get(&path)
            .header("Accept", "application/json")
            .header("authorization", format!("Bearer {bearer}"))
            .header("cookie", "")
            .header("user-agent", "speakeasy-sdk/typescript 0.1.0 2.845.1 1.0.0 @pipeshub/sdk")
            .header("sec-fetch-mode", "cors");
        let started = asked.send().await.expect(200);
        assert_eq!(started["success"], true);
        let state = the(&started["state"]);
        let inner = URL_SAFE.decode(&state).expect("URL-safe base64 with padding");
        let inner: Value = serde_json::from_slice(&inner).expect("JSON");
        assert_eq!(inner["connector_id"], connector.id);
        let url = the(&started["authorizationUrl"]);
        for part in ["client_id=fake-client", "response_type=code", "code_challenge_method=S256"] {
            assert!(url.contains(part), "{url} lacks {part}");
        }
        let back = connector.fake.consent(&url).expect("consent");
        let query = back.split_once('?').expect("a query").1;
        // The generated client sends the callback without credentials and takes 302 only.
        let path = format!("{mount}/connectors/oauth/callback?{HUB}&{query}");
        let done = server.get(&path).header("Accept", "*/*").header("cookie", "").send().await;
        assert_eq!(done.status, 302, "{}", done.text());
        let page = "https://hub.example/account/individual/settings/connector";
        assert_eq!(done.header("location"), format!("{page}/{}", connector.id));
        assert_eq!(done.header("referrer-policy"), "no-referrer");
        assert!(done.body.is_empty());
    }
    assert_eq!(connector.connections(&server).await.len(), 1);
}

#[tokio::test]
async fn the_published_clients_fetch_their_token_under_the_api_prefix() {
    let server = Server::with_providers().await;
    let client = server.a_client().scopes("connector:read").post().build().await;
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", client.id.as_str()),
        ("client_secret", client.secret.as_str()),
        ("scope", "connector:read"),
    ];
    let token = server.post("/api/v1/oauth/token").form(&form).await.expect(200);
    assert_eq!(token["token_type"], "Bearer");
    assert!(token["expires_in"].is_i64());
}

#[tokio::test]
async fn whoever_sends_a_credential_or_prefers_json_gets_json() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let person = server.a_person("ada@example.test").await;
    let session = server.a_session(&person).await;
    let session = session.token.reveal();
    let path = format!("/connectors/{}/oauth/authorize?{HUB}", connector.id);
    let url = the(&server.get(&path).bearer(session).send().await.expect(200)["authorizationUrl"]);
    let back = connector.fake.consent(&url).expect("consent");
    let query = back.split_once('?').expect("a query").1;
    let path = format!("/connectors/oauth/callback?{query}&error=null");
    let other = server.a_person("eve@example.test").await;
    let eve = server.a_session(&other).await;
    let crossed = server.get(&path).bearer(eve.token.reveal()).send().await;
    assert_eq!(crossed.status, 400, "another user finished the flow: {}", crossed.text());
    let done = server.get(&path).bearer(session).send().await.expect(200);
    assert_eq!(done["success"], true, "{done}");
    let page = "https://hub.example/account/individual/settings/connector/";
    assert_eq!(done["redirectUrl"], format!("{page}{}", connector.id));
    let again = server.get(&path).header("Accept", "application/json").send().await.expect(200);
    assert_eq!(again, done, "a second arrival gets the outcome of the first");
    assert_eq!(connector.fake.exchanges(), 1);
    let id = connector.connections(&server).await.remove(0);
    assert_eq!(connector.shown(&server, &id).await["user"], person.id.to_string());
}

#[tokio::test]
async fn a_callback_without_its_browser_waits_for_its_user() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let person = server.a_person("ada@example.test").await;
    let session = server.a_session(&person).await;
    let session = session.token.reveal();
    let path = format!("/connectors/{}/oauth/authorize", connector.id);
    let started = server.get(&path).bearer(session).send().await;
    let cookie = started.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-kh_flow_") && cookie.contains("HttpOnly"), "{cookie}");
    let url = the(&started.expect(200)["authorizationUrl"]);
    let back = connector.fake.consent(&url).expect("consent");
    let held = server.get(path_of(&back)).send().await;
    assert_eq!(held.status, 302);
    let location = held.header("location").to_owned();
    assert!(location.contains("/confirm?ticket="), "{location}");
    let id = connector.connections(&server).await.remove(0);
    assert_eq!(connector.shown(&server, &id).await["status"], "pending");
    connector.token(&server, &id).await.expect(404);
    let ticket = location.split_once("ticket=").expect("a ticket").1;
    let path = format!("/v1/connections/{id}/confirmation");
    let confirm = async |token: &str, ticket: &str| {
        server.post(&path).bearer(token).json(json!({ "ticket": ticket })).await
    };
    let eve = server.a_session(&server.a_person("eve@example.test").await).await;
    assert_eq!(confirm(eve.token.reveal(), ticket).await.status, 404, "somebody else's");
    assert_eq!(confirm(session, "AAAA").await.status, 400, "without the browser's ticket");
    assert_eq!(confirm(session, ticket).await.expect(200)["status"], "active");
    connector.token(&server, &id).await.expect(200);
}

#[tokio::test]
async fn a_callback_in_the_browser_that_started_it_is_done() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let session = server.a_session(&server.a_person("ada@example.test").await).await;
    let path = format!("/connectors/{}/oauth/authorize", connector.id);
    let started = server.get(&path).bearer(session.token.reveal()).send().await;
    let cookie = started.header("set-cookie").split(';').next().expect("a pair").to_owned();
    let url = the(&started.expect(200)["authorizationUrl"]);
    let back = connector.fake.consent(&url).expect("consent");
    let done = server.get(path_of(&back)).header("cookie", &cookie).send().await;
    assert!(done.header("location").starts_with("https://hub.example/account/"), "{done:?}");
    let id = connector.connections(&server).await.remove(0);
    assert_eq!(connector.shown(&server, &id).await["status"], "active");
}

#[tokio::test]
async fn endings_carry_fixed_words_only() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let word = async || {
        let back = connector.fake.consent(&connector.start(&server).await).expect("consent");
        let answer = server.get(path_of(&back)).send().await;
        assert_eq!(answer.status, 302, "{}", answer.text());
        answer.header("location").split_once("oauth_error=").expect("an error").1.to_owned()
    };
    connector.fake.change(|rules| rules.consent = Consent::Deny);
    assert_eq!(word().await, "access_denied");
    connector.fake.change(|rules| rules.consent = Consent::Approve);
    connector
        .fake
        .next(Endpoint::Token, Act::Refuse(401, "invalid_client".into(), "<b>no</b>".into()));
    assert_eq!(word().await, "connector_misconfigured");
    connector.fake.next(Endpoint::Token, Act::Html(500));
    assert_eq!(word().await, "server_error");
    connector.fake.next(Endpoint::Token, Act::ActAndWrongTypes);
    assert_eq!(word().await, "invalid_token");
    assert!(connector.connections(&server).await.is_empty());
}

#[tokio::test]
async fn whoever_may_not_start_a_flow_hears_the_family_s_words() {
    let server = Server::with_providers().await;
    let team = json!({ "sharing": "organization" });
    let connector = server.a_connector_with(Rules::default(), json!({}), team).await;
    let path = format!("/connectors/{}/oauth/authorize", connector.id);
    let refused = async |token: Option<&str>, path: &str, status, code: &str| {
        let ask = server.get(path);
        let ask = if let Some(token) = token { ask.bearer(token) } else { ask };
        let body = ask.send().await.expect(status);
        assert_eq!(body["error"]["code"], code, "{body}");
        assert!(body["error"]["message"].is_string());
    };
    refused(None, &path, 401, "HTTP_UNAUTHORIZED").await;
    refused(Some("kh_access_nonsense"), &path, 401, "HTTP_UNAUTHORIZED").await;
    let bearer = connector.token_for(&server, "connector:read").await;
    let nowhere = "/connectors/connector-1/oauth/authorize";
    refused(Some(&bearer), nowhere, 404, "HTTP_NOT_FOUND").await;
    let evil = format!("{path}?baseUrl=https%3A%2F%2Fhub.example.evil.example");
    refused(Some(&bearer), &evil, 400, "HTTP_BAD_REQUEST").await;
    let member = server.a_person("ada@example.test").await;
    let member = server.a_session(&member).await;
    refused(Some(member.token.reveal()), &path, 403, "HTTP_FORBIDDEN").await;
    let boss = server.a_stranger("boss@example.test").await;
    server.join(&boss, server.organization, Role::Admin).await;
    let boss = server.a_session(&boss).await;
    server.get(&path).bearer(boss.token.reveal()).send().await.expect(200);
    let other = server.an_organization("South", "south").await;
    let stranger = server.a_client().of(other).scopes("connector:read").build().await;
    let stranger = server.token(&stranger).await;
    refused(Some(&stranger), &path, 404, "HTTP_NOT_FOUND").await;
}

#[tokio::test]
async fn the_link_of_a_dead_connection_leads_its_user_to_the_provider_and_back() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let person = server.a_person("ada@example.test").await;
    let session = server.a_session(&person).await;
    let sid = format!("__Host-sid={}", session.token.reveal());
    let path = format!("/connectors/{}/oauth/authorize", connector.id);
    let started = server.get(&path).bearer(session.token.reveal()).send().await;
    let cookie = started.header("set-cookie").split(';').next().expect("a pair").to_owned();
    let back = connector.fake.consent(&the(&started.expect(200)["authorizationUrl"]));
    let done = server.get(path_of(&back.expect("consent"))).header("cookie", &cookie).send().await;
    assert_eq!(done.status, 302);
    let id = connector.connections(&server).await.remove(0);
    let link = format!("/connections/{id}/reconnect");
    let nobody = server.get(&link).send().await;
    assert!(nobody.header("location").starts_with("/login?continue="), "{nobody:?}");
    let eve = server.a_session(&server.a_person("eve@example.test").await).await;
    let eve = format!("__Host-sid={}", eve.token.reveal());
    assert_eq!(server.get(&link).header("cookie", &eve).send().await.status, 404);
    let page = server.get(&link).header("cookie", &sid).send().await;
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    let token = text.split_once("name=\"form_token\" value=\"").expect("a token").1;
    let token = token.split('"').next().expect("a value");
    let ask = server.post(&link).header("cookie", &sid).header("origin", crate::harness::ISSUER);
    let sent = ask.form(&[("form_token", token)]).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    server.present.pass_millis(1);
    let flow = sent.header("set-cookie").split(';').next().expect("a pair").to_owned();
    let back = connector.fake.consent(sent.header("location")).expect("consent");
    let done = server.get(path_of(&back)).header("cookie", &flow).send().await;
    assert!(done.header("location").starts_with("https://hub.example/account/"), "{done:?}");
    assert_eq!(connector.timeline(&server, &id).await, ["connected", "reconnected"]);
}

/// A key is for the APIs behind this server (DESIGN.md says why).
#[tokio::test]
async fn an_api_key_is_no_bearer_of_this_family() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let key = server.a_key(json!({ "scopes": "connector:read connector:write" })).await;
    let path = format!("/connectors/{}/oauth/authorize?{HUB}", connector.id);
    server.refusals();
    let refused = server.get(&path).bearer(&key.text).send().await.expect(401);
    assert_eq!(refused["error"]["code"], "HTTP_UNAUTHORIZED", "{refused}");
    assert_eq!(server.refusal().reason, "the token is for another audience");
    let path = "/connectors/oauth/callback?code=c&state=s";
    server.get(path).bearer(&key.text).send().await.expect(401);
    assert_eq!(server.refusal().reason, "the token is for another audience");
}

/// What every request of the published client says, to the byte.
const SEED: &str = "user-agent: speakeasy-sdk/typescript 0.1.0 2.845.1 1.0.0 @pipeshub/sdk\r\n\
                    accept-language: *\r\nsec-fetch-mode: cors\r\n\
                    accept-encoding: gzip, deflate\r\n\r\n";

#[tokio::test]
async fn the_contract_s_requests_are_answered_byte_for_byte_on_one_kept_connection() {
    let server = Server::with_providers().await;
    // The published callback carries no issuer.
    let silent = json!({ "callback": {} });
    let connector = server.a_connector_with(Rules::default(), silent, json!({})).await;
    let client = server.a_client().scopes("connector:read").post().build().await;
    let routes = keyhaven::routes::public(server.app.clone());
    let front = SmallServer::start_with(routes, |_| {}).await;
    let mut wire = Wire::open(front.address).await;
    let host = "host: 127.0.0.1:8080\r\nconnection: keep-alive\r\n";
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope=connector%3Aread",
        client.id, client.secret
    );
    wire.send(format!(
        "POST /api/v1/oauth/token HTTP/1.1\r\n{host}\
         Content-Type: application/x-www-form-urlencoded\r\naccept: */*\r\n\
         accept-language: *\r\nsec-fetch-mode: cors\r\nuser-agent: node\r\n\
         accept-encoding: gzip, deflate\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    ))
    .await;
    let answer = wire.answer().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token: Value = serde_json::from_str(&answer.body).expect("JSON");
    wire.send(format!(
        "GET /api/v1/connectors/{}/oauth/authorize?{HUB} HTTP/1.1\r\n{host}\
         Accept: application/json\r\nauthorization: Bearer {}\r\ncookie: \r\n{SEED}",
        connector.id,
        the(&token["access_token"])
    ))
    .await;
    let answer = wire.answer().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let started: Value = serde_json::from_str(&answer.body).expect("JSON");
    let mut members: Vec<_> = started.as_object().expect("an object").keys().collect();
    members.sort_unstable();
    assert_eq!(members, ["authorizationUrl", "state", "success"]);
    let back = connector.fake.consent(&the(&started["authorizationUrl"])).expect("consent");
    let back = url::Url::parse(&back).expect("a URL");
    let of = |wanted: &str| {
        let found = back.query_pairs().find(|(name, _)| name == wanted).expect("a parameter");
        form_urlencoded::byte_serialize(found.1.as_bytes()).collect::<String>()
    };
    assert_eq!(of("state"), of_text(&the(&started["state"])), "as it was sent");
    wire.send(format!(
        "GET /api/v1/connectors/oauth/callback?{HUB}&code={}&state={} HTTP/1.1\r\n{host}\
         Accept: */*\r\ncookie: \r\n{SEED}",
        of("code"),
        of("state")
    ))
    .await;
    let answer = wire.answer().await;
    assert_eq!((answer.status, answer.field("content-length")), (302, Some("0")), "{answer:?}");
    let settings = "https://hub.example/account/individual/settings/connector";
    assert_eq!(answer.field("location"), Some(&*format!("{settings}/{}", connector.id)));
}

fn of_text(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
