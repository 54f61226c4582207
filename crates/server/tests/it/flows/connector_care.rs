//! What administrators do with a connector as a whole: try it before anybody uses it, bring grants over
//! from another system.

use keyhaven_fake_provider::{Act, Endpoint, Rules};
use serde_json::{Value, json};

use crate::harness::{Connector, Place, REACHABLE, Server, path_of, the};

on_every_engine![grants_of_another_system_come_over_once];

async fn checks(server: &Server, connector: &Connector) -> Value {
    let path = format!("/v1/connectors/{}/test", connector.id);
    server.post(&path).bearer(&connector.admin(server).await).send().await.expect(200)
}

fn status<'a>(found: &'a Value, check: &str) -> &'a str {
    let all = found["checks"].as_array().expect("a list");
    let one = all.iter().find(|one| one["check"] == check).expect("the check");
    one["status"].as_str().expect("a word")
}

#[tokio::test]
async fn a_dry_run_says_what_is_wrong_and_touches_nothing() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let sound = checks(&server, &connector).await;
    assert_eq!(sound["ok"], true, "{sound}");
    for check in ["credentials", "redirect_uri", "authorization_endpoint", "token_endpoint"] {
        assert_eq!(status(&sound, check), "passed", "{sound}");
    }
    connector.fake.change(|rules| rules.client_secret = "another".into());
    let wrong = checks(&server, &connector).await;
    assert_eq!((&wrong["ok"], status(&wrong, "token_endpoint")), (&json!(false), "failed"));
    assert!(wrong.to_string().contains("invalid_client"), "{wrong}");
    connector.fake.change(|rules| rules.client_id = "another".into());
    let unknown = checks(&server, &connector).await;
    assert_eq!(status(&unknown, "authorization_endpoint"), "failed", "{unknown}");
    connector.fake.next(Endpoint::Token, Act::Html(500));
    let down = checks(&server, &connector).await;
    assert_eq!(status(&down, "token_endpoint"), "unknown", "an outage is no fault: {down}");
    // No user's grant was touched, and no connector blamed.
    assert_eq!(connector.shown(&server, &connection).await["status"], "active");
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(connector.connections(&server).await.len(), 1);
}

#[tokio::test]
async fn a_connector_that_asks_no_user_is_tried_with_its_own_grant() {
    let server = Server::with_providers().await;
    let definition = json!({ "grants": { "client_credentials": {} } });
    let more = json!({ "method": "client_credentials" });
    let connector = server.a_connector_with(Rules::default(), definition, more).await;
    let found = checks(&server, &connector).await;
    assert_eq!(status(&found, "authorization_endpoint"), "skipped", "{found}");
    assert_eq!(status(&found, "token_endpoint"), "passed", "{found}");
    assert_eq!(connector.fake.remints(), 1);
}

async fn import(server: &Server, connector: &Connector, body: Value) -> Value {
    let path = format!("/v1/connectors/{}/import", connector.id);
    server.post(&path).bearer(&connector.admin(server).await).json(body).await.expect(200)
}

async fn grants_of_another_system_come_over_once(place: Place) {
    let server = Server::on(&place, REACHABLE).await;
    let connector = server.a_connector().await;
    let (_, good) = connector.fake.grant("account-1", "read");
    let (_, second) = connector.fake.grant("account-2", "read");
    let rows = json!([
        { "external_id": "row-1", "account": "account-1", "refresh_token": good,
          "scopes": ["read"], "metadata": { "from": "old" } },
        { "external_id": "row-2", "account": "account-2", "refresh_token": second },
        { "external_id": "row-3", "refresh_token": "never-issued" },
        { "external_id": "row-4" },
        { "external_id": "two words", "refresh_token": "x" },
    ]);
    let body = json!({ "prove": "refresh", "connections": rows });
    let report = import(&server, &connector, body.clone()).await;
    let words: Vec<(String, String)> = report["results"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| (the(&row["status"]), row["proof"].as_str().unwrap_or("-").to_owned()))
        .collect();
    let said = |status: &str, proof: &str| (status.to_owned(), proof.to_owned());
    assert_eq!(
        words,
        [
            said("created", "passed"),
            said("created", "passed"),
            said("created", "failed"),
            said("refused", "-"),
            said("refused", "-"),
        ],
        "{report}"
    );
    assert_eq!(report["results"][2]["reason"], "grant_revoked");
    assert!(the(&report["results"][3]["reason"]).contains("/access_token"), "{report}");
    let first = the(&report["results"][0]["connection"]);
    assert_eq!(connector.shown(&server, &first).await["metadata"], json!({ "from": "old" }));
    connector.token(&server, &first).await.expect(200);
    let refreshes = connector.fake.refreshes();
    let again = import(&server, &connector, body).await;
    for at in 0..3 {
        assert_eq!(again["results"][at]["status"], "exists", "{again}");
        assert_eq!(again["results"][at]["connection"], report["results"][at]["connection"]);
    }
    assert_eq!(connector.fake.refreshes(), refreshes, "what exists is not proved again");
    assert_eq!(connector.connections(&server).await.len(), 3);
}

