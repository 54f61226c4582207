//! Connectors: one alert, one probe, one promotion; a deleted one waits for its connections.

use keyhaven_protocol::connection::state::Reason;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::connectors::{ConnectorEdit, Kept, NewSecret};
use keyhaven_store::{Outcome, Reach, Store};

use crate::connections::{
    ORGANIZATION, connect, connector_id, done, furnished, held, new_connection, tokens,
};
use crate::families::{NOW, act_at};
use crate::harness::Place;

on_every_engine![
    a_wrong_secret_is_told_once_and_cleared_once,
    a_probe_is_taken_once,
    a_new_secret_is_tried_beside_the_old_and_promoted_once,
    another_app_replaces_the_secret,
    a_change_counts_under_the_revision_it_read,
    a_deleted_connector_goes_after_its_connections,
    a_connector_of_another_tenant_is_not_there,
];

async fn kept(store: &Store) -> Kept {
    let found = store.find_connector(Reach::Instance, connector_id()).await.expect("reads");
    found.expect("is there")
}

async fn a_wrong_secret_is_told_once_and_cleared_once(place: Place) {
    let store = furnished(&place).await;
    let blame = async || {
        let id = connector_id();
        let probe_at = NOW.plus(Seconds(30));
        let blamed =
            store.blame_connector(ORGANIZATION, id, "invalid_client", probe_at, act_at(NOW)).await;
        blamed.expect("commits")
    };
    let (one, other) = tokio::join!(blame(), blame());
    assert_eq!([one, other].iter().filter(|outcome| **outcome == Outcome::Done).count(), 1);
    assert_eq!(kept(&store).await.connector.fault.as_deref(), Some("invalid_client"));
    let clear = async || {
        store.clear_connector(ORGANIZATION, connector_id(), act_at(NOW)).await.expect("commits")
    };
    done(clear().await);
    assert_eq!(clear().await, Outcome::Moved);
}

async fn a_probe_is_taken_once(place: Place) {
    let store = furnished(&place).await;
    let (id, probe_at) = (connector_id(), NOW.plus(Seconds(30)));
    let take = async |now| {
        store.take_probe(ORGANIZATION, id, NOW.plus(Seconds(90)), now).await.expect("commits")
    };
    assert!(!take(probe_at).await, "nothing is wrong");
    done(store.blame_connector(ORGANIZATION, id, "f", probe_at, act_at(NOW)).await.expect("ok"));
    assert!(!take(NOW).await, "too early");
    let (one, other) = tokio::join!(take(probe_at), take(probe_at));
    assert!(one != other, "{one} {other}");
}

async fn a_new_secret_is_tried_beside_the_old_and_promoted_once(place: Place) {
    let store = furnished(&place).await;
    let secret = Secret::from("the-next-app-secret");
    let edit = ConnectorEdit { secret: Some(NewSecret::Next(&secret)), ..Default::default() };
    done(
        store.update_connector(&kept(&store).await, edit, [2; 32], act_at(NOW)).await.expect("ok"),
    );
    let both = kept(&store).await;
    let secrets = store.open_app_secrets(&both).expect("opens");
    let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.reveal().to_owned());
    assert_eq!(text(&secrets.current).as_deref(), Some("app-secret-of-length"));
    assert_eq!(text(&secrets.next).as_deref(), Some("the-next-app-secret"));
    let promote =
        async || store.promote_secret(&both, [3; 32], act_at(NOW)).await.expect("commits");
    let (one, other) = tokio::join!(promote(), promote());
    assert_eq!([one, other].iter().filter(|outcome| **outcome == Outcome::Done).count(), 1);
    let after = kept(&store).await;
    let secrets = store.open_app_secrets(&after).expect("opens");
    assert_eq!(text(&secrets.current).as_deref(), Some("the-next-app-secret"));
    assert!(secrets.next.is_none());
    assert_eq!(after.connector.secret.map(|mark| mark.hint).as_deref(), Some("cret"));
}

async fn another_app_replaces_the_secret(place: Place) {
    let store = furnished(&place).await;
    let secret = Secret::from("short");
    let edit = ConnectorEdit {
        client_id: Some("other-app"),
        secret: Some(NewSecret::Replacing(&secret)),
        ..Default::default()
    };
    done(
        store.update_connector(&kept(&store).await, edit, [2; 32], act_at(NOW)).await.expect("ok"),
    );
    let after = kept(&store).await;
    assert_eq!(after.connector.client_id.as_deref(), Some("other-app"));
    let hint = after.connector.secret.as_ref().map(|mark| mark.hint.as_str());
    assert_eq!(hint, Some(""), "four characters of a short secret are most of it");
    let secrets = store.open_app_secrets(&after).expect("opens");
    assert_eq!(secrets.current.map(|secret| secret.reveal().to_owned()).as_deref(), Some("short"));
}

async fn a_change_counts_under_the_revision_it_read(place: Place) {
    let store = furnished(&place).await;
    let before = kept(&store).await;
    let edit = ConnectorEdit { name: Some("Jira two"), ..Default::default() };
    done(store.update_connector(&before, edit, [2; 32], act_at(NOW)).await.expect("commits"));
    let late = store.update_connector(&before, edit, [2; 32], act_at(NOW)).await.expect("commits");
    assert_eq!(late, Outcome::Moved);
}

async fn a_deleted_connector_goes_after_its_connections(place: Place) {
    let store = furnished(&place).await;
    connect(&store, 1, "alice").await;
    let (id, remove) = (connector_id(), async || {
        store.remove_connector(ORGANIZATION, connector_id(), act_at(NOW)).await.expect("commits")
    });
    assert_eq!(remove().await, Outcome::Moved, "it was never deleted");
    done(store.begin_deleting_connector(ORGANIZATION, id, act_at(NOW)).await.expect("commits"));
    let late = new_connection(2, "bob");
    let late = store.connect_account(&late, &tokens(2), [1; 32], act_at(NOW)).await;
    assert_eq!(late.expect("commits"), Outcome::Absent, "it makes no more connections");
    assert_eq!(remove().await, Outcome::Moved, "a connection lives");
    let connection = held(&store, 1).await.connection;
    let reason = Reason::ConnectorDeleted;
    done(store.revoke_connection(&connection, reason, "n1", act_at(NOW)).await.expect("commits"));
    assert_eq!(remove().await, Outcome::Moved, "the provider must be told with its secret");
    let farewell = store.take_farewells(NOW, NOW, 1).await.expect("commits").remove(0);
    done(store.forget_farewell(&farewell, "provider_told", "n1", act_at(NOW)).await.expect("ok"));
    done(remove().await);
    assert!(store.find_connector(Reach::Instance, id).await.expect("reads").is_none());
}

async fn a_connector_of_another_tenant_is_not_there(place: Place) {
    let store = furnished(&place).await;
    let other = Reach::Organization(keyhaven_protocol::id::OrganizationId(crate::families::id(2)));
    assert!(store.find_connector(other, connector_id()).await.expect("reads").is_none());
    connect(&store, 1, "alice").await;
    let held = store.find_held(other, crate::connections::connection_id(1)).await.expect("reads");
    assert!(held.is_none());
}
