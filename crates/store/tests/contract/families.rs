//! Refresh families and opaque tokens: turned under their head once, dead with any ancestor, found
//! only by their own digest; what may be used once has one user.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use keyhaven_protocol::client::TokenFormat;
use keyhaven_protocol::client_auth::Spend;
use keyhaven_protocol::grants::{Lineage, Rule};
use keyhaven_protocol::id::{ClientId, GrantId, Id, TokenId};
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::token::{AccessToken, Ended};
use keyhaven_store::idempotency::Answer;
use keyhaven_store::issuing::{FamilyStep, Issue, Issued, NewFamily, NewGrant, Rotation};
use keyhaven_store::seal::{MasterKey, Sealer};
use keyhaven_store::{Act, Store};
use tokio::task::JoinSet;

use crate::harness::Place;

on_every_engine![
    a_family_turns_once_among_many_rotations,
    a_family_of_a_revoked_grant_cannot_turn,
    a_rotation_and_its_token_are_kept_together_or_not_at_all,
    of_fifty_rotations_under_one_idempotency_key_one_is_answered,
    a_kept_answer_ends_after_a_minute,
    a_grandchild_dies_with_its_grant_however_deep,
    a_sibling_of_a_revoked_grant_lives,
    an_assertion_is_spent_by_one_of_many,
    a_replayed_assertion_issues_nothing,
    a_token_is_found_by_its_own_digest_only,
    an_unknown_family_is_nobody,
];

/// A store over a place of the test's own.
pub(crate) async fn store(place: &Place) -> Store {
    Store::new(place.open().await, sealer())
}

fn sealer() -> Sealer {
    Sealer::new(&MasterKey::new([7; 32]), &[]).expect("a sealer")
}

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000);

/// An id made at [`NOW`].
pub(crate) fn id(number: u16) -> Id {
    id_at(NOW, number)
}

pub(crate) fn id_at(at: Timestamp, number: u16) -> Id {
    let mut random = [0; 10];
    random[8..].copy_from_slice(&number.to_be_bytes());
    Id::v7(u64::try_from(at.0).expect("after 1970") * 1_000, random)
}

/// A deed with ids of its own.
pub(crate) fn act_at(at: Timestamp) -> Act {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let seed = Digest::of(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes()).0;
    Act::new(u64::try_from(at.0).expect("after 1970") * 1_000, seed, "test", "test")
}

pub(crate) fn family(number: u16, parent: Option<u16>) -> NewFamily {
    let grant = NewGrant {
        id: TokenId(id(number)),
        of_code: false,
        recalled: None,
        parent: parent.map(|parent| GrantId(id(parent))),
        organization: None,
        owner: None,
        client: ClientId(id(900)),
        scopes: Scopes::parse("read").expect("a scope"),
        audience: String::new(),
        ends_at: Timestamp(NOW.0 + 2_000),
        issued_at: NOW,
    };
    NewFamily {
        grant,
        rule: Rule::Rotate,
        lineage: Lineage([3; 32]),
        head: digest(number, 0),
        jkt: None,
        idle_ends_at: Timestamp(NOW.0 + 1_000),
    }
}

/// The digest of the token of a family's `generation`.
pub(crate) fn digest(family: u16, generation: u16) -> Digest {
    Digest::of(format!("{family} {generation}").as_bytes())
}

pub(crate) fn rotation(number: u16, from: u16, to: u16) -> Rotation {
    Rotation {
        family: TokenId(id(number)),
        from: digest(number, from),
        to: digest(number, to),
        successor: Some(vec![9; 60]),
        idle_ends_at: Timestamp(NOW.0 + 1_000),
        rotated_at: NOW,
    }
}

