//! Why requests were refused, for [`KEPT_FOR`]: what `keyhaven explain CODE` shows.
//!
//! Written in batches beside the requests, never in their way: losing one costs an explanation,
//! not a decision. Holds no secrets.

use keyhaven_protocol::id::OrganizationId;
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::engine::{Row, Rows, Statement, Step};
use crate::{Error, Reach, Store, values};

/// How long an explanation is kept.
pub const KEPT_FOR: Seconds = Seconds(24 * 60 * 60);

/// One refusal.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The public code, for example `KH-4F2A-9C1D`.
    pub code: String,
    /// When it was refused.
    pub at: Timestamp,
    /// The tenant concerned, as far as it was known by then.
    pub organization: Option<OrganizationId>,
    /// The public error word.
    pub error: String,
    /// The rule that refused.
    pub reason: String,
    /// JSON object with the values the rule compared.
    pub detail: String,
    /// Correlation id of the request.
    pub request: String,
}

impl Store {
    /// Keeps a batch of refusals. A code that exists already keeps its first meaning.
    pub async fn record_refusals(&self, batch: Vec<Explanation>) -> Result<(), Error> {
        let steps = batch.into_iter().map(record).collect();
        self.engine.commit(steps).await.map(|_| ())
    }

    /// The refusal with this code, if within reach and not forgotten.
    pub async fn find_refusal(
        &self,
        reach: Reach,
        code: &str,
        now: Timestamp,
    ) -> Result<Option<Explanation>, Error> {
        let rows = self.engine.read(&FIND, values![code, now]).await?;
        let found = rows.into_iter().next().map(explanation).transpose()?;
        Ok(found.filter(|explanation| reach.includes(explanation.organization)))
    }
}

fn record(explanation: Explanation) -> Step {
    let Explanation { code, at, organization, error, reason, detail, request } = explanation;
    let organization = organization.map(|organization| organization.0);
    Step {
        statement: &RECORD,
        values: values![code, at, organization, error, reason, detail, request, at.plus(KEPT_FOR)],
        rows: Rows::Any,
    }
}

fn explanation(mut row: Row) -> Result<Explanation, Error> {
    Ok(Explanation {
        code: row.text(0)?,
        at: row.time(1)?,
        organization: row.maybe_id(2)?.map(OrganizationId),
        error: row.text(3)?,
        reason: row.text(4)?,
        detail: row.text(5)?,
        request: row.text(6)?,
    })
}

static RECORD: Statement = Statement::new(
    "refusals.record",
    "INSERT INTO refusals (code, at, organization, error, reason, detail, request, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (code) DO NOTHING",
);

static FIND: Statement = Statement::new(
    "refusals.find",
    "SELECT code, at, organization, error, reason, detail, request FROM refusals
      WHERE code = $1 AND expires_at > $2",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[&RECORD, &FIND];
