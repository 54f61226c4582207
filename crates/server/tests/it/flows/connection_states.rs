//! Every way from one state of a connection to another: what leads there, what is shown, what the
//! timeline says, and what webhooks are told. The rules alone are in `protocol::connection::state`.
//!
//! | From | To | By | Told |
//! |---|---|---|---|
//! | (none) | active | callback | created |
//! | (none) | pending | callback without its browser | nothing |
//! | pending | active | its user's click | created |
//! | pending | revoked | nobody's click in time | revoked |
//! | active | refreshing, and back | a lease, which is no stored state | refreshed |
//! | active | active | a passing failure | nothing |
//! | active | error | a week of passing failures | error |
//! | error | active | the next success | recovered |
//! | active | `needs_reauth` | a dead grant | needs_reauth |
//! | active | expired | an ended token that nothing renews | needs_reauth |
//! | `needs_reauth`, expired, error | active | authorized again, same account | recovered |
//! | any | revoked | its user, an administrator, the grant above it | revoked |
//! | active | active | other scopes than before | scopes_changed |

use keyhaven::jobs::RefreshDue;
use keyhaven_fake_provider::{Act, Consent, Endpoint, Gate, Rules};
use serde_json::{Value, json};

use crate::harness::{Connector, Server, path_of, the};

const EVENTS: [&str; 7] = [
    "connection.created",
    "connection.refreshed",
    "connection.needs_reauth",
    "connection.error",
    "connection.recovered",
    "connection.revoked",
    "connection.scopes_changed",
];

const WEEK: u64 = 7 * 86_400;

/// A server whose outbox keeps everything, and a connector.
async fn begun(definition: Value) -> (Server, Connector) {
    let server = Server::with_providers().await;
    let connector = server.a_connector_with(Rules::default(), definition, json!({})).await;
    let path = format!("/v1/organizations/{}/webhook-endpoints", server.organization);
    let body = json!({ "url": "http://127.0.0.1:9/hooks", "events": EVENTS });
    server.post(&path).bearer(&connector.admin(&server).await).json(body).await.expect(201);
    (server, connector)
}

fn unrenewable() -> Value {
    json!({ "refresh": { "kind": "none" } })
}

/// What webhooks are told since the last call, in order.
async fn told(server: &Server) -> Vec<String> {
    server.announced().await.into_iter().map(|(event, _)| event).collect()
}

/// State and reason as they are shown.
async fn state(server: &Server, connector: &Connector, connection: &str) -> (String, Value) {
    let shown = connector.shown(server, connection).await;
    (the(&shown["status"]), shown["reason"].clone())
}

async fn last(server: &Server, connector: &Connector, connection: &str) -> String {
    connector.timeline(server, connection).await.pop().expect("an event")
}

/// Authorizes a connection again; where its user is sent.
async fn reconnect(server: &Server, connector: &Connector, connection: &str) -> String {
    server.present.pass_millis(1);
    let path = format!("/v1/connections/{connection}/authorization");
    let started = server.post(&path).bearer(&connector.admin(server).await).json(json!({})).await;
    let url = the(&started.expect(200)["authorization_url"]);
    let back = connector.fake.consent(&url).expect("consent");
    server.get(path_of(&back)).send().await.header("location").to_owned()
}

async fn revoke(server: &Server, connector: &Connector, connection: &str) {
    server.present.pass_millis(1);
    let path = format!("/v1/connections/{connection}");
    let ended = server.ask("DELETE", &path).bearer(&connector.admin(server).await).send().await;
    assert_eq!(ended.status, 204, "{}", ended.text());
}

/// A connection whose callback came without the browser of its user.
async fn unconfirmed(server: &Server, connector: &Connector) -> String {
    let person = server.a_person("ada@example.test").await;
    let session = server.a_session(&person).await;
    let path = format!("/connectors/{}/oauth/authorize", connector.id);
    let started = server.get(&path).bearer(session.token.reveal()).send().await.expect(200);
    let back = connector.fake.consent(&the(&started["authorizationUrl"])).expect("consent");
    assert_eq!(server.get(path_of(&back)).send().await.status, 302);
    connector.connections(server).await.pop().expect("a connection")
}