pub(crate) fn token(number: u16, grant: Option<u16>) -> AccessToken {
    AccessToken {
        id: TokenId(id(number)),
        client: ClientId(id(900)),
        grant: grant.map(|grant| GrantId(id(grant))),
        subject: ClientId(id(900)).to_string(),
        user: None,
        jkt: None,
        scopes: Scopes::parse("read").expect("a scope"),
        audience: "https://api.example".into(),
        issued_at: NOW,
        expires_at: Timestamp(NOW.0 + 300),
        format: TokenFormat::Opaque,
    }
}

pub(crate) async fn begin(store: &Store, new: &NewFamily) {
    let issue = Issue { family: FamilyStep::Begin(new), ..Issue::default() };
    assert_eq!(store.issue(issue).await.expect("commits"), Issued::Done);
}

pub(crate) async fn turn(store: &Store, rotation: &Rotation) -> Issued {
    let issue = Issue { family: FamilyStep::Rotate(rotation), ..Issue::default() };
    store.issue(issue).await.expect("commits")
}

pub(crate) async fn remember(store: &Store, token: &AccessToken, digest: Digest) {
    let issue = Issue { access: Some((token, digest)), ..Issue::default() };
    assert_eq!(store.issue(issue).await.expect("commits"), Issued::Done);
}

pub(crate) async fn revoke(store: &Store, grant: u16) {
    let grant = GrantId(id(grant));
    store.revoke_grant(None, grant, "a test", act_at(NOW)).await.expect("commits");
}

async fn a_family_turns_once_among_many_rotations(place: Place) {
    let store = store(&place).await;
    begin(&store, &family(1, None)).await;
    for generation in 0..5 {
        let mut tries = JoinSet::new();
        for nth in 0..40 {
            let store = store.clone();
            tries.spawn(async move {
                turn(&store, &rotation(1, generation * 100, (generation + 1) * 100 + nth)).await
            });
        }
        let outcomes = tries.join_all().await;
        let winner = outcomes.iter().position(|issued| *issued == Issued::Done).expect("one won");
        let overtaken = outcomes.iter().filter(|issued| **issued == Issued::Overtaken).count();
        assert_eq!(overtaken, 39, "several heads");
        let head = store.find_family(TokenId(id(1))).await.expect("reads").expect("is there");
        assert_eq!(head.previous, Some(digest(1, generation * 100)));
        // The winner's head, whichever it was, is turned on to the next round's first.
        let winner = u16::try_from(winner).expect("small");
        assert!((0..40).any(|nth| head.head == digest(1, (generation + 1) * 100 + nth)));
        if head.head != digest(1, (generation + 1) * 100) {
            let from = (0..40).find(|nth| head.head == digest(1, (generation + 1) * 100 + nth));
            let from = (generation + 1) * 100 + from.unwrap_or(winner);
            assert_eq!(
                turn(&store, &rotation(1, from, (generation + 1) * 100)).await,
                Issued::Done
            );
        }
    }
}

fn answer(number: u16) -> Answer {
    let (caller, name) = ("token:a client".to_owned(), "a key".to_owned());
    Answer { caller, name, fingerprint: digest(number, 0), status: 200, body: number.to_string() }
}

async fn of_fifty_rotations_under_one_idempotency_key_one_is_answered(place: Place) {
    let store = store(&place).await;
    let mut tries = JoinSet::new();
    for number in 1..=50 {
        begin(&store, &family(number, None)).await;
    }
    for number in 1..=50 {
        let store = store.clone();
        tries.spawn(async move {
            let rotation = rotation(number, 0, 1);
            let family = FamilyStep::Rotate(&rotation);
            let answer = Some((answer(number), NOW));
            let issued = store.issue(Issue { answer, family, ..Issue::default() }).await;
            (number, issued.expect("commits"))
        });
    }
    let mut winners = Vec::new();
    for (number, issued) in tries.join_all().await {
        let found = store.find_family(TokenId(id(number))).await.expect("reads").expect("is there");
        let turned = found.head == digest(number, 1);
        assert_eq!((issued == Issued::Done, issued == Issued::Answered), (turned, !turned));
        winners.extend(turned.then_some(number));
    }
    let [winner] = winners[..] else { panic!("{winners:?} were answered") };
    let kept = store.find_answer("token:a client", "a key", NOW).await.expect("reads");
    assert_eq!(kept.map(|kept| kept.body), Some(winner.to_string()));
}

