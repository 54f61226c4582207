//! Who may use connections: administrators of the tenant, programs of the tenant whose token has the
//! scope `connection:token`, and people for what is theirs or their team's. What is out of reach is
//! answered like what is not there (A69).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use keyhaven_protocol::id::{ConnectionId, UserId};
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::scope::ADMIN;
use keyhaven_store::connections::{Connection, Held};
use keyhaven_store::{Error, Reach};

use super::administrator::Administrator;
use crate::app::{App, Shared};
use crate::http::bearer;
use crate::http::error::{ApiError, Kind};
use crate::operations::Failure;
use crate::operations::check::{Credential, Need, Principal, check};

/// The scope that lets a program, or a user's token, get tokens of connections.
pub const TOKENS: &str = "connection:token";

/// Who calls.
#[derive(Clone, Debug)]
pub struct ConnectionCaller {
    /// The tenants they reach.
    pub reach: Reach,
    /// How the audit names them.
    pub actor: String,
    /// What they may do there.
    pub power: Power,
}

/// What a caller may do with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// Everything.
    Administrator,
    /// Get tokens.
    Program,
    /// Everything with their own, get tokens of their team's.
    Person(UserId),
}

impl ConnectionCaller {
    /// Whether they may get its token and see it.
    #[must_use]
    pub fn may_use(&self, connection: &Connection) -> bool {
        match self.power {
            Power::Administrator | Power::Program => true,
            Power::Person(user) => connection.owner.is_none_or(|owner| owner == user),
        }
    }

    /// Whether they may change or end it: a team's is an administrator's.
    #[must_use]
    pub fn may_change(&self, connection: &Connection) -> bool {
        match self.power {
            Power::Administrator => true,
            Power::Program => false,
            Power::Person(user) => connection.owner == Some(user),
        }
    }

    /// The connection as this node remembers it, if they may use it; `None` says nothing.
    pub fn recall(&self, app: &App, id: ConnectionId) -> Option<Arc<Held>> {
        let held = app.store.recall_held(self.reach, id, app.clock.tick())?;
        self.may_use(&held.connection).then_some(held)
    }

    /// The connection, or one of its further tokens, if they may use it.
    pub async fn look_up(
        &self,
        app: &App,
        id: ConnectionId,
        slot: Option<&str>,
    ) -> Result<Option<Arc<Held>>, Error> {
        let found = match slot {
            None => {
                let tick = app.clock.tick();
                let held = app.store.find_held_for_callers(self.reach, id, tick).await?;
                held.filter(|held| held.is_first())
            }
            Some(name) => app.store.find_slot(self.reach, id, name).await?.map(Arc::new),
        };
        Ok(found.filter(|held| self.may_use(&held.connection)))
    }

    /// The connection, if they may use it.
    pub async fn find(&self, app: &App, id: ConnectionId) -> Result<Arc<Held>, ApiError> {
        let found = self.look_up(app, id, None).await?;
        found.ok_or_else(|| ApiError::not_found("connection"))
    }

    /// The connection, if they may change it. A team's that they may only use says so.
    pub async fn find_own(&self, app: &App, id: ConnectionId) -> Result<Arc<Held>, ApiError> {
        let held = self.find(app, id).await?;
        if self.may_change(&held.connection) {
            return Ok(held);
        }
        let detail = "Only an administrator may change a connection of a team.";
        let organization = Some(held.connection.organization);
        Err(ApiError::new(Kind::Forbidden, detail).within(organization))
    }

    fn of(principal: &Principal) -> Result<Self, Refusal> {
        let lacks = || Refusal::token("the credential has no organization");
        let has = |scope: &str| principal.scopes().contains(scope);
        let actor = principal.actor();
        if has(ADMIN)
            && let Some(reach) = principal.reach()
        {
            return Ok(Self { reach, actor, power: Power::Administrator });
        }
        let reach = Reach::Organization(principal.organization().ok_or_else(lacks)?);
        let by_session = matches!(principal.credential, Credential::Session(_));
        if !by_session && !has(TOKENS) {
            return Err(Refusal::token("the token lacks the scope connection:token"));
        }
        let power = principal.user().map_or(Power::Program, Power::Person);
        Ok(Self { reach, actor, power })
    }
}

impl FromRequestParts<Shared> for ConnectionCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        if let Some(Administrator { reach, actor }) =
            parts.extensions.get::<Administrator>().cloned()
        {
            return Ok(Self { reach, actor, power: Power::Administrator });
        }
        let token = bearer::token(&parts.headers).map_err(Failure::from)?;
        let audience = Some(app.settings.issuer.clone());
        let principal = check(app, token, &Need { audience, ..Need::default() }).await?;
        Self::of(&principal).map_err(|refusal| Failure::from(refusal).into())
    }
}
