//! Leaving: of every kind of row what is alive stays and what ended goes, in bounded steps.

use keyhaven_protocol::client_auth::Spend;
use keyhaven_protocol::id::TokenId;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_protocol::token::AccessToken;
use keyhaven_store::engine::{Commit, Statement, Step};
use keyhaven_store::issuing::{FamilyStep, Issue, NewFamily, NewGrant};
use keyhaven_store::purge::{CHUNK, Purged};
use keyhaven_store::{Store, values};

use crate::families::{
    NOW, act_at, begin, digest, family, id_at, remember, rotation, store, token, turn,
};
use crate::harness::Place;

on_every_engine![
    of_every_kind_what_ended_goes_and_what_is_alive_stays,
    a_step_removes_a_bounded_number_and_says_that_more_waits,
    a_successor_is_erased_when_its_grace_window_has_passed,
    what_was_revoked_is_remembered_as_long_as_a_token_of_it_could_live,
];

const GRACE: Seconds = Seconds(300);
const AUDIT_WINDOW: Seconds = Seconds(86_400);

/// An instant when everything made at [`NOW`] with a short life has ended.
const LATER: Timestamp = Timestamp(NOW.0 + 200_000);

macro_rules! counts {
    ($($table:literal),* $(,)?) => {
        &[$(($table, {
            static COUNT: Statement =
                Statement::new(concat!("contract.count_", $table), concat!("SELECT COUNT(*) FROM ", $table));
            &COUNT
        })),*]
    };
}

/// Every kind of row that leaves.
static KINDS: &[(&str, &Statement)] = counts![
    "access_tokens",
    "revoked_tokens",
    "refresh_families",
    "grants",
    "spent_once",
    "changes",
    "audit",
    "refusals",
    "idempotency",
    "client_secrets",
];

static REFUSE: Statement = Statement::new(
    "contract.refuse",
    "INSERT INTO refusals (code, at, error, reason, detail, request, expires_at) \
     VALUES ($1, $2, 'e', 'r', '{}', 'q', $3)",
);
static ANSWER: Statement = Statement::new(
    "contract.answer",
    "INSERT INTO idempotency (caller, name, fingerprint, status, answer, expires_at) \
     VALUES ('c', $1, $2, 200, '', $3)",
);
static SECRET: Statement = Statement::new(
    "contract.secret",
    "INSERT INTO client_secrets (id, client, hash, last_four, created_at, expires_at) \
     VALUES ($1, $1, $2, 'four', $3, $4)",
);

async fn count(store: &Store, statement: &'static Statement) -> i64 {
    store.engine().read(statement, values![]).await.expect("reads")[0].int(0).expect("a number")
}

async fn counts(store: &Store) -> Vec<(&'static str, i64)> {
    let mut counts = Vec::new();
    for (table, statement) in KINDS {
        counts.push((*table, count(store, statement).await));
    }
    counts
}

async fn write(store: &Store, step: Step) {
    let commit = store.engine().commit(vec![step]).await;
    assert!(matches!(commit, Ok(Commit::Done(_))), "{commit:?}");
}

/// One row of every kind, made at `at`, that ends `life` later at most.
async fn one_of_each(store: &Store, at: Timestamp, number: u16, life: i64) {
    let ends_at = Timestamp(at.0 + life);
    let access = AccessToken {
        id: TokenId(id_at(at, number)),
        issued_at: at,
        expires_at: Timestamp(at.0 + 300),
        ..token(number, None)
    };
    remember(store, &access, digest(number, 0)).await;
    let usual = family(number, None);
    let id = TokenId(id_at(at, number));
    let grant = NewGrant { id, issued_at: at, ends_at, ..usual.grant };
    let new = NewFamily { grant, idle_ends_at: ends_at, ..usual };
    begin(store, &new).await;
    // The revoked row, its change and its audit row.
    store.revoke_token(&access, None, act_at(at)).await.expect("commits");
    let spend = Spend { digest: digest(number, 1), until: Timestamp(at.0 + 300) };
    assert!(store.spend(&spend).await.expect("commits"));
    let name = number.to_string();
    write(store, Step::one(&REFUSE, values![name.as_str(), at, ends_at])).await;
    write(store, Step::one(&ANSWER, values![name.as_str(), digest(number, 2), ends_at])).await;
    let values = values![id_at(at, number), digest(number, 3), at, ends_at];
    write(store, Step::one(&SECRET, values)).await;
}

