//! Tenants, people and clients: what is unique, what is counted, what goes together.

use keyhaven_protocol::client::{AuthMethod, Client, Profile, Standing, TokenFormat};
use keyhaven_protocol::id::{ClientId, GroupId, OrganizationId, UserId};
use keyhaven_protocol::relying_party::RelyingParty;
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::changes::{Change, Kind};
use keyhaven_store::client_secrets::NewSecret;
use keyhaven_store::clients::ClientRecord;
use keyhaven_store::groups::Group;
use keyhaven_store::idempotency::Answer;
use keyhaven_store::memberships::Role;
use keyhaven_store::organizations::{Organization, OrganizationEdit, Power};
use keyhaven_store::refusals::Explanation;
use keyhaven_store::seal::{MasterKey, Sealer};
use keyhaven_store::users::User;
use keyhaven_store::{Act, Outcome, Page, Reach, Store};

use crate::harness::Place;

on_every_engine![
    of_two_registrations_of_one_slug_one_wins,
    of_many_rotations_at_once_one_wins,
    an_ended_secret_makes_room,
    a_client_comes_with_its_secrets_and_standing_in_one_read,
    a_change_from_a_stale_read_is_refused,
    an_organization_takes_its_tree_with_it,
    nothing_enters_a_deleted_organization,
    a_group_of_another_tenant_is_unknown,
    an_answered_key_carries_nothing_out_again,
    a_change_leaves_its_audit_row_and_its_notice,
    revoking_everything_never_reaches_back,
    a_refusal_is_kept_under_its_first_meaning,
    a_member_leaves_with_its_groups,
];

const NOW: u64 = 1_800_000_000_000;
const ALL: Page = Page { after: None, limit: 100 };

async fn store(place: &Place) -> Store {
    let sealer = Sealer::new(&MasterKey::new([1; 32]), &[]).expect("a sealer");
    Store::new(place.open().await, sealer)
}

/// A deed whose ids grow from `seed`.
fn act(seed: u8) -> Act {
    Act::new(NOW, [seed; 32], "tester", "request")
}

fn organization(seed: u8, slug: &str) -> Organization {
    Organization {
        id: OrganizationId(act(seed).id()),
        name: slug.into(),
        slug: slug.into(),
        created_at: act(seed).now,
        disabled_at: None,
    }
}

async fn a_tenant(store: &Store, seed: u8, slug: &str) -> OrganizationId {
    let new = organization(seed, slug);
    done(store.create_organization(&new, act(seed)).await);
    new.id
}

fn client(seed: u8, organization: Option<OrganizationId>) -> ClientRecord {
    let id = ClientId(act(seed).id());
    let client = Client {
        id,
        public_id: id.to_string(),
        organization,
        name: "C".into(),
        standing: Standing::Active,
        profile: Profile::Strict,
        auth_method: AuthMethod::Basic,
        secrets: Vec::new(),
        assertion_alg: None,
        keys: None,
        keys_uri: None,
        grant_types: vec!["client_credentials".into()],
        scopes: Scopes::parse("read write").expect("scopes"),
        audience: None,
        token_format: TokenFormat::Jwt,
        token_alg: "ES256".into(),
        access_ttl: Seconds(600),
        refresh_idle: Seconds(3600),
        refresh_absolute: Seconds(7200),
        refresh_grace: Seconds(90),
        not_before: Timestamp(0),
        party: RelyingParty {
            redirect_uris: vec!["https://a.test/cb".into(), "https://b.test/cb".into()],
            ..RelyingParty::default()
        },
    };
    ClientRecord {
        client,
        groups: Vec::new(),
        created_at: Timestamp(1),
        disabled_at: None,
        revision: 1,
    }
}

async fn a_client(store: &Store, seed: u8, organization: Option<OrganizationId>) -> Client {
    let record = client(seed, organization);
    let secret = NewSecret::mint(act(seed).id(), &[seed; 32]);
    done(store.register_client(&record, Some(&secret), act(seed)).await);
    record.client
}

