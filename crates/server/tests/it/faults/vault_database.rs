//! F04 and F06 on the vault: the database goes away while a provider's reply is on its way here. The
//! reply cannot be had again, so it is kept until it can be stored; callers hear "not now".

use std::time::Duration;

use keyhaven_fake_provider::{Act, Endpoint, Gate, Rules};
use serde_json::json;

use super::cluster::Cluster;
use super::installation::Installation;
use super::vault::{Vault, until};
use crate::harness::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f04_a_reply_outlives_a_database_that_goes_away() {
    let cluster = Cluster::start();
    let installation = Installation::on(cluster.database());
    // Any older refresh token that is sent would end the grant.
    let vault = Vault::furnish(&installation, Rules::default(), "0s").await;
    let server = vault.serve(&installation).await;
    let mut session = vault.session(&server).await;
    let gate = Gate::default();
    vault.fake.next(Endpoint::Token, Act::WaitFor(gate.clone()));
    let connection = vault.import(&mut session, "account-1").await;
    until("a refresh is under way", || vault.fake.requests(Endpoint::Token) == 1).await;
    cluster.stop();
    gate.open();
    until("the provider has acted", || vault.fake.refreshes() == 1).await;
    let down = session.token(&connection).await;
    assert_eq!(down.status, 503, "{down:?}");
    assert!(down.retry_after.is_some(), "{down:?}");
    cluster.serve();
    let token = session.token_at_last(&connection).await;
    assert_eq!(vault.fake.account_of(&token).as_deref(), Some("account-1"));
    assert_eq!(vault.fake.refreshes(), 1, "what it fetched was kept");
    server.kill().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f06_a_reply_waits_for_a_database_that_is_busy() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    server.present.pass(3_600);
    let gate = Gate::default();
    connector.fake.next(Endpoint::Token, Act::WaitFor(gate.clone()));
    let (answer, ()) = tokio::join!(connector.token(&server, &connection), async {
        while connector.fake.requests(Endpoint::Token) < 2 {
            tokio::task::yield_now().await;
        }
        server.database.fail_commits();
        gate.open();
        while connector.fake.refreshes() == 0 {
            tokio::task::yield_now().await;
        }
        // Long enough for some tries; however long it is, nothing may be lost.
        tokio::time::sleep(Duration::from_millis(400)).await;
        server.database.repair();
    });
    answer.expect(200);
    assert_eq!(connector.fake.refreshes(), 1, "it was asked once");
    assert_eq!(connector.timeline(&server, &connection).await, ["connected", "refreshed"]);
}

#[tokio::test]
async fn f06_nothing_is_sent_that_was_not_written_down() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    server.present.pass(3_590);
    let admin = connector.admin(&server).await;
    let path = format!("/v1/connections/{connection}/token");
    let wish = json!({ "min_ttl": 86_400 });
    server.database.fail_commits();
    let refused = server.post(&path).bearer(&admin).json(wish.clone()).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(connector.fake.requests(Endpoint::Token), 1, "the exchange alone");
    server.database.repair();
    server.post(&path).bearer(&admin).json(wish).await.expect(200);
}
