//! Keys handed to apps: the apps, the codes they exchange, and requests on their way through sign-in
//! and consent. A code is spent in the commit that makes its key, so neither is without the other.

use keyhaven_protocol::amount::{Amount, Unit};
use keyhaven_protocol::hand_out::challenge::{Challenge, Method};
use keyhaven_protocol::hand_out::exchange::IssuedCode;
use keyhaven_protocol::id::{AppId, GrantId, GroupId, Id, OrganizationId, ProjectId, UserId};
use keyhaven_protocol::period::Period;
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Timestamp;

use crate::act::Plan;
use crate::changes::{Change, Kind};
use crate::engine::{Commit, Row, Step};
use crate::keys::{self, NewKey};
use crate::organizations::Power;
use crate::{Act, Error, Listed, Outcome, Page, Store, budgets, values};

mod requests;
mod statements;

pub use requests::{KeptRequest, NewRequest};
pub use statements::STATEMENTS;

use statements as sql;

/// An app that keys are handed to.
#[derive(Clone, Debug)]
pub struct AppRecord {
    /// Its id.
    pub id: AppId,
    /// Its identity: the origin of its callback.
    pub origin: String,
    /// When it was first seen.
    pub created_at: Timestamp,
    /// Since when no key of it counts.
    pub blocked_at: Option<Timestamp>,
}

/// What the key of a code will be.
#[derive(Clone, Debug)]
pub struct Promise {
    /// The key or grant it will hang on.
    pub parent: Option<GrantId>,
    /// The tenant.
    pub organization: Option<OrganizationId>,
    /// The person it will belong to.
    pub owner: Option<UserId>,
    /// The project it will work for.
    pub project: Option<ProjectId>,
    /// The group it will work for.
    pub group: Option<GroupId>,
    /// The app it is handed to.
    pub app: AppId,
    /// Its name.
    pub label: String,
    /// What it will open.
    pub scopes: Scopes,
    /// What it may spend.
    pub limit: Option<Amount>,
    /// Of what.
    pub unit: Unit,
    /// When the limit begins anew.
    pub period: Period,
    /// When it will end.
    pub expires_at: Option<Timestamp>,
}

/// A code about to be issued.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// The id inside its text.
    pub id: Id,
    /// The digest of its text.
    pub hash: Digest,
    /// Where it is sent.
    pub callback: String,
    /// What its exchange must prove.
    pub challenge: Option<Challenge>,
    /// What its key will be.
    pub promise: Promise,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A code as it is kept.
#[derive(Clone, Debug)]
pub struct KeptCode {
    /// Its id.
    pub id: Id,
    /// What its exchange is decided by.
    pub issued: IssuedCode,
    /// What its key will be.
    pub promise: Promise,
    /// The identity of its app.
    pub app_origin: String,
    /// Whether that app is blocked.
    pub app_blocked: bool,
}

impl Store {
    /// The app with this identity; it is written down when it is new.
    pub async fn recognise_app(&self, origin: &str, act: &mut Act) -> Result<AppRecord, Error> {
        if let Some(known) = self.find_app(origin).await? {
            return Ok(known);
        }
        let step = Step::any(&sql::MEET_APP, values![act.id(), origin, act.now]);
        self.engine.commit(vec![step]).await?;
        let known = self.find_app(origin).await?;
        known.ok_or_else(|| Error::broken("an app was written down and is not there"))
    }

    /// The app with this identity.
    pub async fn find_app(&self, origin: &str) -> Result<Option<AppRecord>, Error> {
        let rows = self.engine.read(&sql::FIND_APP, values![origin]).await?;
        rows.into_iter().next().map(app).transpose()
    }

    /// The app `id`.
    pub async fn find_app_by_id(&self, id: AppId) -> Result<Option<AppRecord>, Error> {
        let rows = self.engine.read(&sql::FIND_APP_BY_ID, values![id.0]).await?;
        rows.into_iter().next().map(app).transpose()
    }

    /// Apps, oldest first.
    pub async fn list_apps(&self, page: Page) -> Result<Listed<AppRecord>, Error> {
        let rows = self.engine.read(&sql::LIST_APPS, values![page.above(), page.fetch()]).await?;
        page.of(rows, app, |app| app.id.0)
    }

    /// Blocks an app or lets it act again: while it is blocked, none of its keys counts and it is
    /// handed no new ones.
    pub async fn set_app_power(
        &self,
        app: &AppRecord,
        power: Power,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let (blocked_at, action) = match power {
            Power::Disabled => (Some(act.now), "app.blocked"),
            Power::Enabled => (None, "app.unblocked"),
        };
        let plan = Plan::default()
            .must(Step::one(&sql::SET_APP_POWER, values![app.id.0, blocked_at]), Outcome::Absent)
            .also(act.audit(None, action, format_args!("app:{}", app.origin), "{}"))
            .also(act.publish(Change::of(Kind::Key, app.id.0)));
        self.carry_out(plan, act).await
    }