#[tokio::test]
async fn a_row_is_kept_only_with_the_account_it_names_where_that_is_asked() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let (access, refresh) = connector.fake.grant("account-7", "read");
    let row = |name: &str, account: Option<&str>, access: &str| {
        let mut row = json!({ "external_id": name, "access_token": access });
        row["refresh_token"] = json!(refresh);
        if let Some(account) = account {
            row["account"] = json!(account);
        }
        row
    };
    let rows = json!([
        row("lies", Some("account-1"), &access),
        row("stale", None, "never-issued"),
        row("true", None, &access),
    ]);
    let body = json!({ "prove": "account", "connections": rows });
    let report = import(&server, &connector, body).await;
    assert_eq!(report["results"][0]["reason"], "account_mismatch", "{report}");
    assert_eq!(report["results"][1]["reason"], "not_proved", "{report}");
    assert_eq!(report["results"][2]["proof"], "passed", "{report}");
    let kept = connector.connections(&server).await;
    assert_eq!(kept.len(), 1, "what is not vouched for is not kept");
    assert_eq!(connector.shown(&server, &kept[0]).await["account"], "account-7");
}

#[tokio::test]
async fn a_login_is_exchanged_for_tokens_and_never_leaves() {
    let server = Server::with_providers().await;
    let definition = json!({
        "authorize": null, "account": null, "revoke": null, "callback": {},
        "grants": { "password": {} }, "refresh": { "kind": "remint" },
    });
    let connector = server.a_connector_with(Rules::default(), definition, json!({})).await;
    let admin = connector.admin(&server).await;
    let path = format!("/v1/connectors/{}", connector.id);
    let shown = server.get(&path).bearer(&admin).send().await.expect(200);
    assert_eq!(shown["method"], "password", "the provider knows nothing else: {shown}");
    let make = async |password: &str| {
        let body = json!({
            "connector": connector.id, "username": "ada", "password": password,
        });
        server.post("/v1/connections").bearer(&admin).json(body).await
    };
    let made = the(&make("fake-client-secret").await.expect(201)["id"]);
    let first = connector.access(&server, &made).await;
    assert!(first.starts_with("fake-access-token"), "{first}");
    server.present.pass(3_600);
    // The token of `admin` has ended by now; the harness asks for another.
    assert_ne!(connector.access(&server, &made).await, first, "the login is kept for the next");
    assert_eq!(connector.fake.requests(Endpoint::Token), 2);
    let lacks = json!({ "connector": connector.id, "username": "ada" });
    let admin = connector.admin(&server).await;
    let refused = server.post("/v1/connections").bearer(&admin).json(lacks).await.expect(400);
    assert_eq!(refused["errors"][0]["pointer"], "/username");
    let body = json!({ "connector": connector.id, "username": "ada", "password": "wrong" });
    let wrong = server.post("/v1/connections").bearer(&admin).json(body).await.expect(201);
    let dead = connector.token(&server, &the(&wrong["id"])).await.expect(409);
    assert_eq!(dead["reason"], "grant_revoked", "{dead}");
}