async fn dead(server: &Server, connector: &Connector) -> String {
    let connection = connector.connect(server).await;
    connector.fake.end_all_grants();
    server.present.pass(3_600);
    connector.token(server, &connection).await.expect(409);
    connection
}

async fn failing_for_a_week(server: &Server, connector: &Connector) -> String {
    let connection = connector.connect(server).await;
    server.present.pass(3_600);
    connector.fake.always(Endpoint::Token, Some(Act::Html(503)));
    for _ in 0..=WEEK / 3_601 + 1 {
        connector.token(server, &connection).await.expect(503);
        server.present.pass(3_601);
    }
    connector.fake.always(Endpoint::Token, None);
    connection
}

async fn expired(server: &Server, connector: &Connector) -> String {
    let connection = connector.connect(server).await;
    server.present.pass(3_600);
    let ended = connector.token(server, &connection).await.expect(409);
    assert_eq!(ended["reason"], "access_ended", "{ended}");
    connection
}

#[tokio::test]
async fn a_callback_makes_it_active() {
    let (server, connector) = begun(json!({})).await;
    let connection = connector.connect(&server).await;
    assert_eq!(state(&server, &connector, &connection).await, ("active".into(), Value::Null));
    assert_eq!(connector.timeline(&server, &connection).await, ["connected"]);
    assert_eq!(told(&server).await, ["connection.created"]);
}

#[tokio::test]
async fn one_that_nobody_confirms_ends_and_is_no_use_meanwhile() {
    let (server, connector) = begun(json!({})).await;
    let connection = unconfirmed(&server, &connector).await;
    let pending = ("pending".to_owned(), json!("unconfirmed"));
    assert_eq!(state(&server, &connector, &connection).await, pending);
    connector.token(&server, &connection).await.expect(404);
    assert_eq!(told(&server).await, Vec::<String>::new());
    server.present.pass(86_400);
    let mut scheduler = RefreshDue::new(server.app.clone());
    assert_eq!(scheduler.take().await.expect("storage works"), 1);
    scheduler.settle().await.expect("storage works");
    let ended = ("revoked".to_owned(), json!("not_confirmed"));
    assert_eq!(state(&server, &connector, &connection).await, ended);
    assert_eq!(told(&server).await, ["connection.revoked"]);
    assert_eq!(last(&server, &connector, &connection).await, "revoked");
}

#[tokio::test]
async fn a_lease_is_shown_as_refreshing_and_ends_with_the_refresh() {
    let (server, connector) = begun(json!({})).await;
    let connection = connector.connect(&server).await;
    server.present.pass(3_600);
    let gate = Gate::default();
    connector.fake.next(Endpoint::Token, Act::WaitFor(gate.clone()));
    let (token, ()) = tokio::join!(connector.token(&server, &connection), async {
        while connector.fake.requests(Endpoint::Token) < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(state(&server, &connector, &connection).await.0, "refreshing");
        gate.open();
    });
    token.expect(200);
    assert_eq!(state(&server, &connector, &connection).await.0, "active");
    assert_eq!(connector.timeline(&server, &connection).await, ["connected", "refreshed"]);
    assert_eq!(told(&server).await, ["connection.created", "connection.refreshed"]);
}

#[tokio::test]
async fn a_passing_failure_changes_nothing_while_the_token_is_good() {
    let (server, connector) = begun(json!({})).await;
    let connection = connector.connect(&server).await;
    let token = connector.access(&server, &connection).await;
    server.present.pass(3_400);
    connector.fake.next(Endpoint::Token, Act::Html(503));
    let mut scheduler = RefreshDue::new(server.app.clone());
    scheduler.take().await.expect("storage works");
    scheduler.settle().await.expect("storage works");
    assert_eq!(connector.fake.requests(Endpoint::Token), 2);
    assert_eq!(connector.access(&server, &connection).await, token);
    assert_eq!(state(&server, &connector, &connection).await, ("active".into(), Value::Null));
    assert_eq!(last(&server, &connector, &connection).await, "failed");
    assert_eq!(told(&server).await, ["connection.created"], "fired on change only");
}

