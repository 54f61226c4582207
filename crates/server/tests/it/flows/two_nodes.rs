//! F13: two nodes over one database. Single use, rotation and key rotation have one winner; what
//! ends on one is refused on the other within the promised second.

use std::time::Duration;

use keyhaven::app::Origin;
use keyhaven_store::changes::HEARD_WITHIN;

use crate::harness::{AClient, Place, Server};

on_every_engine![
    a_rotation_on_one_node_is_the_rotation_on_both,
    a_key_rotation_that_is_due_happens_once_whoever_is_first,
    a_token_signed_by_one_node_verifies_on_the_other,
];

/// Both nodes serve the clients and tokens of the first, and each has them in memory.
async fn two_nodes(place: &Place) -> (Server, Server) {
    let first = Server::on(place, &[]).await;
    let second = first.beside().await;
    (first, second)
}

async fn a_rotation_on_one_node_is_the_rotation_on_both(place: Place) {
    let (one, other) = two_nodes(&place).await;
    let client = one.a_client().build().await;
    let (_, first) = one.tokens(&client).await;
    let (_, second) = other.refresh(&client, &first).await.pair();
    let (_, same) = one.refresh(&client, &first).await.pair();
    assert_eq!(same, second, "the grace window is the family's, not the node's");
    let (_, third) = one.refresh(&client, &second).await.pair();
    let replay = other.refresh(&client, &first).await;
    replay.refused(&other, 400, "invalid_grant", "a spent refresh token was used again");
    let dead = one.refresh(&client, &third).await;
    dead.refused(&one, 400, "invalid_grant", "refresh family is revoked");
}

async fn a_key_rotation_that_is_due_happens_once_whoever_is_first(place: Place) {
    let (one, other) = two_nodes(&place).await;
    let origin = Origin { address: std::net::Ipv4Addr::LOCALHOST.into(), request: "test".into() };
    let keep = async |node: &Server| node.app().keys.keep(node.app(), &origin).await;
    for generation in [2, 3] {
        one.present.pass(30 * 86_400 + 600);
        // At once for the second key; one after the other, without having heard, for the third.
        if generation == 2 {
            let (a, b) = tokio::join!(keep(&one), keep(&other));
            a.and(b).expect("the loser takes the winner's key");
        } else {
            keep(&one).await.expect("storage works");
            keep(&other).await.expect("storage works");
        }
        let keys = one.app().store.list_signing_keys().await.expect("storage works");
        assert_eq!(keys[0].generation, generation, "one key more");
        for node in [&one, &other] {
            let published = node.get("/.well-known/jwks.json").send().await.text();
            assert!(published.contains(&keys[0].kid), "{published}");
        }
    }
}

async fn a_token_signed_by_one_node_verifies_on_the_other(place: Place) {
    let (one, other) = two_nodes(&place).await;
    let client = one.a_client().build().await;
    for (signer, verifier) in [(&one, &other), (&other, &one)] {
        let token = signer.token(&client).await;
        assert!(verifier.is_active(&client, &token).await);
    }
}

/// The ways to end a token, each done on one node.
async fn end_by_revocation(one: &Server, client: &AClient, access: &str) {
    let form = [("token", access)];
    let answer = one.post("/oauth2/revoke").basic(client).form(&form).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn end_by_disabling(one: &Server, client: &AClient) {
    let now = one.app().clock.now();
    client.alter(one, |record| record.disabled_at = Some(now)).await;
}

/// A node that hears nothing stops trusting its memory, so the bound holds without its poller.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_hears_nothing_refuses_within_the_promised_second() {
    let place = Place::postgres().await;
    let (one, other) = two_nodes(&place).await;
    for opaque in [false, true] {
        other.app().store.known().heard(other.app().clock.tick());
        let client = if opaque { one.a_client().opaque() } else { one.a_client() }.build().await;
        let watcher = one.a_client().build().await;
        let (access, refresh) = one.tokens(&client).await;
        let (by_family, _) = one.refresh(&client, &refresh).await.pair();
        for token in [&access, &by_family] {
            assert!(other.is_active(&watcher, token).await, "and now in its memory");
        }
        end_by_revocation(&one, &client, &access).await;
        end_by_revocation(&one, &client, &refresh).await;
        let second = HEARD_WITHIN.0.unsigned_abs() * 1_000;
        other.present.pass_millis(second + 1);
        for token in [&access, &by_family] {
            assert!(!other.is_active(&watcher, token).await, "it asked the database");
        }

        let (access, _) = one.tokens(&client).await;
        assert!(other.is_active(&watcher, &access).await);
        end_by_disabling(&one, &client).await;
        other.present.pass_millis(second + 1);
        assert!(!other.is_active(&watcher, &access).await);
        let refused = other.refresh(&client, &refresh).await;
        refused.refused(&other, 401, "invalid_client", "client is disabled");
    }
    drop((one, other));
    place.discard().await;
}

/// With the poller the other node hears without having to ask; its clock stands still here, so
/// nothing but hearing can end the token.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_hears_of_what_ended_elsewhere() {
    let place = Place::postgres().await;
    let (one, other) = two_nodes(&place).await;
    let client = one.a_client().build().await;
    let watcher = one.a_client().build().await;
    let (access, refresh) = one.tokens(&client).await;
    let (by_family, _) = one.refresh(&client, &refresh).await.pair();
    let (kept, _) = one.tokens(&client).await;
    for token in [&access, &by_family, &kept] {
        assert!(other.is_active(&watcher, token).await, "and now in its memory");
    }
    other.start_jobs();
    end_by_revocation(&one, &client, &access).await;
    end_by_revocation(&one, &client, &refresh).await;
    until_dead(&other, &watcher, &[&access, &by_family]).await;
    assert!(other.is_active(&watcher, &kept).await, "another family lives");
    end_by_disabling(&one, &client).await;
    until_dead(&other, &watcher, &[&kept]).await;
    drop((one, other));
    place.discard().await;
}

async fn until_dead(node: &Server, watcher: &AClient, tokens: &[&str]) {
    let all_dead = async {
        for token in tokens {
            while node.is_active(watcher, token).await {
                tokio::task::yield_now().await;
            }
        }
    };
    // Not the promise, which the test above proves: a guard against waiting for ever.
    tokio::time::timeout(Duration::from_secs(30), all_dead).await.expect("the node hears");
}
