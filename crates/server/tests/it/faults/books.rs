//! The ledger checker: reads the database itself after a fault and proves that nothing is overspent,
//! that history adds up to every balance, and that every acknowledged charge is in it.

use std::collections::BTreeMap;

use keyhaven_store::engine::Statement;
use keyhaven_store::values;

use super::charging::Acknowledged;
use super::installation::Installation;
use super::stopwatch::real_clock;

static ENTRIES: Statement = Statement::new("faults.entries", "SELECT id, amount FROM ledger");

static BALANCES: Statement =
    Statement::new("faults.balances", "SELECT most, total, earlier, held, archived FROM budgets");

/// Proves it, for an installation whose every charge is of every budget; how much was charged.
pub(super) async fn books_are_right(installation: &Installation, told: &Acknowledged) -> i64 {
    let node = installation.open(real_clock(0)).await;
    let store = &node.app.store;
    let wrong = store.check_books().await.expect("reads");
    assert_eq!(wrong, [], "a balance is not the sum of its history");

    let entries = store.engine().read(&ENTRIES, values![]).await.expect("reads");
    let entries = entries
        .iter()
        .map(|row| (row.id(0).expect("an id").to_string(), row.int(1).expect("an amount")));
    let entries: BTreeMap<String, i64> = entries.collect();
    for (name, id) in told {
        assert!(entries.contains_key(id), "the acknowledged charge {name} is not in the ledger");
    }
    let different: std::collections::BTreeSet<_> = told.values().collect();
    assert_eq!(different.len(), told.len(), "two charges were told the same id");

    let sum: i64 = entries.values().sum();
    let balances = store.engine().read(&BALANCES, values![]).await.expect("reads");
    assert!(!balances.is_empty(), "there is nothing to check");
    for row in balances {
        let [most, total, earlier, held, archived] =
            [0, 1, 2, 3, 4].map(|at| row.int(at).expect("a number"));
        assert!(
            total - earlier + held <= most,
            "overspent: {total} - {earlier} + {held} of {most}"
        );
        assert_eq!(total, sum + archived, "the sum of the ledger is not the balance");
    }
    store.engine().close().await.expect("closes");
    sum
}