#[tokio::test]
async fn a_week_of_failures_is_an_error_and_the_next_success_mends_it() {
    let (server, connector) = begun(json!({})).await;
    let connection = failing_for_a_week(&server, &connector).await;
    let error = ("error".to_owned(), json!("gave_up"));
    assert_eq!(state(&server, &connector, &connection).await, error);
    assert_eq!(told(&server).await, ["connection.created", "connection.error"], "told once");
    server.present.pass(86_400);
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(state(&server, &connector, &connection).await, ("active".into(), Value::Null));
    assert_eq!(last(&server, &connector, &connection).await, "recovered");
    assert_eq!(told(&server).await, ["connection.recovered"]);
}

#[tokio::test]
async fn an_error_is_mended_by_its_user_too() {
    let (server, connector) = begun(json!({})).await;
    let connection = failing_for_a_week(&server, &connector).await;
    told(&server).await;
    let to = reconnect(&server, &connector, &connection).await;
    assert!(to.starts_with("https://hub.example/account/"), "{to}");
    assert_eq!(state(&server, &connector, &connection).await, ("active".into(), Value::Null));
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(told(&server).await, ["connection.recovered"]);
}

#[tokio::test]
async fn a_dead_grant_needs_its_user_and_serves_its_access_token_to_the_end() {
    let (server, connector) = begun(json!({})).await;
    let connection = connector.connect(&server).await;
    let token = connector.access(&server, &connection).await;
    connector.fake.end_all_grants();
    server.present.pass(3_400);
    let mut scheduler = RefreshDue::new(server.app.clone());
    scheduler.take().await.expect("storage works");
    scheduler.settle().await.expect("storage works");
    let dead = ("needs_reauth".to_owned(), json!("grant_revoked"));
    assert_eq!(state(&server, &connector, &connection).await, dead);
    assert_eq!(connector.access(&server, &connection).await, token, "still good");
    assert_eq!(told(&server).await, ["connection.created", "connection.needs_reauth"]);
    let asked = connector.fake.requests(Endpoint::Token);
    server.present.pass(200);
    connector.token(&server, &connection).await.expect(409);
    assert_eq!(connector.fake.requests(Endpoint::Token), asked, "a dead grant is not asked again");
    reconnect(&server, &connector, &connection).await;
    assert_eq!(state(&server, &connector, &connection).await, ("active".into(), Value::Null));
    assert_eq!(last(&server, &connector, &connection).await, "reconnected");
    assert_eq!(told(&server).await, ["connection.recovered"]);
}

#[tokio::test]
async fn an_ended_token_that_nothing_renews_is_expired_until_its_user_comes() {
    let (server, connector) = begun(unrenewable()).await;
    let connection = expired(&server, &connector).await;
    let ended = ("expired".to_owned(), json!("access_ended"));
    assert_eq!(state(&server, &connector, &connection).await, ended);
    assert_eq!(told(&server).await, ["connection.created", "connection.needs_reauth"]);
    reconnect(&server, &connector, &connection).await;
    assert_eq!(state(&server, &connector, &connection).await, ("active".into(), Value::Null));
    assert_eq!(told(&server).await, ["connection.recovered"]);
}

#[tokio::test]
async fn the_scheduler_finds_an_ended_token_although_nobody_asks() {
    let (server, connector) = begun(unrenewable()).await;
    let connection = connector.connect(&server).await;
    server.present.pass(3_600);
    let mut scheduler = RefreshDue::new(server.app.clone());
    scheduler.take().await.expect("storage works");
    scheduler.settle().await.expect("storage works");
    let ended = ("expired".to_owned(), json!("access_ended"));
    assert_eq!(state(&server, &connector, &connection).await, ended);
    assert_eq!(told(&server).await, ["connection.created", "connection.needs_reauth"]);
}

#[tokio::test]
async fn a_reconnect_that_fails_leaves_the_connection_as_it_was() {
    let (server, connector) = begun(json!({})).await;
    let connection = connector.connect(&server).await;
    let token = connector.access(&server, &connection).await;
    told(&server).await;
    connector.fake.change(|rules| rules.consent = Consent::Deny);
    let to = reconnect(&server, &connector, &connection).await;
    assert!(to.ends_with("oauth_error=access_denied"), "{to}");
    connector.fake.change(|rules| rules.consent = Consent::Approve);
    connector.fake.sign_in("account-2");
    let to = reconnect(&server, &connector, &connection).await;
    assert!(to.ends_with("oauth_error=account_mismatch"), "{to}");
    assert_eq!(connector.access(&server, &connection).await, token);
    assert_eq!(state(&server, &connector, &connection).await, ("active".into(), Value::Null));
    assert_eq!(told(&server).await, Vec::<String>::new());
}

