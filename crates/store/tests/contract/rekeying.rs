//! Turning the master key: everything opens before, while and after; what does not open is left
//! where it is and hurts nobody.

use keyhaven_store::engine::{Statement, Step};
use keyhaven_store::rekey::Turned;
use keyhaven_store::seal::{MasterKey, Sealer};
use keyhaven_store::{Store, values};

use crate::connections::{connect, furnish, held};
use crate::families::id;
use crate::harness::Place;

on_every_engine![
    every_token_opens_while_the_master_key_turns_and_the_old_count_reaches_nothing,
    an_altered_row_stays_and_its_neighbours_turn,
];

fn sealer(current: u8, previous: &[u8]) -> Sealer {
    let previous: Vec<_> = previous.iter().map(|&byte| MasterKey::new([byte; 32])).collect();
    Sealer::new(&MasterKey::new([current; 32]), &previous).expect("a sealer")
}

async fn store(place: &Place, current: u8, previous: &[u8]) -> Store {
    Store::new(place.open().await, sealer(current, previous))
}

async fn opens(store: &Store, number: u16) -> bool {
    let held = held(store, number).await;
    store.open_access_token(&held).is_ok_and(|token| token.is_some())
}

async fn under(store: &Store, key: u8) -> i64 {
    let name = MasterKey::new([key; 32]).id();
    let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    let counts = store.count_by_master_key().await.expect("counts");
    counts.iter().filter(|count| count.key == name).map(|count| count.count).sum()
}

async fn every_token_opens_while_the_master_key_turns_and_the_old_count_reaches_nothing(
    place: Place,
) {
    let old = store(&place, 1, &[]).await;
    furnish(&old).await;
    for number in 1..=250 {
        connect(&old, number, &format!("account {number}")).await;
    }
    let both = store(&place, 2, &[1]).await;
    assert_eq!((under(&both, 1).await, under(&both, 2).await), (251, 0));
    let first = both.turn_master_key([1; 32]).await.expect("turns");
    assert!(first.turned < 251, "one step is bounded");
    for number in [1, 120, 250] {
        assert!(opens(&both, number).await, "{number} while it turns");
    }
    // A second node, as after a crash: what remains is what is still under the other key.
    let other = store(&place, 2, &[1]).await;
    while other.turn_master_key([2; 32]).await.expect("turns") != Turned::default() {}
    assert_eq!((under(&other, 1).await, under(&other, 2).await), (0, 251));
    let new = store(&place, 2, &[]).await;
    for number in 1..=250 {
        assert!(opens(&new, number).await, "{number} without the old key");
    }
}

async fn an_altered_row_stays_and_its_neighbours_turn(place: Place) {
    static ALTER: Statement = Statement::new(
        "contract.alter_data_key",
        "UPDATE connections SET data_key = (SELECT data_key FROM connections WHERE id = $2) \
         WHERE id = $1",
    );
    let old = store(&place, 1, &[]).await;
    furnish(&old).await;
    for number in 1..=3 {
        connect(&old, number, &format!("account {number}")).await;
    }
    let alter = Step::one(&ALTER, values![id(2), id(3)]);
    old.engine().commit(vec![alter]).await.expect("commits");
    let both = store(&place, 2, &[1]).await;
    let turned = both.turn_master_key([1; 32]).await.expect("turns");
    assert_eq!((turned.turned, turned.failed), (3, 1), "two connections and the connector");
    assert_eq!(under(&both, 1).await, 1);
    assert!(opens(&both, 1).await && !opens(&both, 2).await && opens(&both, 3).await);
}
