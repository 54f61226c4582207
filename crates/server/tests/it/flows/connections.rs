//! A connection's life: connected once, refreshed once however many ask, mended after what can be
//! mended, and a precise reason for the rest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use keyhaven_connect::send::{Limits, Outgoing};
use keyhaven_fake_provider::{Act, Endpoint, Gate, Reuse, Rules};
use serde_json::json;

use crate::harness::{Place, Server, forgiving, path_of, the};

on_every_engine![
    a_thousand_callers_on_two_nodes_refresh_once,
    a_dropped_reply_heals_within_the_grace,
    two_dropped_replies_heal_within_the_grace,
];

#[tokio::test]
async fn an_account_is_connected_and_its_token_handed_out() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let answer = connector.token(&server, &connection).await;
    let token = answer.expect(200);
    assert_eq!(token["access_token"], "fake-access-token-3", "{token}");
    assert_eq!(token["scheme"], "Bearer");
    assert_eq!(token["scopes"], json!(["read"]));
    assert_eq!(token["expires_at"], server.present.now() + 3_600 - 30);
    assert_eq!(answer.header("cache-control"), "no-store");
    let shown = connector.shown(&server, &connection).await;
    assert_eq!((&shown["status"], &shown["account"]), (&json!("active"), &json!("account-1")));
    let read = server
        .get("/v1/audit?action=connection.token_read")
        .bearer(&connector.admin(&server).await);
    let read = read.send().await.expect(200);
    assert_eq!(read["items"][0]["target"], format!("connection:{connection}"), "{read}");
}

#[tokio::test]
async fn the_same_account_keeps_its_connection() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let first = connector.connect(&server).await;
    let again = connector.connect(&server).await;
    assert_eq!(first, again);
    connector.fake.sign_in("account-2");
    assert_ne!(connector.connect(&server).await, first);
    assert_eq!(connector.timeline(&server, &first).await, ["connected", "reconnected"]);
}

#[tokio::test]
async fn a_token_near_its_end_is_served_and_renewed_behind_the_caller() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let old = connector.access(&server, &connection).await;
    server.present.pass(3_400);
    assert_eq!(connector.access(&server, &connection).await, old);
    while connector.fake.refreshes() == 0 || server.app().vault.flights.count() > 0 {
        tokio::task::yield_now().await;
    }
    assert_ne!(connector.access(&server, &connection).await, old);
    assert_eq!(connector.fake.refreshes(), 1);
}

async fn a_thousand_callers_on_two_nodes_refresh_once(place: Place) {
    let one = Server::on(&place, crate::harness::REACHABLE).await;
    let connector = one.a_connector().await;
    let connection = connector.connect(&one).await;
    let other = one.beside().await;
    for rotation in 1..=2 {
        one.present.pass(3_600);
        connector.fake.next(Endpoint::Token, Act::Delay(300));
        let admin = connector.admin(&one).await;
        let path = format!("/v1/connections/{connection}/token");
        let calls = (0..1_000).map(|number| {
            let server = if number % 2 == 0 { &one } else { &other };
            server.post(&path).bearer(&admin).json(json!({}))
        });
        let answers = join_all(calls).await;
        let tokens: std::collections::BTreeSet<String> =
            answers.iter().map(|answer| the(&answer.expect(200)["access_token"])).collect();
        assert_eq!(tokens.len(), 1, "{tokens:?}");
        assert_eq!(connector.fake.refreshes(), rotation);
    }
    assert_eq!(connector.fake.requests(Endpoint::Token), 3, "an exchange and two refreshes");
}

async fn a_dropped_reply_heals_within_the_grace(place: Place) {
    let server = Server::on(&place, crate::harness::REACHABLE).await;
    let (rules, definition) = forgiving("10m");
    let connector = server.a_connector_with(rules, definition, json!({})).await;
    let connection = connector.connect(&server).await;
    server.present.pass(3_600);
    connector.fake.next(Endpoint::Token, Act::ActAndHangUp);
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(connector.fake.refreshes(), 2, "the same token, once more and at once");
    assert_eq!(connector.shown(&server, &connection).await["status"], "active");
    // The clock stands still, so what happened at once has no order.
    let mut told = connector.timeline(&server, &connection).await;
    told.sort_unstable();
    assert_eq!(told, ["connected", "failed", "refreshed"]);
}

