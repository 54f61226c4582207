//! The tenant a path names, by id or slug. One that is not within the caller's reach is answered
//! like one that does not exist (A69).

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use keyhaven_protocol::id::{
    AppId, BudgetId, ClientId, ConnectionId, ConnectorId, GrantId, GroupId, Id, InvitationId,
    KeyId, OrganizationId, ProjectId, SessionId, UpstreamId, UserId,
};
use keyhaven_store::Reach;
use keyhaven_store::organizations::Organization;

use super::administrator::Administrator;
use crate::app::{App, Shared};
use crate::http::error::ApiError;

/// The organization of `{organization}`.
pub struct Tenant(pub Organization);

impl FromRequestParts<Shared> for Tenant {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        let administrator = Administrator::from_request_parts(parts, app).await?;
        let text = path_text(parts, app, "organization").await?;
        let found = find_organization(app, administrator.reach, &text).await?;
        found.map(Self).ok_or_else(|| ApiError::not_found("organization"))
    }
}

/// The organization with this id or slug, if within reach.
pub(super) async fn find_organization(
    app: &App,
    reach: Reach,
    text: &str,
) -> Result<Option<Organization>, ApiError> {
    let found = match OrganizationId::parse(text) {
        Some(id) => app.store.find_organization(reach, id).await?,
        None => app.store.find_organization_by_slug(reach, text).await?,
    };
    Ok(found)
}

/// The id a path names; one that is no id names nothing. The caller is known before any answer.
pub struct Named<T>(pub T);

/// An id in a path.
pub trait PathId: Sized + Send {
    /// The path parameter, also the noun of "No such …".
    const NAME: &'static str;

    /// Reads the id.
    fn parse(text: &str) -> Option<Self>;
}

macro_rules! path_ids {
    ($($id:ident = $name:literal,)*) => {$(
        impl PathId for $id {
            const NAME: &'static str = $name;

            fn parse(text: &str) -> Option<Self> {
                Self::parse(text)
            }
        }
    )*};
}

path_ids! {
    ProjectId = "project",
    GroupId = "group",
    UserId = "user",
    ClientId = "client",
    GrantId = "grant",
    SessionId = "session",
    InvitationId = "invitation",
    UpstreamId = "upstream",
    KeyId = "key",
    AppId = "app",
    BudgetId = "budget",
    ConnectorId = "connector",
    ConnectionId = "connection",
}

/// The id of a client secret.
impl PathId for Id {
    const NAME: &'static str = "secret";

    fn parse(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl<T: PathId> FromRequestParts<Shared> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        Administrator::from_request_parts(parts, app).await?;
        let text = path_text(parts, app, T::NAME).await?;
        T::parse(&text).map(Self).ok_or_else(|| ApiError::not_found(T::NAME))
    }
}

async fn path_text(
    parts: &mut Parts,
    app: &Shared,
    name: &'static str,
) -> Result<String, ApiError> {
    let params = RawPathParams::from_request_parts(parts, app)
        .await
        .map_err(|_| ApiError::not_found(name))?;
    let found = params.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| text.to_owned()).ok_or_else(|| ApiError::not_found(name))
}
