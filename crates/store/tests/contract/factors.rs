//! Factors beside the password: what works once works once however many try at once, what is counted
//! is counted by the write, and what a person had goes with them.

use futures_util::future::join_all;
use keyhaven_protocol::id::{Id, UserId};
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_protocol::totp::{Seed, Step};
use keyhaven_protocol::webauthn::{NewPasskey, SignedIn};
use keyhaven_store::engine::Statement;
use keyhaven_store::mail_codes::{self, Tried};
use keyhaven_store::passkey_challenges::{self, Ceremony};
use keyhaven_store::passkeys::{self, Registration};
use keyhaven_store::users::User;
use keyhaven_store::{Outcome, Plan, Store, recovery_codes, totp_seeds, values};

use crate::families::{NOW, act_at, id_at, store};
use crate::harness::Place;

on_every_engine![
    a_totp_step_works_once_among_many,
    an_earlier_step_is_worthless_after_a_later_one,
    a_seed_counts_only_after_its_own_code,
    a_confirmed_seed_is_not_replaced,
    a_recovery_code_works_once_among_many,
    new_recovery_codes_end_the_old_ones,
    a_passkeys_counter_grows_for_one_of_many,
    a_credential_belongs_to_one_person,
    a_person_has_at_most_twenty_passkeys,
    a_challenge_is_spent_once_and_only_where_it_was_made_for,
    a_mail_code_has_five_tries_however_many_guess_at_once,
    a_mail_code_is_spent_once_among_many,
    asking_for_another_mail_code_brings_no_new_tries,
    the_last_passkey_is_the_end_of_the_factor,
    a_deleted_person_takes_every_factor_along,
];

const MANY: usize = 12;

pub(crate) async fn a_user(store: &Store, number: u16) -> UserId {
    let user = User {
        id: UserId(id_at(NOW, number)),
        email: format!("user{number}@a.test"),
        name: "A user".into(),
        created_at: NOW,
        disabled_at: None,
    };
    let outcome = store.create_user(&user, act_at(NOW)).await.expect("storage answers");
    assert_eq!(outcome, Outcome::Done);
    user.id
}

/// Carries a plan out in the commit of something else: new recovery codes, without any.
async fn commit(store: &Store, user: UserId, plan: Plan) -> Outcome {
    store.replace_recovery_codes(user, &[], plan, act_at(NOW)).await.expect("storage answers")
}

/// How many of many deeds at once were done; each other one heard `Moved`.
async fn winners(deeds: impl IntoIterator<Item = impl Future<Output = Outcome>>) -> usize {
    let outcomes = join_all(deeds).await;
    let won = outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count();
    let lost = outcomes.iter().filter(|outcome| **outcome == Outcome::Moved).count();
    assert_eq!(won + lost, outcomes.len(), "{outcomes:?}");
    won
}

async fn count(store: &Store, statement: &'static Statement, user: UserId) -> i64 {
    let rows = store.engine().read(statement, values![user.0]).await.expect("reads");
    rows[0].int(0).expect("a number")
}

async fn a_confirmed_seed(store: &Store, user: UserId) -> Seed {
    let seed = Seed::new([7; 20]);
    let offered = store.offer_totp(user, &seed, [1; 12], act_at(NOW)).await;
    assert_eq!(offered.expect("answers"), Outcome::Done);
    let shown = store.find_totp(user).await.expect("answers").expect("it was shown");
    let step = Step::at(NOW);
    let confirmed = store.confirm_totp(user, &shown, step, Plan::default(), act_at(NOW)).await;
    assert_eq!(confirmed.expect("answers"), Outcome::Done);
    seed
}

async fn a_totp_step_works_once_among_many(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    a_confirmed_seed(&store, user).await;
    let step = Step(Step::at(NOW).0 + 1);
    let tries = (0..MANY).map(|_| commit(&store, user, totp_seeds::spending(user, step, NOW)));
    assert_eq!(winners(tries).await, 1);
}

