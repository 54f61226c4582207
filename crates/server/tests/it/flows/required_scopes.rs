//! Scopes that a connector cannot do without: a grant that lacks one needs its user, by a state with a
//! reason; its access token serves to its end. What is merely asked for breaks nothing.

use keyhaven_fake_provider::Rules;
use serde_json::{Value, json};

use crate::harness::{Connector, Place, REACHABLE, Server, path_of, the};

on_every_engine![a_grant_without_a_required_scope_needs_its_user_until_it_has_it];

/// A connector that asks for two scopes and requires `required`, at a provider whose users grant the first.
async fn partial(server: &Server, required: Value) -> Connector {
    let rules = Rules { granted: Some("read".into()), ..Rules::default() };
    let more = json!({ "scopes": ["read", "write"], "required_scopes": required });
    let connector = server.a_connector_with(rules, json!({}), more).await;
    let path = format!("/v1/organizations/{}/webhook-endpoints", server.organization);
    let events = [
        "connection.created",
        "connection.needs_reauth",
        "connection.recovered",
        "connection.scopes_changed",
    ];
    let body = json!({ "url": "http://127.0.0.1:9/hooks", "events": events });
    server.post(&path).bearer(&connector.admin(server).await).json(body).await.expect(201);
    connector
}

/// What webhooks are told since the last call, in order, with the reason.
async fn told(server: &Server) -> Vec<(String, Value)> {
    let announced = server.announced().await.into_iter();
    announced.map(|(event, body)| (event, body["reason"].clone())).collect()
}

fn news(events: &[(&str, Value)]) -> Vec<(String, Value)> {
    events.iter().map(|(event, reason)| ((*event).to_owned(), reason.clone())).collect()
}

async fn state(server: &Server, connector: &Connector, connection: &str) -> (String, Value) {
    let shown = connector.shown(server, connection).await;
    (the(&shown["status"]), shown["reason"].clone())
}

fn lacking() -> (String, Value) {
    ("needs_reauth".to_owned(), json!("missing_scopes"))
}

fn well() -> (String, Value) {
    ("active".to_owned(), Value::Null)
}

/// The newest line of the timeline: its word and its reason.
async fn last(server: &Server, connector: &Connector, connection: &str) -> (String, Value) {
    let path = format!("/v1/connections/{connection}/timeline");
    let listed = server.get(&path).bearer(&connector.admin(server).await).send().await.expect(200);
    (the(&listed["items"][0]["what"]), listed["items"][0]["reason"].clone())
}

async fn reconnect(server: &Server, connector: &Connector, connection: &str) {
    server.present.pass_millis(1);
    let path = format!("/v1/connections/{connection}/authorization");
    let started = server.post(&path).bearer(&connector.admin(server).await).json(json!({})).await;
    let back = connector.fake.consent(&the(&started.expect(200)["authorization_url"]));
    let ended = server.get(path_of(&back.expect("consent"))).send().await;
    assert_eq!(ended.status, 302, "{}", ended.text());
}

async fn a_grant_without_a_required_scope_needs_its_user_until_it_has_it(place: Place) {
    let server = Server::on(&place, REACHABLE).await;
    let connector = partial(&server, json!(["write"])).await;
    let connection = connector.connect(&server).await;
    assert_eq!(state(&server, &connector, &connection).await, lacking());
    let line = ("connected".to_owned(), json!("missing_scopes"));
    assert_eq!(last(&server, &connector, &connection).await, line);
    let reason = json!("missing_scopes");
    let first =
        [("connection.created", reason.clone()), ("connection.needs_reauth", reason.clone())];
    assert_eq!(told(&server).await, news(&first));
    let token = connector.token(&server, &connection).await.expect(200);
    assert_eq!(token["scopes"], json!(["read"]), "until its own deadline");
    // Again without it: the same state, and no news.
    let since = connector.shown(&server, &connection).await["since"].clone();
    server.present.pass(60);
    reconnect(&server, &connector, &connection).await;
    assert_eq!(state(&server, &connector, &connection).await, lacking());
    assert_eq!(connector.shown(&server, &connection).await["since"], since);
    assert_eq!(told(&server).await, news(&[]));
    let asked = connector.fake.refreshes();
    server.present.pass(3_600);
    let ended = connector.token(&server, &connection).await.expect(409);
    assert_eq!(ended["reason"], "missing_scopes", "{ended}");
    assert!(the(&ended["reconnect_url"]).contains(&connection), "{ended}");
    assert_eq!(connector.fake.refreshes(), asked, "what its user must mend is not renewed");
    connector.fake.change(|rules| rules.granted = None);
    reconnect(&server, &connector, &connection).await;
    assert_eq!(state(&server, &connector, &connection).await, well());
    let line = ("reconnected".to_owned(), Value::Null);
    assert_eq!(last(&server, &connector, &connection).await, line);
    let mended =
        [("connection.recovered", Value::Null), ("connection.scopes_changed", Value::Null)];
    assert_eq!(told(&server).await, news(&mended));
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(connector.connections(&server).await, [connection]);
}

