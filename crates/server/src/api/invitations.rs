//! `/v1/invitations`: letting people in by a link. An organization's administrator invites into it and
//! sees what is open there; an administrator of the instance invites anywhere.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::email::parse_email;
use keyhaven_protocol::id::{InvitationId, OrganizationId};
use keyhaven_protocol::secret::Secret;
use keyhaven_store::memberships::Role;
use keyhaven_store::one_time_codes::{OneTimeCode, Purpose};
use keyhaven_store::{Outcome, Reach};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::administrator::Administrator;
use super::body::Members;
use super::deed::Deed;
use super::grants::narrowed;
use super::once::{Ended, Once};
use super::page::{Asked, Listing, PageParams};
use super::problems::{CreateProblems, IdempotencyKey, ListProblems, NamedProblems};
use super::tenant::{Named, find_organization};
use crate::app::{App, Shared};
use crate::http::error::ApiError;
use crate::http::reply::NoContent;
use crate::mail::letter::Matter;
use crate::operations::accounts::{Invited, mint_invitation};
use crate::operations::notify;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(invite_user, list_invitations))
        .routes(routes!(withdraw_invitation))
}

/// Somebody to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "ada@example.com", "organization": "acme", "role": "member"}))]
pub struct InviteUser {
    /// The address.
    email: String,
    /// The organization they join: id or slug. Without one, they get an account and nothing else,
    /// which only administrators of the instance may offer.
    #[serde(default)]
    organization: Option<String>,
    /// As what they join: `owner`, `admin` or `member` (the default).
    #[serde(default)]
    role: Option<String>,
}

/// An invitation. Its link is shown once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "email": "ada@example.com",
    "link": "https://auth.example.com/invitation#kh_once_…", "expires_at": 1_764_604_800
}))]
pub struct Invitation {
    /// Its id.
    pub id: String,
    /// The address it is for.
    pub email: String,
    /// What to send there. Whoever has it makes the account.
    #[schema(extensions(("x-sdk-secret" = json!(true))))]
    pub link: String,
    /// When it ends, in seconds since 1970.
    pub expires_at: i64,
}

/// Invite somebody
///
/// Makes a link with which the person makes their account, or accepts with the one they have. It is
/// mailed to their address as well. Give it to nobody else: whoever opens it makes the account.
#[utoipa::path(
    post, path = "/v1/invitations", tag = "sign-in", params(IdempotencyKey), request_body = InviteUser,
    responses((status = 201, description = "The invitation", body = Invitation), CreateProblems)
)]
async fn invite_user(
    State(app): State<Shared>,
    administrator: Administrator,
    request: Once<InviteUser>,
) -> Result<Response, Ended> {
    let (body, once) = request.split();
    let into = into(&app, &administrator, &body).await?;
    let mut members = Members::default();
    let email = members.read("/email", parse_email(&body.email));
    let Some(email) = email else { return Err(members.refuse().into()) };
    let Invited { code, link } = mint_invitation(&app, email, into);
    let answer = Invitation {
        id: code.id.to_string(),
        email: code.subject.clone(),
        link: link.reveal().to_owned(),
        expires_at: code.expires_at.0,
    };
    let (act, answer) = once.created(format!("/v1/invitations/{}", code.id), &answer)?;
    let outcome = app.store.keep_one_time_code(&code, "user.invited", act).await?;
    if outcome == Outcome::Done {
        mail_invitation(&app, &code, &link).await?;
    }
    Ok(answer.after(outcome, "invitation").await?)
}

/// The invited person gets the link too.
async fn mail_invitation(app: &App, code: &OneTimeCode, link: &Secret) -> Result<(), ApiError> {
    let organization = match code.organization {
        None => None,
        Some(id) => app.store.find_organization(Reach::Instance, id).await?,
    };
    let matter = Matter::Invitation {
        organization: organization.map(|organization| organization.name),
        link: link.reveal().to_owned(),
    };
    Ok(notify::ask_for(app, &code.subject, matter).await?)
}

async fn into(
    app: &App,
    administrator: &Administrator,
    body: &InviteUser,
) -> Result<Option<(OrganizationId, Role)>, ApiError> {
    let Some(organization) = &body.organization else {
        administrator.of_instance()?;
        return match body.role {
            None => Ok(None),
            Some(_) => Err(ApiError::member("/role", "goes with organization")),
        };
    };
    let found = find_organization(app, administrator.reach, organization).await?;
    let found = found.ok_or_else(|| ApiError::member("/organization", "is not there"))?;
    let role = Role::parse(body.role.as_deref().unwrap_or("member"));
    let role = role.ok_or_else(|| ApiError::member("/role", "is owner, admin or member"))?;
    Ok(Some((found.id, role)))
}

/// An invitation that was not accepted yet. Its link was shown once and cannot be shown again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "019a2b3c-4d5e-7f60-8123-456789abcdef", "email": "ada@example.com",
    "organization": "019a2b3c-4d5e-7f60-8123-0123456789ab", "role": "member",
    "created_at": 1_764_000_000, "expires_at": 1_764_604_800
}))]
pub struct OpenInvitation {
    /// Its id.
    pub id: String,
    /// The address it is for.
    pub email: String,
    /// The organization it leads into; absent when it leads to an account and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// As what it leads there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created_at: i64,
    /// When it ends.
    pub expires_at: i64,
}

impl From<OneTimeCode> for OpenInvitation {
    fn from(code: OneTimeCode) -> Self {
        Self {
            id: code.id.to_string(),
            email: code.subject,
            organization: code.organization.map(|id| id.to_string()),
            role: code.organization.map(|_| code.detail),
            created_at: code.created_at.0,
            expires_at: code.expires_at.0,
        }
    }
}

/// How the list can be narrowed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the handler reads")]
struct InvitationFilters {
    /// Only invitations into this organization: id or slug.
    organization: Option<String>,
}

/// List invitations
///
/// Those that were not accepted and are not over, oldest first.
#[utoipa::path(
    get, path = "/v1/invitations", tag = "sign-in", params(PageParams, InvitationFilters),
    responses((status = 200, description = "A page of invitations", body = Listing<OpenInvitation>), ListProblems)
)]
async fn list_invitations(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Listing<OpenInvitation>>, ApiError> {
    let (page, scope) = asked.page(&app, "invitations", &["organization"])?;
    let reach = narrowed(&app, administrator.reach, &asked).await?;
    let (purpose, now) = (Purpose::Invitation, app.clock.now());
    let listed = app.store.list_one_time_codes(reach, purpose, page, now).await?;
    Ok(Json(Listing::of(&app, &scope, listed, OpenInvitation::from)?))
}

/// Withdraw an invitation
///
/// Its link opens nothing from then on.
#[utoipa::path(
    delete, path = "/v1/invitations/{invitation}", tag = "sign-in",
    params(("invitation" = String, Path, description = "Id")),
    responses((status = 204, description = "It is withdrawn"), NamedProblems)
)]
async fn withdraw_invitation(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(invitation): Named<InvitationId>,
    Deed(act): Deed,
) -> Result<NoContent, ApiError> {
    let (reach, purpose) = (administrator.reach, Purpose::Invitation);
    let withdrawn =
        app.store.withdraw_one_time_code(reach, purpose, invitation.0, "invitation.withdrawn", act);
    match withdrawn.await? {
        Outcome::Done => Ok(NoContent),
        other => Err(ApiError::of_outcome(other, "invitation")),
    }
}
