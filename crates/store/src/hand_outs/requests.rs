//! A hand-out on its way through sign-in and consent: the request is kept here, pages carry only
//! its handle. It has one outcome; the code is issued in the commit that ends it.

use keyhaven_protocol::id::Id;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Timestamp;

use super::{NewCode, issue, statements as sql};
use crate::act::Plan;
use crate::engine::Step;
use crate::{Act, Error, Outcome, Store, values};

/// A request about to be kept.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// The id inside its handle.
    pub id: Id,
    /// The digest of its handle.
    pub hash: Digest,
    /// What the app asked for, as it came.
    pub query: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A request as it is kept.
#[derive(Clone, Debug)]
pub struct KeptRequest {
    /// What the app asked for, as it came.
    pub query: String,
}

impl Store {
    /// Keeps a request.
    pub async fn keep_hand_out_request(&self, new: &NewRequest) -> Result<(), Error> {
        let values = values![new.id, new.hash, new.query.as_str(), new.expires_at];
        self.engine.commit(vec![Step::one(&sql::KEEP_REQUEST, values)]).await?;
        Ok(())
    }

    /// The request a handle names, while it has no outcome and is not over.
    pub async fn find_hand_out_request(
        &self,
        id: Id,
        hash: Digest,
        now: Timestamp,
    ) -> Result<Option<KeptRequest>, Error> {
        let rows = self.engine.read(&sql::FIND_REQUEST, values![id, now]).await?;
        let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
        if row.digest(0)? != hash {
            return Ok(None);
        }
        Ok(Some(KeptRequest { query: row.text(1)? }))
    }

    /// Ends a request with a code, or with none. `Taken("request")` when it had an outcome already.
    pub async fn end_hand_out_request(
        &self,
        id: Id,
        code: Option<&NewCode>,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let end = Step::one(&sql::END_REQUEST, values![id, act.now]);
        let mut plan = Plan::default().must(end, Outcome::Taken("request"));
        plan = match code {
            Some(code) => issue(plan, code, &mut act),
            None => {
                plan.also(act.audit(None, "key_code.denied", format_args!("request:{id}"), "{}"))
            }
        };
        self.carry_out(plan, act).await
    }
}
