//! API keys: made whole or not at all, dead with whatever stands behind them, known by their own
//! digest, changed by one of many.

use keyhaven_protocol::api_key::{Backing, Terms};
use keyhaven_protocol::id::{GrantId, KeyId, OrganizationId, UserId};
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::keys::{KeyEdit, KeyRecord, KeysOf, NewKey, NewText};
use keyhaven_store::memberships::Role;
use keyhaven_store::organizations::{Organization, OrganizationEdit, Power};
use keyhaven_store::users::{User, UserEdit};
use keyhaven_store::{Outcome, Page, Reach, Store};
use tokio::task::JoinSet;

use crate::families::{NOW, act_at, digest, id, store};
use crate::harness::Place;

on_every_engine![
    a_key_comes_back_with_everything_that_decides_about_it,
    a_key_dies_with_its_owner_its_organization_and_its_parent,
    a_key_whose_parent_was_purged_stays_dead,
    a_key_for_somebody_who_is_not_a_member_is_not_made,
    a_deleted_key_has_no_new_children,
    of_many_changes_at_once_one_stands,
    a_rotated_key_keeps_the_text_before_for_the_overlap,
    a_change_is_in_force_on_this_node_at_once_and_elsewhere_when_heard,
    keys_of_another_tenant_are_not_found,
    uses_are_written_down_and_never_go_back,
];

pub(crate) const TENANT: OrganizationId = OrganizationId(keyhaven_protocol::id::Id([7; 16]));

pub(crate) fn key(number: u16) -> NewKey {
    NewKey {
        terms: Terms {
            id: KeyId(id(number)),
            scopes: Scopes::parse("read write").expect("scopes"),
            expires_at: None,
            disabled_at: None,
            allowed: Default::default(),
            rate_limits: Vec::new(),
            depth: 3,
        },
        parent: None,
        organization: Some(TENANT),
        owner: None,
        project: None,
        group: None,
        app: None,
        label: format!("key {number}"),
        hash: digest(number, 0),
        prefix: "kh_key_".into(),
        last_four: "abcd".into(),
        budget: None,
    }
}

/// A store with one tenant.
pub(crate) async fn house(place: &Place) -> Store {
    let store = store(place).await;
    let tenant = Organization {
        id: TENANT,
        name: "A tenant".into(),
        slug: "tenant".into(),
        created_at: NOW,
        disabled_at: None,
    };
    store.create_organization(&tenant, act_at(NOW)).await.expect("commits");
    store
}

pub(crate) async fn make(store: &Store, key: &NewKey) -> Outcome {
    store.create_key(key, act_at(NOW)).await.expect("commits")
}

async fn member(store: &Store, number: u16) -> UserId {
    let user = User {
        id: UserId(id(number)),
        email: format!("{number}@a.test"),
        name: "A person".into(),
        created_at: NOW,
        disabled_at: None,
    };
    store.create_user(&user, act_at(NOW)).await.expect("commits");
    let added = store.add_member(TENANT, user.id, Role::Member, act_at(NOW)).await;
    assert_eq!(added.expect("commits"), Outcome::Done);
    user.id
}

async fn backing(store: &Store, number: u16) -> Backing {
    let key = store.recall_key(KeyId(id(number)), 0).await.expect("reads").expect("a key");
    key.key.backing
}

async fn record(store: &Store, number: u16) -> KeyRecord {
    let found = store.find_key(Reach::Instance, KeyId(id(number))).await;
    found.expect("reads").expect("a key")
}

