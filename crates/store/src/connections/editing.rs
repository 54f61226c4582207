//! What callers keep with a connection. Named columns only, and never those of its tokens: an edit and
//! a refresh do not meet.

use super::{Connection, Happened, target};
use crate::act::Plan;
use crate::engine::{Statement, Step};
use crate::{Act, Error, Outcome, Store, values};

/// What changes; `None` stays as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Edit<'a> {
    /// Words its callers find it by, space-separated.
    pub labels: Option<&'a str>,
    /// The caller's own name for it; `Some(None)` takes it away.
    pub external_id: Option<Option<&'a str>>,
    /// A JSON object.
    pub metadata: Option<&'a str>,
    /// What people call the outside account; `Some(None)` takes it away.
    pub account_label: Option<Option<&'a str>>,
}

impl Store {
    /// Changes what callers keep with a connection. `Taken("external_id")` when another has that
    /// name, `Absent` when it has ended.
    pub async fn edit_connection(
        &self,
        connection: &Connection,
        edit: Edit<'_>,
        node: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let (id, organization) = (connection.id, connection.organization);
        let name = edit.external_id.flatten();
        let free = values![connection.connector.0, id.0, name];
        let values = values![
            organization.0,
            id.0,
            act.now,
            edit.labels,
            edit.metadata,
            i64::from(edit.external_id.is_some()),
            name,
            i64::from(edit.account_label.is_some()),
            edit.account_label.flatten(),
        ];
        let detail = serde_json::json!({ "members": edit.members() }).to_string();
        let plan = Plan::default()
            .must(Step::one(&HOLD_NAME, free), Outcome::Taken("external_id"))
            .must(Step::one(&EDIT, values), Outcome::Absent)
            .happened(organization, id, &Happened::plain("edited", node), &mut act)
            .also(act.audit(Some(organization), "connection.updated", target(id), detail));
        self.carry_out(plan, act).await
    }
}

impl Edit<'_> {
    /// The names of what changes, for the audit.
    fn members(&self) -> Vec<&'static str> {
        let all = [
            ("labels", self.labels.is_some()),
            ("external_id", self.external_id.is_some()),
            ("metadata", self.metadata.is_some()),
            ("account_label", self.account_label.is_some()),
        ];
        all.into_iter().filter(|(_, changes)| *changes).map(|(name, _)| name).collect()
    }
}

/// Holds the connector while a name under it is looked up, so that of two who take it one finds it
/// taken. The index would refuse the second too, but not say which rule did.
static HOLD_NAME: Statement = Statement::new(
    "connections.hold_name",
    "UPDATE connectors SET created_at = created_at WHERE id = $1 AND NOT EXISTS \
     (SELECT 1 FROM connections c WHERE c.connector = $1 AND c.external_id = $3 AND c.id <> $2 \
     AND c.status <> 'revoked')",
);

static EDIT: Statement = Statement::new(
    "connections.edit",
    "UPDATE connections SET updated_at = $3, labels = COALESCE($4, labels), \
     metadata = COALESCE($5, metadata), \
     external_id = CASE WHEN $6 = 1 THEN $7 ELSE external_id END, \
     account_label = CASE WHEN $8 = 1 THEN $9 ELSE account_label END \
     WHERE organization = $1 AND id = $2 AND status <> 'revoked'",
);

pub(super) const STATEMENTS: &[&Statement] = &[&HOLD_NAME, &EDIT];