#[track_caller]
fn done(outcome: Result<Outcome, keyhaven_store::Error>) {
    assert_eq!(outcome.expect("storage answers"), Outcome::Done);
}

async fn of_two_registrations_of_one_slug_one_wins(place: Place) {
    let store = store(&place).await;
    let (one, two) = (organization(1, "acme"), organization(2, "acme"));
    let (one, two) = tokio::join!(
        store.create_organization(&one, act(3)),
        store.create_organization(&two, act(4)),
    );
    let outcomes = [one.expect("answers"), two.expect("answers")];
    assert!(outcomes.contains(&Outcome::Done), "{outcomes:?}");
    assert!(outcomes.contains(&Outcome::Taken("slug")), "{outcomes:?}");
}

async fn of_many_rotations_at_once_one_wins(place: Place) {
    let store = store(&place).await;
    let client = a_client(&store, 1, None).await;
    let rotate = async |seed: u8| {
        let secret = NewSecret::mint(act(seed).id(), &[seed; 32]);
        store.rotate_client_secret(&client, &secret, Seconds(60), act(seed)).await.expect("answers")
    };
    let (a, b, c, d) = tokio::join!(rotate(10), rotate(11), rotate(12), rotate(13));
    let won = [a, b, c, d].into_iter().filter(|outcome| *outcome == Outcome::Done).count();
    assert_eq!(won, 1, "{a:?} {b:?} {c:?} {d:?}");
    let live = store.list_client_secrets(client.id, act(0).now).await.expect("answers");
    assert_eq!(live.len(), 2);
}

async fn an_ended_secret_makes_room(place: Place) {
    let store = store(&place).await;
    let client = a_client(&store, 1, None).await;
    let rotate = async |seed: u8, overlap: i64| {
        let secret = NewSecret::mint(act(seed).id(), &[seed; 32]);
        store.rotate_client_secret(&client, &secret, Seconds(overlap), act(seed)).await
    };
    done(rotate(2, 0).await);
    let live = store.list_client_secrets(client.id, act(0).now).await.expect("answers");
    assert_eq!(live.len(), 1, "without overlap the old secret is gone at once");
    done(rotate(3, 60).await);
    assert_eq!(rotate(4, 60).await.expect("answers"), Outcome::Full("secrets"));
    done(store.delete_client_secret(&client, live[0].id, act(5)).await);
    done(rotate(6, 60).await);
}

async fn a_client_comes_with_its_secrets_and_standing_in_one_read(place: Place) {
    let store = store(&place).await;
    let tenant = a_tenant(&store, 1, "acme").await;
    let made = a_client(&store, 2, Some(tenant)).await;
    let secret = NewSecret::mint(act(3).id(), &[3; 32]);
    done(store.rotate_client_secret(&made, &secret, Seconds(60), act(3)).await);
    let found = store.find_client(made.id).await.expect("answers").expect("is there");
    let first = NewSecret::mint(act(2).id(), &[2; 32]).text.digest();
    let digests: Vec<Digest> = found.secrets.iter().map(|secret| secret.digest).collect();
    assert!(digests.contains(&first) && digests.contains(&secret.text.digest()));
    assert_eq!(found.standing, Standing::Active);
    assert_eq!(found.scopes.as_str(), "read write");
    let edit = OrganizationEdit { standing: Some(Power::Disabled), ..Default::default() };
    done(store.update_organization(tenant, edit, "{}", act(4)).await);
    let found = store.find_client(made.id).await.expect("answers").expect("is there");
    assert_eq!(found.standing, Standing::OrganizationDisabled);
}