#[tokio::test]
async fn the_numbers_of_the_vault_are_on_the_operator_s_listener() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    server.start_jobs();
    let connection = connector.connect(&server).await;
    server.present.pass(3_600);
    connector.token(&server, &connection).await.expect(200);
    server.present.pass(3_600);
    connector.fake.next(Endpoint::Token, Act::Html(500));
    connector.token(&server, &connection).await.expect(503);
    server.get("/connectors/oauth/callback?state=nobodys").send().await;
    let text = server.metrics();
    let of = format!("provider=\"own\",connector=\"{}\"", connector.id);
    for line in [
        format!("keyhaven_vault_refreshes_total{{{of},outcome=\"refreshed\"}} 1"),
        format!("keyhaven_vault_refreshes_total{{{of},outcome=\"transient\"}} 1"),
        format!("keyhaven_vault_flows_started_total{{{of}}} 1"),
        format!("keyhaven_vault_flows_total{{{of},outcome=\"connected\"}} 1"),
        format!("keyhaven_vault_exchanges_total{{{of},outcome=\"exchanged\"}} 1"),
        format!("keyhaven_vault_exchange_seconds_count{{{of}}} 1"),
        format!("keyhaven_vault_refresh_seconds_count{{{of}}} 2"),
        format!("keyhaven_vault_left_at_refresh_seconds_bucket{{{of},le=\"30\"}} 2"),
        "keyhaven_vault_stray_callbacks_total{outcome=\"invalid_state\"} 1".to_owned(),
        "keyhaven_vault_hosts_paused".to_owned(),
        "keyhaven_vault_connections_due".to_owned(),
        "keyhaven_vault_refresh_lag_seconds".to_owned(),
    ] {
        assert!(text.contains(&line), "{line} is not in {text}");
    }
    assert!(!text.contains("account-1"), "never labelled by user");
}

#[tokio::test]
async fn connections_are_counted_by_connector_and_state() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let first = connector.connect(&server).await;
    connector.fake.sign_in("account-2");
    connector.connect(&server).await;
    let path = format!("/v1/connections/{first}");
    server.ask("DELETE", &path).bearer(&connector.admin(&server).await).send().await;
    server.start_jobs();
    let of = format!("provider=\"own\",connector=\"{}\"", connector.id);
    for status in ["active", "revoked"] {
        let line = format!("keyhaven_vault_connections{{{of},status=\"{status}\"}} 1");
        while !server.metrics().contains(&line) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_flow_whose_user_never_came_back_is_counted_as_abandoned() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    server.start_jobs();
    connector.connect(&server).await;
    let back = connector.fake.consent(&connector.start(&server).await).expect("consent");
    server.present.pass(600);
    let of = format!("provider=\"own\",connector=\"{}\"", connector.id);
    let line = |outcome: &str, count: u32| {
        format!("keyhaven_vault_flows_total{{{of},outcome=\"{outcome}\"}} {count}\n")
    };
    while !server.metrics().contains(&line("abandoned", 1)) {
        tokio::task::yield_now().await;
    }
    let late = server.get(path_of(&back)).send().await;
    assert!(late.header("location").ends_with("flow_expired"), "{late:?}");
    let shown = server.metrics();
    assert!(shown.contains(&line("connected", 1)), "{shown}");
    assert!(!shown.contains("outcome=\"flow_expired\""), "counted once: {shown}");
}

#[tokio::test]
async fn a_connector_that_is_gone_leaves_a_line_in_the_audit() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    connector.connect(&server).await;
    let admin = connector.admin(&server).await;
    let path = format!("/v1/connectors/{}", connector.id);
    assert_eq!(server.ask("DELETE", &path).bearer(&admin).send().await.status, 204);
    server.start_jobs();
    let path = "/v1/audit?action=connector.removed";
    loop {
        let listed = server.get(path).bearer(&admin).send().await.expect(200);
        if let Some(row) = listed["items"].get(0) {
            assert_eq!(row["target"], format!("connector:{}", connector.id), "{row}");
            assert_eq!(row["actor"], "system", "{row}");
            return;
        }
        tokio::task::yield_now().await;
    }
}