async fn a_key_comes_back_with_everything_that_decides_about_it(place: Place) {
    let store = house(&place).await;
    let mut parent = key(1);
    parent.terms.expires_at = Some(Timestamp(NOW.0 + 100));
    assert_eq!(make(&store, &parent).await, Outcome::Done);
    let mut child = key(2);
    child.parent = Some(GrantId(id(1)));
    child.terms.allowed =
        keyhaven_protocol::allow_list::AllowList::parse(["https://a.test"], ["192.0.2.0/24"])
            .expect("a list");
    assert_eq!(make(&store, &child).await, Outcome::Done);
    let known = store.recall_key(KeyId(id(2)), 0).await.expect("reads").expect("a key");
    assert_eq!((&known.key.own, &known.key.above), (&child.terms, &vec![parent.terms]));
    assert_eq!(known.key.secrets.current, digest(2, 0));
    assert_eq!(known.key.backing, Backing::Firm);
    assert!(store.recall_key(KeyId(id(3)), 0).await.expect("reads").is_none());
}

async fn a_key_dies_with_its_owner_its_organization_and_its_parent(place: Place) {
    let store = house(&place).await;
    let owner = member(&store, 100).await;
    let mut owned = key(1);
    owned.owner = Some(owner);
    make(&store, &owned).await;
    make(&store, &key(2)).await;
    make(&store, &NewKey { parent: Some(GrantId(id(2))), ..key(3) }).await;
    let act = || act_at(NOW);

    let edit = |standing| UserEdit { standing: Some(standing), ..UserEdit::default() };
    store.update_user(owner, edit(Power::Disabled), "{}", act()).await.expect("commits");
    assert_eq!(backing(&store, 1).await, Backing::OwnerDisabled);
    store.update_user(owner, edit(Power::Enabled), "{}", act()).await.expect("commits");
    assert_eq!(backing(&store, 1).await, Backing::Firm);
    store.remove_member(TENANT, owner, act()).await.expect("commits");
    assert_eq!(backing(&store, 1).await, Backing::Revoked);

    assert_eq!(backing(&store, 3).await, Backing::Firm);
    store.delete_key(Some(TENANT), KeyId(id(2)), act()).await.expect("commits");
    assert_eq!(backing(&store, 3).await, Backing::Revoked);

    make(&store, &key(4)).await;
    let edit = OrganizationEdit { standing: Some(Power::Disabled), ..OrganizationEdit::default() };
    store.update_organization(TENANT, edit, "{}", act()).await.expect("commits");
    assert_eq!(backing(&store, 4).await, Backing::OrganizationDisabled);
}

async fn a_key_whose_parent_was_purged_stays_dead(place: Place) {
    let store = house(&place).await;
    make(&store, &key(1)).await;
    make(&store, &NewKey { parent: Some(GrantId(id(1))), ..key(2) }).await;
    store.delete_key(Some(TENANT), KeyId(id(1)), act_at(NOW)).await.expect("commits");
    let later = Timestamp(NOW.0 + 100_000);
    let window = Seconds(1_000_000);
    while store.purge(Seconds(90), window, later).await.expect("purges").more {}
    let found = store.recall_key(KeyId(id(2)), 0).await.expect("reads");
    assert!(found.is_none_or(|known| known.key.backing == Backing::Revoked));
}

async fn a_key_for_somebody_who_is_not_a_member_is_not_made(place: Place) {
    let store = house(&place).await;
    let mut stray = key(1);
    stray.owner = Some(UserId(id(100)));
    assert_eq!(make(&store, &stray).await, Outcome::Unknown("owner", 0));
    assert!(store.recall_key(KeyId(id(1)), 0).await.expect("reads").is_none());
    assert_eq!(make(&store, &key(1)).await, Outcome::Done);
}

async fn a_deleted_key_has_no_new_children(place: Place) {
    let store = house(&place).await;
    make(&store, &key(1)).await;
    store.delete_key(Some(TENANT), KeyId(id(1)), act_at(NOW)).await.expect("commits");
    let child = NewKey { parent: Some(GrantId(id(1))), ..key(2) };
    assert_eq!(make(&store, &child).await, Outcome::Unknown("parent", 0));
    let again = store.delete_key(Some(TENANT), KeyId(id(1)), act_at(NOW)).await.expect("commits");
    assert_eq!(again.0, Outcome::Absent);
}