async fn two_dropped_replies_heal_within_the_grace(place: Place) {
    let server = Server::on(&place, crate::harness::REACHABLE).await;
    let (rules, definition) = forgiving("10m");
    let connector = server.a_connector_with(rules, definition, json!({})).await;
    let connection = connector.connect(&server).await;
    server.present.pass(3_600);
    connector.fake.next(Endpoint::Token, Act::ActAndHangUp);
    connector.fake.next(Endpoint::Token, Act::ActAndBreakOff);
    let failed = connector.token(&server, &connection).await;
    let body = failed.expect(503);
    assert_eq!(body["error"], "provider_unavailable", "{body}");
    let again = connector.token(&server, &connection).await;
    assert_eq!((again.status, connector.fake.refreshes()), (503, 2), "a pause is a pause");
    let shown = connector.shown(&server, &connection).await;
    assert_eq!(shown["status"], "active", "nobody is asked to reconnect: {shown}");
    let wait: u64 = failed.header("retry-after").parse().expect("a number");
    server.present.pass(wait + 1);
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(connector.shown(&server, &connection).await["status"], "active");
    assert_eq!(
        connector.timeline(&server, &connection).await,
        ["connected", "failed", "failed", "refreshed"]
    );
}

#[tokio::test]
async fn a_dropped_reply_without_a_grace_costs_the_grant_only_after_one_more_try() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    server.present.pass(3_400);
    connector.fake.next(Endpoint::Token, Act::ActAndHangUp);
    connector.token(&server, &connection).await.expect(200);
    while connector.fake.refreshes() == 0 || server.app().vault.flights.count() > 0 {
        tokio::task::yield_now().await;
    }
    let still = connector.token(&server, &connection).await;
    still.expect(200);
    server.present.pass(200);
    let lost = connector.token(&server, &connection).await.expect(409);
    assert_eq!((&lost["error"], &lost["reason"]), (&json!("needs_reauth"), &json!("reply_lost")));
    let url = the(&lost["reconnect_url"]);
    assert!(path_of(&url).starts_with("/connections/"), "{url}");
}

#[tokio::test]
async fn a_crash_between_reply_and_commit_is_found_and_heals() {
    let server = Server::with_providers().await;
    let (rules, definition) = forgiving("10m");
    let connector = server.a_connector_with(rules, definition, json!({})).await;
    let connection = connector.connect(&server).await;
    server.present.pass(3_600);
    let app = server.app();
    let id = keyhaven_protocol::id::ConnectionId::parse(&connection).expect("an id");
    let (dead, now) = (app.id(), app.clock.now());
    // Long enough for what follows on a busy machine: the database counts whole seconds.
    let lease = keyhaven_protocol::time::Seconds(6);
    assert!(app.store.take_lease(id, dead, lease).await.expect("commits"));
    assert!(app.store.begin_spending(id, 1, dead, now).await.expect("commits"));
    let reach = keyhaven_store::Reach::Instance;
    let held = app.store.find_held(reach, id).await.expect("reads").expect("is there");
    let token = app.store.open_refresh_token(&held).expect("opens").expect("has one");
    // As the dead node did: the provider turns the token, and nobody hears of the next one.
    let body = format!("grant_type=refresh_token&refresh_token={}", token.reveal());
    let url = format!("{}/token", connector.fake.url()).parse().expect("a URL");
    let mut spend = Outgoing::post(url, "application/x-www-form-urlencoded", body.into_bytes());
    let pair = STANDARD.encode("fake-client:fake-client-secret");
    spend.headers.insert("authorization", format!("Basic {pair}").parse().expect("a header"));
    let reply = app.outside.send(spend, Limits::TOKEN).await.expect("an answer");
    assert_eq!((reply.status, connector.fake.refreshes()), (200, 1));
    // The dead node's lease ends; what it spent is known, and within the grace it is asked again.
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(connector.shown(&server, &connection).await["status"], "active");
}

