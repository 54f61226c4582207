//! What ends a key on one node is refused on the other within the promised second, whether or not
//! the other hears of it.

use std::time::Duration;

use keyhaven_store::changes::HEARD_WITHIN;
use serde_json::json;

use crate::harness::{Place, Server};

/// Ways to end a key, each done on one node.
#[derive(Clone, Copy, Debug)]
enum End {
    Disabled,
    Deleted,
    ParentDeleted,
    OwnerDisabled,
}

const WAYS: [End; 4] = [End::Disabled, End::Deleted, End::ParentDeleted, End::OwnerDisabled];

/// A key with a parent and an owner, ended as asked once `other` has it in memory.
async fn end(one: &Server, other: &Server, way: End) -> String {
    let ada = one.a_person(&format!("{way:?}@a.test").to_lowercase()).await;
    let parent = one.a_key(json!({"owner": ada.id.to_string()})).await;
    let key = one.a_key(json!({"parent": parent.id})).await;
    other.check(&key.text, json!({})).await.expect(200);
    let token = one.an_administrator().await;
    let key_path = format!("/v1/keys/{}", key.id);
    let status = match way {
        End::Disabled => {
            let body = json!({"disabled": true});
            one.ask("PATCH", &key_path).bearer(&token).json(body).await.status
        }
        End::Deleted => one.ask("DELETE", &key_path).bearer(&token).send().await.status,
        End::ParentDeleted => {
            let path = format!("/v1/keys/{}", parent.id);
            one.ask("DELETE", &path).bearer(&token).send().await.status
        }
        End::OwnerDisabled => {
            one.set_standing(&ada, keyhaven_store::organizations::Power::Disabled).await;
            200
        }
    };
    assert_eq!(status, 200, "{way:?}");
    assert_eq!(one.check(&key.text, json!({})).await.status, 401, "{way:?}: at once on this node");
    key.text
}

/// A node that hears nothing stops trusting its memory, so the bound holds without its poller.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_hears_nothing_refuses_an_ended_key_within_the_promised_second() {
    let place = Place::postgres().await;
    let one = Server::on(&place, &[]).await;
    let other = one.beside().await;
    for way in WAYS {
        other.app().store.known().heard(other.app().clock.tick());
        let text = end(&one, &other, way).await;
        other.present.pass_millis(HEARD_WITHIN.0.unsigned_abs() * 1_000 + 1);
        assert_eq!(other.check(&text, json!({})).await.status, 401, "{way:?}");
    }
    drop((one, other));
    place.discard().await;
}

/// With the poller the other node hears; its clock stands still, so nothing else can end the key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_hears_of_a_key_that_ended_elsewhere() {
    let place = Place::postgres().await;
    let one = Server::on(&place, &[]).await;
    let other = one.beside().await;
    other.start_jobs();
    for way in WAYS {
        let text = end(&one, &other, way).await;
        let dead = async {
            while other.check(&text, json!({})).await.status != 401 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), dead).await.expect("the node hears");
    }
    drop((one, other));
    place.discard().await;
}