async fn purge(store: &Store, now: Timestamp) -> Purged {
    store.purge(GRACE, AUDIT_WINDOW, now).await.expect("purges")
}

async fn of_every_kind_what_ended_goes_and_what_is_alive_stays(place: Place) {
    let store = store(&place).await;
    one_of_each(&store, NOW, 1, 1_000).await;
    one_of_each(&store, LATER, 2, 1_000).await;
    // A secret without an end stays for ever.
    let values = values![id_at(NOW, 3), digest(3, 3), NOW, None::<Timestamp>];
    write(&store, Step::one(&SECRET, values)).await;
    let early = purge(&store, NOW).await;
    assert_eq!(early, Purged::default(), "it removed what is alive");
    for (table, count) in counts(&store).await {
        assert_eq!(count, if table == "client_secrets" { 3 } else { 2 }, "{table}");
    }
    let purged = purge(&store, Timestamp(LATER.0 + 100)).await;
    assert!(!purged.more && purged.rows == 10, "{purged:?}");
    for (table, count) in counts(&store).await {
        assert_eq!(count, if table == "client_secrets" { 2 } else { 1 }, "{table}");
    }
    let alive = TokenId(id_at(LATER, 2));
    assert!(store.find_access_token(alive, digest(2, 0)).await.expect("reads").is_some());
    assert!(store.find_family(alive).await.expect("reads").is_some());
    assert_eq!(purge(&store, Timestamp(LATER.0 + 100)).await, Purged::default());
}

async fn a_step_removes_a_bounded_number_and_says_that_more_waits(place: Place) {
    let store = store(&place).await;
    let count_of = i64::from(u16::try_from(CHUNK).expect("small")) + 20;
    for number in 0..u16::try_from(count_of).expect("small") {
        remember(&store, &token(number, None), digest(number, 0)).await;
    }
    assert_eq!(store.measure_backlog(LATER).await.expect("measures"), count_of);
    let first = purge(&store, LATER).await;
    assert_eq!(first, Purged { rows: CHUNK.unsigned_abs(), more: true });
    assert_eq!(store.measure_backlog(LATER).await.expect("measures"), 20);
    assert_eq!(purge(&store, LATER).await, Purged { rows: 20, more: false });
    assert_eq!(store.measure_backlog(LATER).await.expect("measures"), 0);
}

async fn a_successor_is_erased_when_its_grace_window_has_passed(place: Place) {
    let store = store(&place).await;
    begin(&store, &family(1, None)).await;
    turn(&store, &rotation(1, 0, 1)).await;
    let successor = async || {
        let family =
            store.find_family(family(1, None).grant.id).await.expect("reads").expect("is there");
        (family.successor.is_some(), family.previous, family.head)
    };
    let (head, previous) = (digest(1, 1), Some(digest(1, 0)));
    purge(&store, Timestamp(NOW.0 + GRACE.0)).await;
    assert_eq!(successor().await, (true, previous, head), "erased within the window");
    purge(&store, Timestamp(NOW.0 + GRACE.0 + 1)).await;
    assert_eq!(successor().await, (false, previous, head), "kept beyond the window");
}

async fn what_was_revoked_is_remembered_as_long_as_a_token_of_it_could_live(place: Place) {
    let store = store(&place).await;
    begin(&store, &family(1, None)).await;
    let ends_at = family(1, None).grant.ends_at;
    let digest = Digest::of(b"x");
    let late = AccessToken {
        id: TokenId(id_at(Timestamp(ends_at.0 - 1), 7)),
        issued_at: Timestamp(ends_at.0 - 1),
        expires_at: Timestamp(ends_at.0 + 299),
        ..token(7, Some(1))
    };
    let issue =
        Issue { family: FamilyStep::None, access: Some((&late, digest)), ..Issue::default() };
    store.issue(issue).await.expect("commits");
    crate::families::revoke(&store, 1).await;
    purge(&store, Timestamp(ends_at.0 + 200)).await;
    let database = crate::families::forgetful(&place).await;
    let end = database.find_end(late.id, late.grant, None, u64::MAX).await.expect("reads");
    assert_eq!(end, keyhaven_protocol::token::Ended::Grant, "forgotten while a token of it lives");
}