#[tokio::test]
async fn an_outage_a_rate_limit_and_garbage_ask_nobody_to_reconnect() {
    for act in [
        Act::Html(500),
        Act::Html(403),
        Act::RetryAfter(429, 120),
        Act::Refuse(503, "invalid_grant".into(), "down".into()),
        Act::Empty(502),
        Act::HangUp,
        Act::Endless,
        Act::Huge(2 << 20),
        Act::Html(200),
    ] {
        let server = Server::with_providers().await;
        let rules = Rules { reuse: Reuse::Static, ..Rules::default() };
        let definition = json!({ "refresh": { "kind": "static" } });
        let connector = server.a_connector_with(rules, definition, json!({})).await;
        let connection = connector.connect(&server).await;
        server.present.pass(3_600);
        connector.fake.next(Endpoint::Token, act.clone());
        let failed = connector.token(&server, &connection).await;
        assert_eq!(failed.expect(503)["error"], "provider_unavailable", "{act:?}");
        let again = connector.token(&server, &connection).await;
        assert_eq!(again.status, 503, "{act:?}: backing off");
        assert_eq!(connector.fake.requests(Endpoint::Token), 2, "{act:?}: no caller drives more");
        let shown = connector.shown(&server, &connection).await;
        assert_eq!(shown["status"], "active", "{act:?}: {shown}");
        server.present.pass(3_601);
        connector.token(&server, &connection).await.expect(200);
    }
}

#[tokio::test]
async fn a_wrong_client_secret_is_the_connector_s_and_a_new_one_mends_it() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    connector.fake.change(|rules| rules.client_secret = "another-secret".into());
    server.present.pass(3_600);
    let first = connector.token(&server, &connection).await;
    assert_eq!(first.expect(424)["error"], "connector_misconfigured");
    connector.token(&server, &connection).await.expect(424);
    assert_eq!(connector.fake.requests(Endpoint::Token), 2, "one alert, one pause");
    let shown = connector.shown(&server, &connection).await;
    let told = (&shown["status"], &shown["reason"]);
    assert_eq!(told, (&json!("error"), &json!("connector_misconfigured")));
    let path = format!("/v1/connectors/{}", connector.id);
    let body = json!({ "client_secret": "another-secret" });
    let mended = server
        .ask("PATCH", &path)
        .bearer(&connector.admin(&server).await)
        .json(body)
        .await
        .expect(200);
    assert_eq!(mended["status"], "ok", "{mended}");
    connector.token(&server, &connection).await.expect(200);
}

#[tokio::test]
async fn a_dead_grant_needs_its_user_and_a_reconnect_of_the_same_account_mends_it() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    connector.fake.end_all_grants();
    server.present.pass(3_600);
    let dead = connector.token(&server, &connection).await.expect(409);
    assert_eq!(dead["reason"], "grant_revoked", "{dead}");
    let path = format!("/v1/connections/{connection}/authorization");
    let restart = async || {
        server.present.pass_millis(1);
        let started = server
            .post(&path)
            .bearer(&connector.admin(&server).await)
            .json(json!({}))
            .await
            .expect(200);
        let back = connector.fake.consent(&the(&started["authorization_url"])).expect("consent");
        server.get(path_of(&back)).send().await
    };
    connector.fake.sign_in("account-2");
    let other = restart().await;
    assert!(other.header("location").ends_with("oauth_error=account_mismatch"), "{other:?}");
    connector.token(&server, &connection).await.expect(409);
    connector.fake.sign_in("account-1");
    assert_eq!(restart().await.status, 302);
    connector.token(&server, &connection).await.expect(200);
    let told = connector.timeline(&server, &connection).await;
    assert_eq!(told, ["connected", "failed", "reconnected"]);
}

#[tokio::test]
async fn a_caller_that_hangs_up_cancels_no_refresh() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    server.present.pass(3_600);
    let gate = Gate::default();
    connector.fake.next(Endpoint::Token, Act::WaitFor(gate.clone()));
    let call = connector.token(&server, &connection);
    let gone = tokio::time::timeout(std::time::Duration::from_millis(300), call).await;
    assert!(gone.is_err(), "it was answered");
    gate.open();
    while server.app().vault.flights.count() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(connector.fake.refreshes(), 1);
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(connector.fake.refreshes(), 1, "what it fetched was kept");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_a_minute_and_not_for_ever() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let mut print = the(&connector.token(&server, &connection).await.expect(200)["fingerprint"]);
    for refreshes in 1..=2 {
        let wish = json!({ "rejected": print });
        let fresh = connector.token_with(&server, &connection, wish.clone()).await.expect(200);
        assert_ne!(fresh["fingerprint"], print);
        connector.token_with(&server, &connection, wish).await.expect(200);
        assert_eq!(
            connector.fake.refreshes(),
            refreshes,
            "an older token's report is not believed"
        );
        print = the(&fresh["fingerprint"]);
        let hasty = json!({ "rejected": print });
        connector.token_with(&server, &connection, hasty).await.expect(200);
        assert_eq!(connector.fake.refreshes(), refreshes, "once a minute");
        server.present.pass(60);
    }
    let last = connector.token_with(&server, &connection, json!({ "rejected": print })).await;
    assert_eq!(last.expect(409)["reason"], "rejected_by_api");
}

