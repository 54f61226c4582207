//! The token call as callers meet it: whoever is meant and not only an id,
//! several tokens of one connection, and what a provider asks of its callers.

use keyhaven_fake_provider::{Act, Endpoint, Reuse, Rules};
use serde_json::json;

use crate::harness::{Place, REACHABLE, Server, path_of, the};

on_every_engine![
    each_of_several_tokens_is_renewed_on_its_own,
    a_connection_is_found_by_whom_it_is_for,
    what_callers_keep_with_a_connection_changes_without_its_tokens,
];

#[tokio::test]
async fn the_read_is_written_down_although_no_call_waits_for_it() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    server.start_jobs();
    connector.token(&server, &connection).await.expect(200);
    let path = "/v1/audit?action=connection.token_read";
    loop {
        let read = server.get(path).bearer(&connector.admin(&server).await).send().await;
        let items = read.expect(200)["items"].as_array().map_or(0, Vec::len);
        if items == 1 {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn storage_that_fails_is_not_a_missing_connection() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let admin = connector.admin(&server).await;
    server.database.fail();
    let path = format!("/v1/connections/{connection}/token");
    let down = server.post(&path).bearer(&admin).json(json!({})).await;
    assert_eq!(down.status, 503, "{}", down.text());
    server.database.repair();
    server.post(&path).bearer(&admin).json(json!({})).await.expect(200);
}

async fn each_of_several_tokens_is_renewed_on_its_own(place: Place) {
    let server = Server::on(&place, REACHABLE).await;
    let rules = Rules { also: Some("authed_user".into()), ..Rules::default() };
    let definition = json!({ "reply": {
        "expires": [{ "at": "/expires_in" }],
        "also": { "slot": "user", "root": "/authed_user" },
    } });
    let connector = server.a_connector_with(rules, definition, json!({})).await;
    let connection = connector.connect(&server).await;
    let slots = connector.shown(&server, &connection).await["slots"].clone();
    assert_eq!(slots[0]["name"], "user", "{slots}");
    assert_eq!(slots[0]["scopes"], json!(["chat"]));
    let user = json!({ "slot": "user" });
    let first = connector.access(&server, &connection).await;
    let of_user = async || {
        let answer = connector.token_with(&server, &connection, user.clone()).await;
        the(&answer.expect(200)["access_token"])
    };
    let before = of_user().await;
    assert_ne!(first, before);
    server.present.pass(3_600);
    let after = of_user().await;
    assert_ne!(after, before);
    assert_eq!(connector.fake.refreshes(), 1, "only the one that was asked for");
    assert_ne!(connector.access(&server, &connection).await, first);
    assert_eq!(connector.fake.refreshes(), 2);
    let none = connector.token_with(&server, &connection, json!({ "slot": "bot" })).await;
    assert_eq!(none.expect(404)["error"], "not_connected");
    assert_eq!(connector.connections(&server).await, [connection.as_str()], "one connection");
    let told = connector.timeline(&server, &connection).await;
    assert_eq!(told, ["connected", "refreshed", "refreshed"]);
    // A new authorization brings a new token for each, and the old ones are gone.
    assert_eq!(connector.connect(&server).await, connection);
    assert_ne!(of_user().await, after);
    let path = format!("/v1/connections/{connection}");
    let revoked = server.ask("DELETE", &path).bearer(&connector.admin(&server).await).send().await;
    assert_eq!(revoked.status, 204);
    let gone = connector.token_with(&server, &connection, user.clone()).await;
    assert_eq!(gone.expect(404)["error"], "not_connected");
}

#[tokio::test]
async fn every_token_of_a_connection_is_kept_fresh_and_given_back() {
    let server = Server::with_providers().await;
    let rules = Rules { also: Some("authed_user".into()), ..Rules::default() };
    let definition = json!({ "reply": {
        "expires": [{ "at": "/expires_in" }],
        "also": { "slot": "user", "root": "/authed_user" },
    } });
    let connector = server.a_connector_with(rules, definition, json!({})).await;
    let connection = connector.connect(&server).await;
    server.present.pass(3_300);
    server.start_jobs();
    while connector.fake.refreshes() < 2 || server.app().vault.flights.count() > 0 {
        tokio::task::yield_now().await;
    }
    connector.token_with(&server, &connection, json!({ "slot": "user" })).await.expect(200);
    assert_eq!(connector.fake.refreshes(), 2);
    let path = format!("/v1/connections/{connection}");
    server.ask("DELETE", &path).bearer(&connector.admin(&server).await).send().await;
    while connector.fake.live_grants() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(connector.fake.requests(Endpoint::Revoke), 2, "both grants are given back");
}

async fn a_connection_is_found_by_whom_it_is_for(place: Place) {
    let server = Server::on(&place, REACHABLE).await;
    let connector = server.a_connector().await;
    let ada = server.a_person("ada@example.test").await;
    let path = format!("/v1/connectors/{}/authorization", connector.id);
    for account in ["account-1", "account-2"] {
        connector.fake.sign_in(account);
        server.present.pass_millis(1);
        let body = json!({ "user": ada.id.to_string() });
        let ask = server.post(&path).bearer(&connector.admin(&server).await);
        let started = ask.json(body).await.expect(200);
        let back = connector.fake.consent(&the(&started["authorization_url"])).expect("consent");
        let done = server.get(path_of(&back)).send().await;
        let location = done.header("location").to_owned();
        let ticket = location.split_once("ticket=").expect("a ticket").1;
        let id = location.split('/').nth(4).expect("an id").to_owned();
        let session = server.a_session(&ada).await;
        let confirm = server.post(&format!("/v1/connections/{id}/confirmation"));
        let confirm = confirm.bearer(session.token.reveal());
        confirm.json(json!({ "ticket": ticket })).await.expect(200);
    }
    let path = format!("/v1/connectors/{}/token", connector.id);
    let by = async |wish: serde_json::Value| {
        server.post(&path).bearer(&connector.admin(&server).await).json(wish).await
    };
    let user = ada.id.to_string();
    assert_eq!(by(json!({ "user": user })).await.status, 409, "two accounts fit");
    let one = by(json!({ "user": user, "account": "account-2" })).await.expect(200);
    assert_eq!(one["account"], "account-2");
    assert_eq!(by(json!({ "account": "account-9" })).await.status, 404);
    let session = server.a_session(&ada).await;
    let own = server.post(&path).bearer(session.token.reveal());
    let own = own.json(json!({ "account": "account-1" })).await.expect(200);
    assert_eq!(own["account"], "account-1");
    let eve = server.a_session(&server.a_person("eve@example.test").await).await;
    let hers = server.post(&path).bearer(eve.token.reveal()).json(json!({})).await;
    assert_eq!(hers.status, 404, "somebody else has none");
    let for_ada = json!({ "user": user, "account": "account-1" });
    let crossed = server.post(&path).bearer(eve.token.reveal()).json(for_ada).await;
    assert_eq!(crossed.status, 404, "nor may she name another user");
    let path = format!("/v1/connections?connector={}&account=account-2", connector.id);
    let listed = server.get(&path).bearer(&connector.admin(&server).await).send().await;
    assert_eq!(listed.expect(200)["items"].as_array().map(Vec::len), Some(1));
}

async fn what_callers_keep_with_a_connection_changes_without_its_tokens(place: Place) {
    let server = Server::on(&place, REACHABLE).await;
    let connector = server.a_connector().await;
    let first = connector.connect(&server).await;
    connector.fake.sign_in("account-2");
    let second = connector.connect(&server).await;
    let before = connector.shown(&server, &first).await;
    server.present.pass(5);
    let patch = async |id: &str, body: serde_json::Value| {
        let path = format!("/v1/connections/{id}");
        server.ask("PATCH", &path).bearer(&connector.admin(&server).await).json(body).await
    };
    let change = json!({
        "labels": ["drive", "finance"], "external_id": "row-7",
        "metadata": { "folder": "reports", "old": "x" }, "account_label": "Reports",
    });
    let now = patch(&first, change).await.expect(200);
    assert_eq!(now["labels"], json!(["drive", "finance"]));
    assert_eq!((&now["external_id"], &now["account_label"]), (&json!("row-7"), &json!("Reports")));
    assert_eq!(now["token_updated_at"], before["token_updated_at"], "no token was touched");
    assert_ne!(now["updated_at"], before["updated_at"]);
    let merged = patch(&first, json!({ "metadata": { "old": null, "new": "y" } })).await;
    let merged = merged.expect(200);
    assert_eq!(merged["metadata"], json!({ "folder": "reports", "new": "y" }));
    assert_eq!(merged["labels"], json!(["drive", "finance"]), "absent members stay");
    let taken = patch(&second, json!({ "external_id": "row-7" })).await;
    assert_eq!(taken.status, 409, "{}", taken.text());
    for (body, pointer) in [
        (json!({ "labels": ["two words"] }), "/labels"),
        (json!({ "external_id": "" }), "/external_id"),
        (json!({ "metadata": { "big": "x".repeat(501) } }), "/metadata"),
        (json!({ "account": "another" }), "/account"),
    ] {
        let refused = patch(&second, body.clone()).await.expect(400);
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{body}: {refused}");
    }
    let path = format!("/v1/connectors/{}/token", connector.id);
    let ask = server.post(&path).bearer(&connector.admin(&server).await);
    let token = ask.json(json!({ "external_id": "row-7" })).await.expect(200);
    assert_eq!(token["account"], "account-1");
    patch(&first, json!({ "external_id": null })).await.expect(200);
    patch(&second, json!({ "external_id": "row-7" })).await.expect(200);
    let told = connector.timeline(&server, &first).await;
    assert_eq!(told, ["connected", "edited", "edited", "edited"]);
}

#[tokio::test]
async fn a_provider_s_own_header_keeps_the_scheme_that_stands_in_it() {
    for (api, scheme) in [
        (json!({ "header": "Authentication", "scheme": "bearer" }), "Authentication: bearer"),
        (json!({ "header": "X-Token" }), "X-Token:"),
        (json!({ "scheme": "OAuth" }), "OAuth"),
        (json!({}), "Bearer"),
    ] {
        let server = Server::with_providers().await;
        let definition = json!({ "api": api });
        let connector = server.a_connector_with(Rules::default(), definition, json!({})).await;
        let connection = connector.connect(&server).await;
        let token = connector.token(&server, &connection).await.expect(200);
        assert_eq!(token["scheme"], scheme, "{api}");
    }
}

#[tokio::test]
async fn a_provider_that_wants_a_pause_is_given_it() {
    let server = Server::with_providers().await;
    let rules = Rules { reuse: Reuse::Static, ..Rules::default() };
    let definition = json!({ "refresh": { "kind": "static", "min_interval": "55m" } });
    let connector = server.a_connector_with(rules, definition, json!({})).await;
    let connection = connector.connect(&server).await;
    let first = connector.token(&server, &connection).await.expect(200);
    server.present.pass(60);
    let wish = json!({ "rejected": the(&first["fingerprint"]), "min_ttl": 9_999 });
    let same = connector.token_with(&server, &connection, wish).await.expect(200);
    assert_eq!(same["access_token"], first["access_token"]);
    assert_eq!(connector.fake.refreshes(), 0, "it would refuse, or give the same again");
    server.present.pass(3_300);
    connector.token(&server, &connection).await.expect(200);
    while connector.fake.refreshes() == 0 || server.app().vault.flights.count() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(connector.fake.refreshes(), 1);
}

#[tokio::test]
async fn the_timeline_has_the_provider_s_own_number_of_the_request() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    server.present.pass(3_600);
    connector.fake.next(Endpoint::Token, Act::Refuse(400, "odd".into(), "no".into()));
    connector.token(&server, &connection).await.expect(503);
    server.present.pass(3_601);
    connector.token(&server, &connection).await.expect(200);
    let path = format!("/v1/connections/{connection}/timeline");
    let listed = server.get(&path).bearer(&connector.admin(&server).await).send().await.expect(200);
    let said = |at: usize| {
        let event = &listed["items"][at];
        (the(&event["what"]), event["upstream_status"].as_i64(), the(&event["upstream_request"]))
    };
    assert_eq!(said(0), ("refreshed".into(), Some(200), "fake-request".into()), "{listed}");
    assert_eq!(said(1), ("failed".into(), Some(400), "fake-request".into()), "{listed}");
}

