//! Other providers, links to them, visits to them, and letters that wait.

use futures_util::future::join_all;
use keyhaven_protocol::credential::{self, Kind, Presented};
use keyhaven_protocol::id::{Id, OrganizationId, UserId};
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::time::Seconds;
use keyhaven_protocol::upstream::admission::Admits;
use keyhaven_protocol::upstream::preset::Preset;
use keyhaven_store::organizations::{Organization, Power};
use keyhaven_store::upstream_flows::{LIVES, MOST, Purpose, UpstreamFlow};
use keyhaven_store::upstream_identities::UpstreamIdentity;
use keyhaven_store::upstream_providers::{UpstreamEdit, UpstreamProvider};
use keyhaven_store::{Outcome, Page, Plan, Reach, Store};

use crate::factors::a_user;
use crate::families::{NOW, act_at, id_at, store};
use crate::harness::Place;

on_every_engine![
    an_identity_is_linked_to_one_person,
    a_visit_is_answered_once_among_many,
    a_foreign_browser_or_provider_ends_no_visit,
    a_browser_has_few_visits_under_way,
    a_providers_secret_reads_back_and_an_edit_from_a_stale_read_is_refused,
    a_tenant_sees_its_own_providers_only,
    a_removed_provider_takes_its_links_along,
    a_tenant_takes_its_providers_along,
    a_letter_is_taken_by_one_of_many_nodes,
    a_letter_that_was_put_off_waits,
];

pub(crate) fn identity(user: UserId, number: u16) -> UpstreamIdentity {
    UpstreamIdentity {
        id: id_at(NOW, 2_000 + number),
        user,
        provider: id_at(NOW, 3_000),
        issuer: "https://idp.test".into(),
        subject: number.to_string(),
        email: None,
        created_at: NOW,
        used_at: None,
    }
}

fn provider(number: u16, organization: Option<OrganizationId>) -> UpstreamProvider {
    UpstreamProvider {
        id: id_at(NOW, 3_000 + number),
        organization,
        name: "Another".into(),
        preset: Preset::Generic,
        issuer: "https://idp.test".into(),
        client_id: "us".into(),
        client_secret: Some(Secret::from("a secret")),
        scopes: "openid".into(),
        admits: Admits::Nobody,
        created_at: NOW,
        disabled_at: None,
        revision: 1,
    }
}

async fn add(store: &Store, new: &UpstreamProvider) {
    let added = store.add_upstream(new, [3; 12], act_at(NOW)).await.expect("answers");
    assert_eq!(added, Outcome::Done);
}

async fn a_tenant(store: &Store, number: u16) -> OrganizationId {
    let organization = Organization {
        id: OrganizationId(id_at(NOW, 4_000 + number)),
        name: "A tenant".into(),
        slug: format!("tenant-{number}"),
        created_at: NOW,
        disabled_at: None,
    };
    let made = store.create_organization(&organization, act_at(NOW)).await.expect("answers");
    assert_eq!(made, Outcome::Done);
    organization.id
}

async fn link(store: &Store, new: &UpstreamIdentity) -> Outcome {
    store.link_upstream(new, Plan::default(), act_at(NOW)).await.expect("answers")
}

async fn an_identity_is_linked_to_one_person(place: Place) {
    let store = store(&place).await;
    let (ada, eve) = (a_user(&store, 1).await, a_user(&store, 2).await);
    let mut theirs = identity(eve, 7);
    theirs.id = id_at(NOW, 2_999);
    let mine = identity(ada, 7);
    let (a, b) = tokio::join!(link(&store, &mine), link(&store, &theirs));
    let mut both = [a, b];
    both.sort_by_key(|outcome| *outcome != Outcome::Done);
    assert_eq!(both, [Outcome::Done, Outcome::Taken("identity")]);
}