async fn a_change_from_a_stale_read_is_refused(place: Place) {
    let store = store(&place).await;
    let id = a_client(&store, 1, None).await.id;
    let read = store.find_client_record(Reach::Instance, id).await.expect("answers");
    let before = read.expect("is there");
    let mut after = before.clone();
    after.client.name = "D".into();
    done(store.update_client(&before, &after, "{}", act(2)).await);
    let again = store.update_client(&before, &after, "{}", act(3)).await.expect("answers");
    assert_eq!(again, Outcome::Moved);
}

async fn an_organization_takes_its_tree_with_it(place: Place) {
    let store = store(&place).await;
    let (tenant, other) = (a_tenant(&store, 1, "a").await, a_tenant(&store, 2, "b").await);
    let (gone, stays) =
        (a_client(&store, 3, Some(tenant)).await, a_client(&store, 4, Some(other)).await);
    done(store.delete_organization(tenant, act(5)).await);
    assert!(store.find_client(gone.id).await.expect("answers").is_none());
    assert!(store.find_client(stays.id).await.expect("answers").is_some());
    let secrets = store.list_client_secrets(gone.id, act(0).now).await.expect("answers");
    assert!(secrets.is_empty());
    let again = store.delete_organization(tenant, act(6)).await.expect("answers");
    assert_eq!(again, Outcome::Absent);
}

async fn nothing_enters_a_deleted_organization(place: Place) {
    let store = store(&place).await;
    let tenant = a_tenant(&store, 1, "a").await;
    done(store.delete_organization(tenant, act(2)).await);
    let record = client(3, Some(tenant));
    let outcome = store.register_client(&record, None, act(4)).await.expect("answers");
    assert_eq!(outcome, Outcome::Unknown("organization", 0));
    assert!(store.find_client(record.client.id).await.expect("answers").is_none());
}

async fn a_group_of_another_tenant_is_unknown(place: Place) {
    let store = store(&place).await;
    let (own, other) = (a_tenant(&store, 1, "a").await, a_tenant(&store, 2, "b").await);
    let group = Group {
        id: GroupId(act(3).id()),
        organization: other,
        name: "G".into(),
        bio: None,
        created_at: Timestamp(1),
    };
    done(store.create_group(&group, act(4)).await);
    let mut record = client(5, Some(own));
    record.groups = vec![group.id];
    let outcome = store.register_client(&record, None, act(6)).await.expect("answers");
    assert_eq!(outcome, Outcome::Unknown("groups", 0));
    assert!(store.find_group(own, group.id).await.expect("answers").is_none());
}

async fn an_answered_key_carries_nothing_out_again(place: Place) {
    let store = store(&place).await;
    let keyed = |seed: u8| {
        let mut act = act(seed);
        act.remember(Answer {
            caller: "c".into(),
            name: "k".into(),
            fingerprint: Digest::of(b"request"),
            status: 201,
            body: format!("answer {seed}"),
        });
        act
    };
    let (one, two) = (organization(1, "one"), organization(2, "two"));
    let (first, second) = tokio::join!(
        store.create_organization(&one, keyed(1)),
        store.create_organization(&two, keyed(2)),
    );
    let outcomes = [first.expect("answers"), second.expect("answers")];
    assert!(outcomes.contains(&Outcome::Done), "{outcomes:?}");
    assert!(outcomes.contains(&Outcome::Answered), "{outcomes:?}");
    let listed = store.list_organizations(Reach::Instance, ALL).await.expect("answers");
    assert_eq!(listed.items.len(), 1);
    let now = act(0).now;
    let kept = store.find_answer("c", "k", now).await.expect("answers").expect("is kept");
    assert!(kept.body.starts_with("answer "));
    let later = now.plus(Seconds(86_400));
    assert!(store.find_answer("c", "k", later).await.expect("answers").is_none());
}