#[tokio::test]
async fn a_provider_may_call_the_state_otherwise() {
    let server = Server::with_providers().await;
    let rules = Rules { state: "customField".into(), ..Rules::default() };
    let url = "http://127.0.0.1";
    let connector = server.a_connector_with(rules, json!({}), json!({})).await;
    let mut definition = connector.fake.definition("fake");
    definition["authorize"]["rename"] = json!({ "state": "customField" });
    definition["callback"]["state"] = json!("customField");
    let path = format!("/v1/organizations/{}/providers/fake", server.organization);
    let body = json!({ "definition": definition });
    let admin = connector.admin(&server).await;
    server.ask("PUT", &path).bearer(&admin).json(body).await.expect(200);
    let started = connector.start(&server).await;
    assert!(started.contains("customField=") && !started.contains("&state="), "{started}");
    assert!(started.starts_with(url), "{started}");
    let back = connector.fake.consent(&started).expect("consent");
    let done = server.get(path_of(&back)).send().await;
    assert_eq!(done.status, 302, "{}", done.text());
    assert_eq!(connector.connections(&server).await.len(), 1);
    let started = connector.start(&server).await;
    let back = connector.fake.consent(&started).expect("consent");
    let renamed = path_of(&back).replace("customField=", "state=");
    let refused = server.get(&renamed).send().await;
    assert_eq!(refused.status, 400, "the provider's own name is the one that counts");
}