fn flow(number: u16, provider: Id) -> (UpstreamFlow, Presented) {
    let id = id_at(NOW, 5_000 + number);
    let state = credential::mint(Kind::Flow, id, &[5; 32]);
    let presented = credential::parse(state.reveal()).expect("a state");
    let flow = UpstreamFlow {
        id,
        hash: state.digest(),
        provider,
        browser: Digest::of(b"browser"),
        bound: id_at(NOW, 70),
        purpose: Purpose::SignIn,
        nonce: Digest::of(b"nonce"),
        luggage: b"verifier".to_vec().into(),
        expires_at: NOW.plus(LIVES),
    };
    (flow, presented)
}

async fn a_visit_is_answered_once_among_many(place: Place) {
    let store = store(&place).await;
    let provider = id_at(NOW, 3_001);
    let (flow, state) = flow(1, provider);
    assert!(store.begin_upstream_flow(&flow, [4; 12], NOW).await.expect("answers"));
    let late = NOW.plus(LIVES);
    let end = |now| store.end_upstream_flow(&state, provider, flow.browser, now);
    assert!(end(late).await.expect("answers").is_none());
    let answers = join_all((0..12).map(|_| end(NOW))).await;
    let got: Vec<_> = answers.into_iter().filter_map(|answer| answer.expect("answers")).collect();
    let [only] = got.as_slice() else { panic!("{} answers", got.len()) };
    assert_eq!(only.luggage.as_slice(), b"verifier");
    assert_eq!((only.bound, only.nonce), (flow.bound, flow.nonce));
}

async fn a_foreign_browser_or_provider_ends_no_visit(place: Place) {
    let store = store(&place).await;
    let (provider, other) = (id_at(NOW, 3_001), id_at(NOW, 3_002));
    let (flow, state) = flow(1, provider);
    assert!(store.begin_upstream_flow(&flow, [4; 12], NOW).await.expect("answers"));
    let foreign = Digest::of(b"another browser");
    let end = |provider, browser| store.end_upstream_flow(&state, provider, browser, NOW);
    assert!(end(provider, foreign).await.expect("answers").is_none());
    assert!(end(other, flow.browser).await.expect("answers").is_none());
    assert!(end(provider, flow.browser).await.expect("answers").is_some());
}

async fn a_browser_has_few_visits_under_way(place: Place) {
    let store = store(&place).await;
    let provider = id_at(NOW, 3_001);
    for number in 0..u16::try_from(MOST).expect("few") {
        let (flow, _) = flow(number, provider);
        assert!(store.begin_upstream_flow(&flow, [4; 12], NOW).await.expect("answers"));
    }
    let (mut one_more, _) = flow(99, provider);
    assert!(!store.begin_upstream_flow(&one_more, [4; 12], NOW).await.expect("answers"));
    let later = NOW.plus(LIVES);
    one_more.expires_at = later.plus(LIVES);
    assert!(store.begin_upstream_flow(&one_more, [4; 12], later).await.expect("answers"));
}

async fn a_providers_secret_reads_back_and_an_edit_from_a_stale_read_is_refused(place: Place) {
    let store = store(&place).await;
    add(&store, &provider(1, None)).await;
    let find = async || {
        let found = store.find_upstream(Reach::Instance, provider(1, None).id).await;
        found.expect("answers").expect("it is there")
    };
    let read = find().await;
    assert_eq!(read.client_secret.as_ref().map(Secret::reveal), Some("a secret"));
    let edit = UpstreamEdit {
        name: Some("Renamed"),
        standing: Some(Power::Disabled),
        ..UpstreamEdit::default()
    };
    let update = async || store.update_upstream(&read, edit, [5; 12], "{}", act_at(NOW)).await;
    assert_eq!(update().await.expect("answers"), Outcome::Done);
    assert_eq!(update().await.expect("answers"), Outcome::Moved);
    let now = find().await;
    assert_eq!((now.name.as_str(), now.disabled_at), ("Renamed", Some(NOW)));
    assert!(now.client_secret.is_some(), "an edit without a secret leaves it");
    assert!(store.list_upstream_buttons().await.expect("answers").is_empty());
}