async fn a_change_leaves_its_audit_row_and_its_notice(place: Place) {
    let store = store(&place).await;
    let made = a_client(&store, 1, None).await;
    let rows = store.list_audit(Reach::Instance, Some("client.registered"), ALL).await;
    let rows = rows.expect("answers").items;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].entry.target, format!("client:{}", made.public_id));
    let floor = keyhaven_protocol::id::Id::floor(NOW);
    let changes = store.list_changes_since(floor).await.expect("answers");
    let notice = Change { kind: Kind::Client, subject: made.id.0 };
    assert!(changes.iter().any(|(_, change)| *change == notice), "{changes:?}");
    let lost = store.create_organization(&organization(2, "a"), act(2)).await;
    done(lost);
    let lost = store.create_organization(&organization(3, "a"), act(3)).await.expect("answers");
    assert_eq!(lost, Outcome::Taken("slug"));
    let rows = store.list_audit(Reach::Instance, Some("organization.created"), ALL).await;
    assert_eq!(rows.expect("answers").items.len(), 1, "a lost change is not audited");
}

async fn revoking_everything_never_reaches_back(place: Place) {
    let store = store(&place).await;
    let client = a_client(&store, 1, None).await;
    let late = Act::new(NOW + 60_000, [2; 32], "tester", "request");
    let (outcome, receipt) = store.revoke_issued(&client, late).await.expect("answers");
    assert_eq!(outcome, Outcome::Done);
    assert!(receipt.effective_by.since(receipt.revoked_at) <= Seconds(1));
    let (outcome, _) = store.revoke_issued(&client, act(3)).await.expect("answers");
    assert_eq!(outcome, Outcome::Done);
    let found = store.find_client(client.id).await.expect("answers").expect("is there");
    assert_eq!(found.not_before, receipt.revoked_at.plus(Seconds(1)));
}

async fn a_refusal_is_kept_under_its_first_meaning(place: Place) {
    let store = store(&place).await;
    let tenant = a_tenant(&store, 1, "a").await;
    let refusal = |reason: &str| Explanation {
        code: "KH-TEST-TEST".into(),
        at: act(0).now,
        organization: Some(tenant),
        error: "invalid_client".into(),
        reason: reason.into(),
        detail: "{}".into(),
        request: "r".into(),
    };
    store.record_refusals(vec![refusal("first"), refusal("second")]).await.expect("answers");
    let find =
        async |reach, now| store.find_refusal(reach, "KH-TEST-TEST", now).await.expect("answers");
    let now = act(0).now;
    assert_eq!(find(Reach::Instance, now).await.expect("is kept").reason, "first");
    assert!(find(Reach::Organization(tenant), now).await.is_some());
    let other = OrganizationId(act(9).id());
    assert!(find(Reach::Organization(other), now).await.is_none());
    assert!(find(Reach::Instance, now.plus(Seconds(86_400))).await.is_none());
}

async fn a_member_leaves_with_its_groups(place: Place) {
    let store = store(&place).await;
    let tenant = a_tenant(&store, 1, "a").await;
    let user = User {
        id: UserId(act(2).id()),
        email: "ada@a.test".into(),
        name: "Ada".into(),
        created_at: Timestamp(1),
        disabled_at: None,
    };
    done(store.create_user(&user, act(2)).await);
    let stranger = UserId(act(9).id());
    let outcome = store.add_member(tenant, stranger, Role::Member, act(3)).await;
    assert_eq!(outcome.expect("answers"), Outcome::Unknown("user", 0));
    done(store.add_member(tenant, user.id, Role::Admin, act(4)).await);
    let group = Group {
        id: GroupId(act(5).id()),
        organization: tenant,
        name: "G".into(),
        bio: Some("words".into()),
        created_at: Timestamp(1),
    };
    done(store.create_group(&group, act(5)).await);
    done(store.add_group_member(tenant, group.id, user.id, act(6)).await);
    done(store.remove_member(tenant, user.id, act(7)).await);
    let left = store.list_group_members(tenant, group.id, ALL).await.expect("answers");
    assert!(left.items.is_empty());
}