async fn an_earlier_step_is_worthless_after_a_later_one(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    a_confirmed_seed(&store, user).await;
    let spend = |ahead: i64| {
        commit(&store, user, totp_seeds::spending(user, Step(Step::at(NOW).0 + ahead), NOW))
    };
    assert_eq!(spend(0).await, Outcome::Moved, "the code that confirmed it is spent");
    assert_eq!(spend(2).await, Outcome::Done);
    assert_eq!(spend(1).await, Outcome::Moved);
}

async fn a_seed_counts_only_after_its_own_code(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let offer = async |byte: u8| {
        let seed = Seed::new([byte; 20]);
        let offered = store.offer_totp(user, &seed, [byte; 12], act_at(NOW)).await;
        assert_eq!(offered.expect("answers"), Outcome::Done);
        store.find_totp(user).await.expect("answers").expect("it was shown")
    };
    let first = offer(1).await;
    assert!(first.confirmed_at.is_none());
    let unconfirmed = commit(&store, user, totp_seeds::spending(user, Step::at(NOW), NOW)).await;
    assert_eq!(unconfirmed, Outcome::Moved);
    offer(2).await;
    let step = Step::at(NOW);
    let stale = store.confirm_totp(user, &first, step, Plan::default(), act_at(NOW)).await;
    assert_eq!(stale.expect("answers"), Outcome::Moved, "another seed was shown meanwhile");
}

async fn a_confirmed_seed_is_not_replaced(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let seed = a_confirmed_seed(&store, user).await;
    let again = store.offer_totp(user, &Seed::new([9; 20]), [2; 12], act_at(NOW)).await;
    assert_eq!(again.expect("answers"), Outcome::Taken("totp"));
    let kept = store.find_totp(user).await.expect("answers").expect("it is there");
    assert_eq!(kept.seed.bytes(), seed.bytes());
}

async fn a_recovery_code_works_once_among_many(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let codes = [Digest::of(b"one"), Digest::of(b"two")];
    let made = store.replace_recovery_codes(user, &codes, Plan::default(), act_at(NOW)).await;
    assert_eq!(made.expect("answers"), Outcome::Done);
    a_confirmed_seed(&store, user).await;
    // Spent beside a link of its own for each, so that nothing else decides the race.
    let spend = |number: u16| {
        let store = store.clone();
        async move {
            let link = crate::upstreams::identity(user, number);
            let with = recovery_codes::spending(user, Digest::of(b"one"), NOW);
            store.link_upstream(&link, with, act_at(NOW)).await.expect("answers")
        }
    };
    assert_eq!(winners((0..12).map(spend)).await, 1);
    let left = store.count_recovery_codes(user).await.expect("answers");
    assert_eq!((left.left, left.made_at), (1, Some(NOW)));
    assert!(!store.has_recovery_code(user, codes[0]).await.expect("answers"));
}

async fn new_recovery_codes_end_the_old_ones(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    for code in [Digest::of(b"old"), Digest::of(b"new")] {
        let made = store.replace_recovery_codes(user, &[code], Plan::default(), act_at(NOW)).await;
        assert_eq!(made.expect("answers"), Outcome::Done);
    }
    assert!(!store.has_recovery_code(user, Digest::of(b"old")).await.expect("answers"));
    assert!(store.has_recovery_code(user, Digest::of(b"new")).await.expect("answers"));
    let other = a_user(&store, 2).await;
    assert!(!store.has_recovery_code(other, Digest::of(b"new")).await.expect("answers"));
}

fn passkey(credential: &[u8], sign_count: u32) -> NewPasskey {
    NewPasskey {
        id: credential.to_vec(),
        key: vec![1, 2, 3],
        algorithm: -7,
        sign_count,
        aaguid: [0; 16],
        user_verified: true,
        backup_eligible: true,
        backed_up: false,
    }
}

async fn register(store: &Store, user: UserId, number: u16, key: &NewPasskey) -> Outcome {
    let id = id_at(NOW, 1_000 + number);
    let new = Registration { id, passkey: key, transports: "internal", name: "A phone" };
    let act = act_at(NOW);
    store.register_passkey(user, new, Plan::default(), act).await.expect("answers")
}