#[tokio::test]
async fn a_reconnect_that_leaves_out_a_required_scope_is_told() {
    let server = Server::with_providers().await;
    let connector = partial(&server, json!(["write"])).await;
    connector.fake.change(|rules| rules.granted = None);
    let connection = connector.connect(&server).await;
    assert_eq!(state(&server, &connector, &connection).await, well());
    told(&server).await;
    connector.fake.change(|rules| rules.granted = Some("read".into()));
    reconnect(&server, &connector, &connection).await;
    assert_eq!(state(&server, &connector, &connection).await, lacking());
    let line = ("reconnected".to_owned(), json!("missing_scopes"));
    assert_eq!(last(&server, &connector, &connection).await, line);
    let events: Vec<String> = told(&server).await.into_iter().map(|(event, _)| event).collect();
    assert_eq!(events, ["connection.needs_reauth", "connection.scopes_changed"]);
}

#[tokio::test]
async fn what_is_asked_for_and_not_required_may_be_left_out() {
    let server = Server::with_providers().await;
    let connector = partial(&server, json!(["read"])).await;
    let connection = connector.connect(&server).await;
    assert_eq!(state(&server, &connector, &connection).await, well());
    let shown = connector.shown(&server, &connection).await;
    assert_eq!(shown["missing_scopes"], json!(["write"]));
    server.present.pass(3_600);
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(told(&server).await, news(&[("connection.created", Value::Null)]));
}

#[tokio::test]
async fn a_connector_that_requires_more_breaks_no_connection_that_works() {
    let server = Server::with_providers().await;
    let connector = partial(&server, json!([])).await;
    let connection = connector.connect(&server).await;
    let path = format!("/v1/connectors/{}", connector.id);
    let admin = connector.admin(&server).await;
    let change = async |body: Value| server.ask("PATCH", &path).bearer(&admin).json(body).await;
    let wrong = change(json!({ "required_scopes": ["delete"] })).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text());
    assert!(wrong.text().contains("/required_scopes/0"), "{}", wrong.text());
    let changed = change(json!({ "required_scopes": ["write"] })).await.expect(200);
    assert_eq!(changed["required_scopes"], json!(["write"]));
    let left = change(json!({ "scopes": ["read"] })).await;
    assert_eq!(left.status, 400, "it would be required and never asked for: {}", left.text());
    server.present.pass(3_600);
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(connector.fake.refreshes(), 1);
    assert_eq!(state(&server, &connector, &connection).await, well());
    reconnect(&server, &connector, &connection).await;
    assert_eq!(state(&server, &connector, &connection).await, lacking(), "a new grant is judged");
}

#[tokio::test]
async fn a_grant_from_elsewhere_is_judged_by_the_scopes_it_is_said_to_have() {
    let server = Server::with_providers().await;
    let connector = partial(&server, json!(["write"])).await;
    let admin = connector.admin(&server).await;
    for (scopes, expected) in
        [(json!(["read"]), lacking()), (json!(["read", "write"]), well()), (json!([]), well())]
    {
        let body = json!({
            "connector": connector.id, "access_token": "from-elsewhere", "scopes": scopes,
        });
        let made = server.post("/v1/connections").bearer(&admin).json(body).await.expect(201);
        let connection = the(&made["id"]);
        assert_eq!(state(&server, &connector, &connection).await, expected, "{scopes}");
        connector.token(&server, &connection).await.expect(200);
    }
}