async fn a_kept_answer_ends_after_a_minute(place: Place) {
    let store = store(&place).await;
    let issue = |number, now| Issue { answer: Some((answer(number), now)), ..Issue::default() };
    assert_eq!(store.issue(issue(1, NOW)).await.expect("commits"), Issued::Done);
    let (last, ended) = (Timestamp(NOW.0 + 59), Timestamp(NOW.0 + 60));
    assert_eq!(store.issue(issue(2, last)).await.expect("commits"), Issued::Answered);
    let find = async |now| store.find_answer("token:a client", "a key", now).await.expect("reads");
    assert_eq!(find(last).await.map(|kept| kept.body).as_deref(), Some("1"));
    assert!(find(ended).await.is_none());
    assert_eq!(store.issue(issue(3, ended)).await.expect("commits"), Issued::Done);
    assert_eq!(find(ended).await.map(|kept| kept.body).as_deref(), Some("3"));
}

async fn a_family_of_a_revoked_grant_cannot_turn(place: Place) {
    let store = store(&place).await;
    begin(&store, &family(1, None)).await;
    assert_eq!(turn(&store, &rotation(1, 0, 1)).await, Issued::Done);
    revoke(&store, 1).await;
    assert_eq!(turn(&store, &rotation(1, 1, 2)).await, Issued::Overtaken);
    let family = store.find_family(TokenId(id(1))).await.expect("reads").expect("is there");
    assert_eq!((family.head, family.revoked_at), (digest(1, 1), Some(NOW)));
}

async fn a_rotation_and_its_token_are_kept_together_or_not_at_all(place: Place) {
    let store = store(&place).await;
    begin(&store, &family(1, None)).await;
    let token = token(2, Some(1));
    for (from, to, expected, found) in
        [(7, 1, Issued::Overtaken, false), (0, 1, Issued::Done, true)]
    {
        let rotation = rotation(1, from, to);
        let issue = Issue {
            spend: None,
            family: FamilyStep::Rotate(&rotation),
            access: Some((&token, digest(2, 0))),
            ..Issue::default()
        };
        assert_eq!(store.issue(issue).await.expect("commits"), expected);
        let kept = store.find_access_token(token.id, digest(2, 0)).await.expect("reads");
        assert_eq!(kept.is_some(), found, "half a rotation");
    }
}

/// A chain of grants, each below the one before, with a token under the last.
async fn chain(store: &Store, depth: u16) -> AccessToken {
    for number in 1..=depth {
        begin(store, &family(number, (number > 1).then(|| number - 1))).await;
    }
    let token = token(100, Some(depth));
    remember(store, &token, digest(100, 0)).await;
    token
}

async fn a_grandchild_dies_with_its_grant_however_deep(place: Place) {
    const DEPTH: u16 = 5;
    for revoked in 1..=DEPTH {
        let place = match revoked {
            1 => place.clone(),
            _ => place.another().await,
        };
        let store = store(&place).await;
        let token = chain(&store, DEPTH).await;
        let database = forgetful(&place).await;
        for store in [&store, &database] {
            let end =
                store.find_end(token.id, token.grant, None, fresh(store)).await.expect("reads");
            assert_eq!(end, Ended::No, "dead before its time");
        }
        revoke(&store, revoked).await;
        for store in [&store, &database] {
            let end =
                store.find_end(token.id, token.grant, None, fresh(store)).await.expect("reads");
            assert_eq!(end, Ended::Grant, "grant {revoked} of {DEPTH}");
        }
        let deepest = store.find_family(TokenId(id(DEPTH))).await.expect("reads").expect("there");
        assert_eq!(deepest.revoked_at, Some(NOW), "grant {revoked} of {DEPTH}");
        if revoked > 1 {
            place.discard().await;
        }
    }
}

