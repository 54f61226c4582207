//! Who may call `/v1`: the bearer of an access token with the scope `keyhaven:admin`, or of a session
//! whose user administers the instance or the organization it acts in. A client of the instance
//! reaches every tenant; a client of an organization reaches that one only. No cookie counts here.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use keyhaven_protocol::bearer::parse_bearer;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::scope::{ADMIN, Scopes};
use keyhaven_store::Reach;

use crate::app::Shared;
use crate::http::error::{ApiError, Kind};
use crate::operations::check::{Need, check};

/// A caller who may manage what is within its reach. A caller inside this process (the command
/// line, a test) puts one into the request's extensions; no request from outside can.
#[derive(Clone, Debug)]
pub struct Administrator {
    /// The tenants it may see and change.
    pub reach: Reach,
    /// How the audit names it, for example `client:kh_client_…`.
    pub actor: String,
}

impl Administrator {
    /// Refuses everybody who does not reach the whole instance.
    pub fn of_instance(&self) -> Result<(), ApiError> {
        match self.reach {
            Reach::Instance => Ok(()),
            Reach::Organization(own) => {
                let detail = "Only an administrator of the instance may do that.";
                Err(ApiError::new(Kind::Forbidden, detail).within(Some(own)))
            }
        }
    }
}

impl FromRequestParts<Shared> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, ApiError> {
        if let Some(known) = parts.extensions.get::<Self>() {
            return Ok(known.clone());
        }
        let administrator = authenticate(parts, app).await?;
        parts.extensions.insert(administrator.clone());
        Ok(administrator)
    }
}

async fn authenticate(parts: &Parts, app: &Shared) -> Result<Administrator, ApiError> {
    let mut sent = parts.headers.get_all(AUTHORIZATION).iter();
    let (Some(header), None) = (sent.next(), sent.next()) else {
        return Err(refused("exactly one Authorization header is needed"));
    };
    let header = header.to_str().map_err(|_| refused("the Authorization header is not ASCII"))?;
    let token = parse_bearer(header).map_err(refused)?;
    let scopes = Scopes::parse(ADMIN).map_err(refused)?;
    let need = Need { scopes, audience: Some(app.settings.issuer.clone()), ..Need::default() };
    let principal = check(app, token, &need).await?;
    let reach = principal.reach();
    let reach = reach.ok_or_else(|| refused("the user of the token administers nothing here"))?;
    Ok(Administrator { reach, actor: principal.actor() })
}

fn refused(rule: &'static str) -> ApiError {
    let mut error = ApiError::new(Kind::InvalidToken, Kind::InvalidToken.title());
    error.refusal = Some(Box::new(Refusal::token(rule)));
    error
}