async fn a_passkeys_counter_grows_for_one_of_many(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    assert_eq!(register(&store, user, 1, &passkey(b"one", 4)).await, Outcome::Done);
    assert_eq!(register(&store, user, 2, &passkey(b"two", 0)).await, Outcome::Done);
    let found =
        async |name: &[u8]| store.find_passkey(name).await.expect("answers").expect("it is there");
    let signed_in = |sign_count| SignedIn { sign_count, user_verified: true, backed_up: false };
    let one = found(b"one").await;
    let uses = (0..MANY).map(|_| commit(&store, user, passkeys::using(&one, signed_in(5), NOW)));
    assert_eq!(winners(uses).await, 1);
    assert_eq!(found(b"one").await.sign_count, 5);
    let two = found(b"two").await;
    for _ in 0..2 {
        let without = commit(&store, user, passkeys::using(&two, signed_in(0), NOW)).await;
        assert_eq!(without, Outcome::Done, "many authenticators have no counter");
    }
}

async fn a_credential_belongs_to_one_person(place: Place) {
    let store = store(&place).await;
    let (ada, eve) = (a_user(&store, 1).await, a_user(&store, 2).await);
    let key = passkey(b"the same", 0);
    let (a, b) = tokio::join!(register(&store, ada, 1, &key), register(&store, eve, 2, &key));
    let mut both = [a, b];
    both.sort_by_key(|outcome| *outcome != Outcome::Done);
    assert_eq!(both, [Outcome::Done, Outcome::Taken("passkey")]);
}

async fn a_person_has_at_most_twenty_passkeys(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let register = |number: u16| {
        let store = store.clone();
        async move { register(&store, user, number, &passkey(&number.to_be_bytes(), 0)).await }
    };
    let outcomes = join_all((0..26).map(register)).await;
    let full = outcomes.iter().filter(|outcome| **outcome == Outcome::Full("passkeys")).count();
    assert_eq!(full, 6, "{outcomes:?}");
    assert_eq!(store.list_passkeys(user).await.expect("answers").len(), 20);
}

async fn a_challenge_is_spent_once_and_only_where_it_was_made_for(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let (bound, other) = (id_at(NOW, 50), id_at(NOW, 51));
    let hash = Digest::of(b"challenge");
    store.keep_passkey_challenge(Ceremony::SignIn, bound, hash, NOW).await.expect("answers");
    let spend = |ceremony, bound, now| {
        commit(&store, user, passkey_challenges::spending(ceremony, bound, hash, now))
    };
    assert_eq!(spend(Ceremony::SignIn, other, NOW).await, Outcome::Moved);
    assert_eq!(spend(Ceremony::Register, bound, NOW).await, Outcome::Moved);
    let late = NOW.plus(passkey_challenges::LIVES);
    assert_eq!(spend(Ceremony::SignIn, bound, late).await, Outcome::Moved);
    let has = store.has_passkey_challenge(Ceremony::SignIn, bound, hash, NOW).await;
    assert!(has.expect("answers"));
    let spends = (0..MANY).map(|_| spend(Ceremony::SignIn, bound, NOW));
    assert_eq!(winners(spends).await, 1);
}

const CODE: &str = "12345678";

async fn a_mail_code(store: &Store, user: UserId) -> Id {
    let bound = id_at(NOW, 60);
    let code = Secret::from(CODE);
    store.keep_mail_code(bound, user, "user1@a.test", &code, NOW).await.expect("answers");
    bound
}

async fn tried(store: &Store, bound: Id, code: &str, now: Timestamp) -> Tried {
    store.try_mail_code(bound, &Secret::from(code), now).await.expect("answers")
}