/// A second store over the place that asks the database, since its memory has overflowed.
pub(crate) async fn forgetful(place: &Place) -> Store {
    let store = store(place).await;
    let mut millis = 0;
    while store.known().is_fresh(0) {
        millis += 1;
        store.known().end(Id::v7(millis, [0; 10]), NOW);
    }
    store
}

/// A monotonic instant at which memory is trusted.
pub(crate) fn fresh(store: &Store) -> u64 {
    store.known().heard(5_000);
    5_000
}

async fn a_sibling_of_a_revoked_grant_lives(place: Place) {
    let store = store(&place).await;
    for (number, parent) in [(1, None), (2, Some(1)), (3, Some(1)), (4, Some(3))] {
        begin(&store, &family(number, parent)).await;
    }
    revoke(&store, 2).await;
    for store in [&store, &forgetful(&place).await] {
        for (grant, expected) in [(1, Ended::No), (2, Ended::Grant), (3, Ended::No), (4, Ended::No)]
        {
            let grant = Some(GrantId(id(grant)));
            let end =
                store.find_end(TokenId(id(50)), grant, None, fresh(store)).await.expect("reads");
            assert_eq!(end, expected, "{grant:?}");
        }
    }
    assert_eq!(turn(&store, &rotation(4, 0, 1)).await, Issued::Done);
}

fn spend(text: &str) -> Spend {
    Spend { digest: Digest::of(text.as_bytes()), until: Timestamp(NOW.0 + 300) }
}

async fn an_assertion_is_spent_by_one_of_many(place: Place) {
    let store = Arc::new(store(&place).await);
    for round in 0..5 {
        let mut tries = JoinSet::new();
        for nth in 0..40 {
            let store = Arc::clone(&store);
            tries.spawn(async move {
                let spend = spend(&round.to_string());
                if nth % 2 == 0 {
                    return store.spend(&spend).await.expect("commits");
                }
                let issue = Issue { spend: Some(spend), ..Issue::default() };
                store.issue(issue).await.expect("commits") == Issued::Done
            });
        }
        let winners = tries.join_all().await.into_iter().filter(|won| *won).count();
        assert_eq!(winners, 1);
    }
}

async fn a_replayed_assertion_issues_nothing(place: Place) {
    let store = store(&place).await;
    assert!(store.spend(&spend("once")).await.expect("commits"));
    let token = token(1, None);
    let issue = Issue {
        spend: Some(spend("once")),
        family: FamilyStep::None,
        access: Some((&token, digest(1, 0))),
        ..Issue::default()
    };
    assert_eq!(store.issue(issue).await.expect("commits"), Issued::AssertionReplayed);
    assert_eq!(store.find_access_token(token.id, digest(1, 0)).await.expect("reads"), None);
}

async fn a_token_is_found_by_its_own_digest_only(place: Place) {
    let store = store(&place).await;
    let (one, other) = (token(1, None), token(2, None));
    remember(&store, &one, digest(1, 0)).await;
    remember(&store, &other, digest(2, 0)).await;
    let find = async |id, digest| store.find_access_token(id, digest).await.expect("reads");
    assert_eq!(find(one.id, digest(1, 0)).await.as_ref(), Some(&one));
    assert_eq!(find(one.id, digest(2, 0)).await, None);
    assert_eq!(find(other.id, digest(1, 0)).await, None);
    assert_eq!(find(TokenId(id(3)), digest(1, 0)).await, None);
}

async fn an_unknown_family_is_nobody(place: Place) {
    let store = store(&place).await;
    begin(&store, &family(1, None)).await;
    assert!(store.find_family(TokenId(id(2))).await.expect("reads").is_none());
    assert_eq!(turn(&store, &rotation(2, 0, 1)).await, Issued::Overtaken);
}