async fn of_many_changes_at_once_one_stands(place: Place) {
    let (one, other) = (house(&place).await, store(&place).await);
    make(&one, &key(1)).await;
    let before = record(&one, 1).await;
    let mut tries = JoinSet::new();
    for nth in 0..20 {
        let store = if nth % 2 == 0 { one.clone() } else { other.clone() };
        let before = before.clone();
        let edit = KeyEdit { label: Some(format!("change {nth}")), ..KeyEdit::default() };
        tries.spawn(async move { store.update_key(&before, &edit, "{}", act_at(NOW)).await });
    }
    let outcomes = tries.join_all().await;
    let stood = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Done))).count();
    let moved = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Moved))).count();
    assert_eq!((stood, moved), (1, 19), "{outcomes:?}");
}

async fn a_rotated_key_keeps_the_text_before_for_the_overlap(place: Place) {
    let store = house(&place).await;
    make(&store, &key(1)).await;
    let text = |generation, overlap| NewText {
        hash: digest(1, generation),
        prefix: "kh_key_".into(),
        last_four: "wxyz".into(),
        overlap: Seconds(overlap),
    };
    store.rotate_key(&record(&store, 1).await, &text(1, 60), act_at(NOW)).await.expect("commits");
    let secrets = || async {
        store.recall_key(KeyId(id(1)), 0).await.expect("reads").expect("a key").key.secrets
    };
    let at = |seconds| Timestamp(NOW.0 + seconds);
    let kept = secrets().await;
    assert!(kept.fit(digest(1, 1), at(100)) && kept.fit(digest(1, 0), at(59)));
    assert!(!kept.fit(digest(1, 0), at(60)));
    store.rotate_key(&record(&store, 1).await, &text(2, 0), act_at(NOW)).await.expect("commits");
    let kept = secrets().await;
    assert!(
        kept.fit(digest(1, 2), NOW) && !kept.fit(digest(1, 1), NOW) && !kept.fit(digest(1, 0), NOW)
    );
}

async fn a_change_is_in_force_on_this_node_at_once_and_elsewhere_when_heard(place: Place) {
    let (one, other) = (house(&place).await, store(&place).await);
    make(&one, &key(1)).await;
    for store in [&one, &other] {
        store.known().heard(0);
        assert_eq!(backing(store, 1).await, Backing::Firm);
    }
    one.delete_key(Some(TENANT), KeyId(id(1)), act_at(NOW)).await.expect("commits");
    assert_eq!(backing(&one, 1).await, Backing::Revoked);
    for (_, change) in other.list_changes_since(id(0)).await.expect("reads") {
        other.known().apply(change, NOW);
    }
    assert_eq!(backing(&other, 1).await, Backing::Revoked);
}

async fn keys_of_another_tenant_are_not_found(place: Place) {
    let store = house(&place).await;
    make(&store, &key(1)).await;
    let stranger = Reach::Organization(OrganizationId(id(8)));
    assert!(store.find_key(stranger, KeyId(id(1))).await.expect("reads").is_none());
    let page = Page { after: None, limit: 10 };
    for (reach, count) in [(stranger, 0), (Reach::Organization(TENANT), 1), (Reach::Instance, 1)] {
        let listed = store.list_keys(KeysOf::Reach(reach), page).await.expect("reads");
        assert_eq!(listed.items.len(), count, "{reach:?}");
    }
}

async fn uses_are_written_down_and_never_go_back(place: Place) {
    let store = house(&place).await;
    make(&store, &key(1)).await;
    let key = KeyId(id(1));
    for (at, expected) in [(10, 10), (5, 10), (12, 12)] {
        let uses = vec![(key, Timestamp(NOW.0 + at)), (KeyId(id(99)), NOW)];
        store.note_key_uses(uses).await.expect("commits");
        assert_eq!(record(&store, 1).await.last_used_at, Some(Timestamp(NOW.0 + expected)));
    }
}