async fn a_mail_code_has_five_tries_however_many_guess_at_once(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let bound = a_mail_code(&store, user).await;
    let guesses = join_all((0..50).map(|_| tried(&store, bound, "00000000", NOW))).await;
    assert_eq!(guesses.iter().filter(|guess| **guess == Tried::Wrong(user)).count(), 5);
    assert_eq!(tried(&store, bound, CODE, NOW).await, Tried::Nothing);
}

async fn a_mail_code_is_spent_once_among_many(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let bound = a_mail_code(&store, user).await;
    assert_eq!(tried(&store, bound, CODE, NOW.plus(Seconds(600))).await, Tried::Nothing);
    let Tried::Right(sent) = tried(&store, bound, CODE, NOW).await else { panic!("it is right") };
    assert_eq!((sent.user, sent.address.as_str()), (user, "user1@a.test"));
    let spends = (0..MANY).map(|_| commit(&store, user, mail_codes::spending(&sent, NOW)));
    assert_eq!(winners(spends).await, 1);
}

async fn asking_for_another_mail_code_brings_no_new_tries(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    let bound = a_mail_code(&store, user).await;
    for _ in 0..4 {
        assert_eq!(tried(&store, bound, "00000000", NOW).await, Tried::Wrong(user));
    }
    let other = Secret::from("87654321");
    store.keep_mail_code(bound, user, "user1@a.test", &other, NOW).await.expect("answers");
    assert_eq!(
        tried(&store, bound, CODE, NOW).await,
        Tried::Wrong(user),
        "the first code is replaced"
    );
    assert_eq!(tried(&store, bound, "87654321", NOW).await, Tried::Nothing);
}

static FACTORS: Statement = Statement::new(
    "contract.second_factors",
    "SELECT COUNT(*) FROM second_factors WHERE member = $1 AND method = 'passkey'",
);

async fn the_last_passkey_is_the_end_of_the_factor(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    for number in [1, 2] {
        let key = passkey(&number.to_string().into_bytes(), 0);
        assert_eq!(register(&store, user, number, &key).await, Outcome::Done);
    }
    for (number, left) in [(1, 1), (2, 0)] {
        let id = id_at(NOW, 1_000 + number);
        let removed = store.remove_passkey(user, id, Plan::default(), act_at(NOW)).await;
        assert_eq!(removed.expect("answers"), Outcome::Done);
        assert_eq!(count(&store, &FACTORS, user).await, left);
    }
}

static EVERYTHING: Statement = Statement::new(
    "contract.everything_of_a_person",
    "SELECT (SELECT COUNT(*) FROM totp_seeds WHERE owner = $1)
          + (SELECT COUNT(*) FROM recovery_codes WHERE owner = $1)
          + (SELECT COUNT(*) FROM passkeys WHERE owner = $1)
          + (SELECT COUNT(*) FROM mail_codes WHERE owner = $1)
          + (SELECT COUNT(*) FROM upstream_identities WHERE owner = $1)",
);

async fn a_deleted_person_takes_every_factor_along(place: Place) {
    let store = store(&place).await;
    let user = a_user(&store, 1).await;
    a_confirmed_seed(&store, user).await;
    let code = [Digest::of(b"one")];
    let made = store.replace_recovery_codes(user, &code, Plan::default(), act_at(NOW)).await;
    assert_eq!(made.expect("answers"), Outcome::Done);
    assert_eq!(register(&store, user, 1, &passkey(b"one", 0)).await, Outcome::Done);
    a_mail_code(&store, user).await;
    let link = crate::upstreams::identity(user, 1);
    let linked = store.link_upstream(&link, Plan::default(), act_at(NOW)).await;
    assert_eq!(linked.expect("answers"), Outcome::Done);
    assert_eq!(count(&store, &EVERYTHING, user).await, 5);
    assert_eq!(store.delete_user(user, act_at(NOW)).await.expect("answers"), Outcome::Done);
    assert_eq!(count(&store, &EVERYTHING, user).await, 0);
    let late = register(&store, user, 2, &passkey(b"two", 0)).await;
    assert_eq!(late, Outcome::Absent, "nothing is registered for somebody who is gone");
}