async fn a_tenant_sees_its_own_providers_only(place: Place) {
    let store = store(&place).await;
    let (north, south) = (a_tenant(&store, 1).await, a_tenant(&store, 2).await);
    for new in [provider(1, None), provider(2, Some(north)), provider(3, Some(south))] {
        add(&store, &new).await;
    }
    let page = Page { after: None, limit: 10 };
    let seen = async |reach| store.list_upstreams(reach, page).await.expect("answers").items.len();
    assert_eq!(seen(Reach::Organization(north)).await, 1);
    assert_eq!(seen(Reach::Instance).await, 3);
    let foreign = store.find_upstream(Reach::Organization(north), provider(3, None).id).await;
    assert!(foreign.expect("answers").is_none());
    let buttons = store.list_upstream_buttons().await.expect("answers");
    assert_eq!(buttons, [(provider(1, None).id, "Another".to_owned())]);
}

async fn a_removed_provider_takes_its_links_along(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let new = provider(0, None);
    add(&store, &new).await;
    assert_eq!(link(&store, &identity(user, 1)).await, Outcome::Done);
    let removed = store.remove_upstream(&new, act_at(NOW)).await.expect("answers");
    assert_eq!(removed, Outcome::Done);
    assert!(store.list_upstream_identities(user).await.expect("answers").is_empty());
}

async fn a_tenant_takes_its_providers_along(place: Place) {
    let store = store(&place).await;
    let (user, north) = (a_user(&store, 1).await, a_tenant(&store, 1).await);
    add(&store, &provider(0, Some(north))).await;
    assert_eq!(link(&store, &identity(user, 1)).await, Outcome::Done);
    let deleted = store.delete_organization(north, act_at(NOW)).await.expect("answers");
    assert_eq!(deleted, Outcome::Done);
    assert!(store.list_upstream_identities(user).await.expect("answers").is_empty());
    let late = store.add_upstream(&provider(5, Some(north)), [3; 12], act_at(NOW)).await;
    assert_eq!(late.expect("answers"), Outcome::Absent);
}

async fn queue(store: &Store, number: u16) {
    let user = a_user(store, 100 + number).await;
    let id = id_at(NOW, 6_000 + number);
    let plan = store.queueing(id, b"a letter", [6; 12], NOW).expect("seals");
    let done = store.replace_recovery_codes(user, &[], plan, act_at(NOW)).await.expect("answers");
    assert_eq!(done, Outcome::Done);
}

async fn a_letter_is_taken_by_one_of_many_nodes(place: Place) {
    let store = store(&place).await;
    queue(&store, 1).await;
    let due = store.list_due_mail(10, NOW).await.expect("answers");
    let [mail] = due.as_slice() else { panic!("{} letters", due.len()) };
    assert_eq!(mail.letter.as_ref().expect("opens").as_slice(), b"a letter");
    let taken = join_all((0..12).map(|_| store.take_mail(mail, NOW))).await;
    assert_eq!(taken.into_iter().filter(|taken| *taken.as_ref().expect("answers")).count(), 1);
    assert!(store.list_due_mail(10, NOW).await.expect("answers").is_empty());
    let again = store.list_due_mail(10, NOW.plus(Seconds(60))).await.expect("answers");
    assert_eq!(again.len(), 1, "a node that died gives it back");
}

async fn a_letter_that_was_put_off_waits(place: Place) {
    let store = store(&place).await;
    queue(&store, 1).await;
    let due = store.list_due_mail(10, NOW).await.expect("answers");
    assert!(store.take_mail(&due[0], NOW).await.expect("answers"));
    store.put_mail_off(&due[0], NOW.plus(Seconds(30))).await.expect("answers");
    assert!(store.list_due_mail(10, NOW.plus(Seconds(29))).await.expect("answers").is_empty());
    let again = store.list_due_mail(10, NOW.plus(Seconds(30))).await.expect("answers");
    assert_eq!(again.first().map(|mail| mail.tries), Some(1));
    store.remove_mail(&again[0]).await.expect("answers");
    assert!(store.list_due_mail(10, NOW.plus(Seconds(9_999))).await.expect("answers").is_empty());
}
