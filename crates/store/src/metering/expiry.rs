//! Holds that are over give back what they held. A job asks every second; a charge that does not
//! fit asks before it is refused, so a hold never counts longer than it should.

use keyhaven_protocol::time::Timestamp;

use super::{path, statements as sql};
use crate::engine::{Commit, Engine, Step};
use crate::{Error, Store, values};

/// Holds given back in one go.
const CHUNK: i64 = 100;

impl Store {
    /// Gives back what holds that are over still hold. How many there were.
    pub async fn free_holds(&self, now: Timestamp) -> Result<usize, Error> {
        free(&*self.engine, now).await
    }
}

pub(super) async fn free(engine: &dyn Engine, now: Timestamp) -> Result<usize, Error> {
    let rows = engine.read(&sql::LIST_OVER, values![now, CHUNK]).await?;
    let mut freed = 0;
    for row in rows {
        let hold = path::hold(row)?;
        let mut steps = vec![Step::one(&sql::END_OVER, values![hold.id.0, now])];
        for budget in &hold.path {
            steps.push(Step::any(&sql::FREE, values![budget.id.0, hold.amount.0]));
        }
        // Lost: another node was faster.
        if let Commit::Done(_) = engine.commit(steps).await? {
            freed += 1;
        }
    }
    Ok(freed)
}