    /// Issues a code.
    pub async fn issue_code(&self, new: &NewCode, mut act: Act) -> Result<Outcome, Error> {
        let plan = issue(Plan::default(), new, &mut act);
        self.carry_out(plan, act).await
    }

    /// The code a text names, if its digest fits.
    pub async fn find_code(&self, id: Id, hash: Digest) -> Result<Option<KeptCode>, Error> {
        let rows = self.engine.read(&sql::FIND_CODE, values![id]).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        code(id, hash, row)
    }

    /// Spends a code and makes its key, or neither. `Taken("code")` when it was spent or ended
    /// meanwhile.
    pub async fn redeem_code(
        &self,
        code: Id,
        key: &NewKey,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let spend = Step::one(&sql::SPEND, values![code, act.now]);
        let plan = keys::create(Plan::default().must(spend, Outcome::Taken("code")), key, &mut act);
        self.carry_out(plan, act).await
    }

    /// Counts a wrong verifier.
    pub async fn count_try(&self, code: Id) -> Result<(), Error> {
        match self.engine.commit(vec![Step::any(&sql::COUNT_TRY, values![code])]).await? {
            Commit::Done(_) | Commit::Lost(_) => Ok(()),
        }
    }
}

/// The steps that issue a code, for the commits that do more than that.
fn issue(plan: Plan, new: &NewCode, act: &mut Act) -> Plan {
    let promise = &new.promise;
    let values = values![
        new.id,
        new.hash,
        promise.parent.map(|id| id.0),
        promise.organization.map(|id| id.0),
        promise.owner.map(|id| id.0),
        promise.project.map(|id| id.0),
        promise.group.map(|id| id.0),
        promise.app.0,
        new.callback.as_str(),
        new.challenge.as_ref().map(|challenge| challenge.text.as_str()),
        new.challenge.as_ref().map(|challenge| challenge.method.as_str()),
        promise.label.as_str(),
        promise.scopes.as_str(),
        promise.limit.map(|limit| limit.0),
        promise.unit.as_str(),
        promise.period.as_str(),
        promise.expires_at,
        act.now,
        new.expires_at,
    ];
    let detail = serde_json::json!({
        "app": promise.app.to_string(),
        "owner": promise.owner.map(|id| id.to_string()),
        "limit": promise.limit.map(|limit| promise.unit.show(limit)),
        "scopes": promise.scopes.as_str(),
    });
    let target = format!("code:{}", new.id);
    plan.also(Step::one(&sql::ISSUE, values)).also(act.audit(
        promise.organization,
        "key_code.issued",
        target,
        detail.to_string(),
    ))
}

fn app(mut row: Row) -> Result<AppRecord, Error> {
    Ok(AppRecord {
        id: AppId(row.id(0)?),
        origin: row.text(1)?,
        created_at: row.time(2)?,
        blocked_at: row.maybe_time(3)?,
    })
}

fn code(id: Id, hash: Digest, mut row: Row) -> Result<Option<KeptCode>, Error> {
    if row.digest(0)? != hash {
        return Ok(None);
    }
    let challenge = match (row.maybe_text(1)?, row.maybe_text(2)?) {
        (Some(text), Some(method)) => {
            let method = Method::parse(&method)
                .ok_or_else(|| Error::broken("hand_out_codes.method is unknown"))?;
            Some(Challenge { text, method })
        }
        _ => None,
    };
    let issued = IssuedCode {
        challenge,
        expires_at: row.time(3)?,
        spent_at: row.maybe_time(4)?,
        tries: row.int(5)?,
    };
    let (app_origin, app_blocked) = (row.text(6)?, row.maybe_time(7)?.is_some());
    let promise = promise(&mut row, 8)?;
    Ok(Some(KeptCode { id, issued, promise, app_origin, app_blocked }))
}

/// Columns: parent, organization, owner, project, group, app, label, scopes, most, unit, period, end.
fn promise(row: &mut Row, at: usize) -> Result<Promise, Error> {
    Ok(Promise {
        parent: row.maybe_id(at)?.map(GrantId),
        organization: row.maybe_id(at + 1)?.map(OrganizationId),
        owner: row.maybe_id(at + 2)?.map(UserId),
        project: row.maybe_id(at + 3)?.map(ProjectId),
        group: row.maybe_id(at + 4)?.map(GroupId),
        app: AppId(row.id(at + 5)?),
        label: row.text(at + 6)?,
        scopes: Scopes::parse(&row.text(at + 7)?).map_err(Error::broken)?,
        limit: row.maybe_int(at + 8)?.map(Amount),
        unit: budgets::unit(&row.text(at + 9)?)?,
        period: Period::parse(&row.text(at + 10)?)
            .ok_or_else(|| Error::broken("hand_out_codes.period is unknown"))?,
        expires_at: row.maybe_time(at + 11)?,
    })
}