#[tokio::test]
async fn a_revoked_connection_is_gone_here_and_at_the_provider() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let path = format!("/v1/connections/{connection}");
    let revoked = server.ask("DELETE", &path).bearer(&connector.admin(&server).await).send().await;
    assert_eq!(revoked.status, 204);
    let gone = connector.token(&server, &connection).await.expect(404);
    assert_eq!(gone["error"], "not_connected");
    server.start_jobs();
    while connector.fake.live_grants() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(connector.fake.requests(Endpoint::Revoke), 1);
}

#[tokio::test]
async fn what_is_due_is_refreshed_although_nobody_asks() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    server.present.pass(3_300);
    server.start_jobs();
    while connector.fake.refreshes() == 0 || server.app().vault.flights.count() > 0 {
        tokio::task::yield_now().await;
    }
    connector.token(&server, &connection).await.expect(200);
    assert_eq!(connector.fake.refreshes(), 1);
}

#[tokio::test]
async fn a_key_is_a_connection_too() {
    let server = Server::with_providers().await;
    let definition = json!({
        "kind": "api_key", "authorize": null, "token": null, "revoke": null, "account": null,
        "callback": {}, "reply": {}, "refresh": { "kind": "none" },
    });
    let more = json!({ "method": "api_key", "scopes": [] });
    let connector = server.a_connector_with(Rules::default(), definition, more).await;
    let body = json!({ "connector": connector.id, "api_key": "sk-live-1", "labels": ["billing"] });
    let made = server
        .post("/v1/connections")
        .bearer(&connector.admin(&server).await)
        .json(body)
        .await
        .expect(201);
    let token = connector.token(&server, &the(&made["id"])).await.expect(200);
    assert_eq!((&token["access_token"], &token["expires_at"]), (&json!("sk-live-1"), &json!(null)));
    let path = "/v1/connections?label=billing";
    let listed = server.get(path).bearer(&connector.admin(&server).await).send().await.expect(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
}

#[tokio::test]
async fn a_grant_from_another_system_goes_on_here() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let (_, refresh) = connector.fake.grant("account-9", "read");
    let body = json!({
        "connector": connector.id, "account": "account-9", "refresh_token": refresh,
        "scopes": ["read"],
    });
    let import = async || {
        server
            .post("/v1/connections")
            .bearer(&connector.admin(&server).await)
            .json(body.clone())
            .await
    };
    let made = import().await.expect(201);
    assert_eq!(import().await.status, 409, "a repetition makes no second one");
    connector.token(&server, &the(&made["id"])).await.expect(200);
    assert_eq!(connector.fake.refreshes(), 1);
}

#[tokio::test]
async fn an_installation_that_begins_at_the_provider_begins_again_here() {
    for (unsolicited, status) in [(true, 200), (false, 400)] {
        let server = Server::with_providers().await;
        let definition = json!({ "callback": { "unsolicited": unsolicited } });
        let connector = server.a_connector_with(Rules::default(), definition, json!({})).await;
        let path = format!("/connectors/oauth/callback/{}?code=of-nobody", connector.id);
        let page = server.get(&path).header("accept", "text/html").send().await;
        assert_eq!(page.status, status, "{}", page.text());
        assert_eq!(page.text().contains("Connect from here"), unsolicited, "{}", page.text());
        // A program, and a callback that names a flow, hear what they always hear.
        assert_eq!(server.get(&path).send().await.status, 400);
        let named = server.get(&format!("{path}&state=nobodys")).header("accept", "text/html");
        assert_eq!(named.send().await.status, 400);
        assert_eq!(connector.fake.requests(Endpoint::Token), 0, "its code is never exchanged");
        assert!(connector.connections(&server).await.is_empty());
    }
}