#[tokio::test]
async fn every_state_ends_in_revoked_and_nothing_leads_back() {
    for (definition, from) in [
        (json!({}), "pending"),
        (json!({}), "active"),
        (json!({}), "needs_reauth"),
        (json!({}), "error"),
        (unrenewable(), "expired"),
    ] {
        let (server, connector) = begun(definition).await;
        let connection = match from {
            "pending" => unconfirmed(&server, &connector).await,
            "needs_reauth" => dead(&server, &connector).await,
            "error" => failing_for_a_week(&server, &connector).await,
            "expired" => expired(&server, &connector).await,
            _ => connector.connect(&server).await,
        };
        assert_eq!(state(&server, &connector, &connection).await.0, from);
        revoke(&server, &connector, &connection).await;
        let ended = ("revoked".to_owned(), json!("by_administrator"));
        assert_eq!(state(&server, &connector, &connection).await, ended, "from {from}");
        assert_eq!(last(&server, &connector, &connection).await, "revoked", "from {from}");
        let told = told(&server).await;
        assert_eq!(told.last().map(String::as_str), Some("connection.revoked"), "from {from}");
        connector.token(&server, &connection).await.expect(404);
        let path = format!("/v1/connections/{connection}/authorization");
        let again = server.post(&path).bearer(&connector.admin(&server).await).json(json!({}));
        assert!(matches!(again.await.status, 404 | 409), "from {from}");
    }
}

#[tokio::test]
async fn a_grant_that_ends_in_the_graph_takes_its_connection_along() {
    let (server, connector) = begun(json!({})).await;
    let connection = connector.connect(&server).await;
    let path = format!("/v1/grants/{connection}");
    let ended = server.ask("DELETE", &path).bearer(&connector.admin(&server).await).send().await;
    assert!(matches!(ended.status, 200 | 204), "{}", ended.text());
    connector.token(&server, &connection).await.expect(404);
    server.start_jobs();
    while connector.fake.live_grants() > 0 {
        tokio::task::yield_now().await;
    }
    let ended = ("revoked".to_owned(), json!("grant_tree"));
    assert_eq!(state(&server, &connector, &connection).await, ended);
}

#[tokio::test]
async fn other_scopes_than_before_are_told_after_what_brought_them() {
    let (server, connector) = begun(json!({})).await;
    let connection = connector.connect(&server).await;
    assert_eq!(told(&server).await, ["connection.created"]);
    server.present.pass(3_600);
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(told(&server).await, ["connection.refreshed"], "the same as before are no news");
    let path = format!("/v1/connections/{connection}/authorization");
    let more = json!({ "scopes": ["write"] });
    let ask = server.post(&path).bearer(&connector.admin(&server).await).json(more).await;
    let url = the(&ask.expect(200)["authorization_url"]);
    let back = connector.fake.consent(&url).expect("consent");
    assert_eq!(server.get(path_of(&back)).send().await.status, 302);
    let (store, now) = (&server.app().store, server.app().clock.now());
    let taken = store.take_deliveries(now, now, 100).await.expect("commits");
    let [message] = &taken[..] else { panic!("{taken:?}") };
    assert_eq!(message.event, "connection.scopes_changed");
    let body: Value = serde_json::from_str(&message.body).expect("JSON");
    assert_eq!((&body["scopes"], &body["status"]), (&json!(["read", "write"]), &json!("active")));
    assert_eq!(body["connection"], connection.as_str(), "{body}");
    store.forget_delivery(message).await.expect("commits");
    // A dead one that comes back with fewer tells of both, in this order.
    connector.fake.end_all_grants();
    server.present.pass(3_600);
    connector.token(&server, &connection).await.expect(409);
    assert_eq!(told(&server).await, ["connection.needs_reauth"]);
    connector.fake.change(|rules| rules.granted = Some("read".into()));
    reconnect(&server, &connector, &connection).await;
    assert_eq!(told(&server).await, ["connection.recovered", "connection.scopes_changed"]);
    assert_eq!(connector.shown(&server, &connection).await["missing_scopes"], json!(["write"]));
}
