//! A80: two thousand sign-ins at once. As many passwords are hashed at a time as there are processors,
//! a bounded number waits, the others hear at once that it is too much; tokens go on being issued.

use std::sync::Arc;

use keyhaven::password_pool::PasswordPool;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::Error;
use tokio::task::JoinSet;

use crate::harness::Server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_sign_ins_leave_room_for_everything_else() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let pool = Arc::new(PasswordPool::new(2));
    let mut tries = JoinSet::new();
    for _ in 0..2_000 {
        let pool = pool.clone();
        tries.spawn(async move { pool.compare(&Secret::from("guess"), None).await });
    }
    // Tokens are issued while the hashes wait.
    for _ in 0..20 {
        server.token(&client).await;
    }
    let (mut compared, mut turned_away) = (0, 0);
    while let Some(outcome) = tries.join_next().await {
        match outcome.expect("no panic") {
            Ok(_) => compared += 1,
            Err(Error::Busy(_)) => turned_away += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(compared >= 66, "only {compared} were hashed");
    assert!(compared + turned_away == 2_000 && turned_away > 1_500, "{turned_away} turned away");
}
