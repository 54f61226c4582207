//! Giving a code: everything it is bound to, the consent it answers for and the end of the request,
//! in one commit.

use keyhaven_protocol::authorization::{Authorization, CODE_LIFE, Standing};
use keyhaven_protocol::authorize::{Agreed, Login};
use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::id::TokenId;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::authorizations::NewAuthorization;
use keyhaven_store::consents::Consent;
use keyhaven_store::{Error, Outcome};

use super::{Open, Step, wait};
use crate::app::{App, Origin};
use crate::operations::Failure;

/// Gives a code; `None` when the consent was withdrawn meanwhile.
pub(super) async fn give_code(
    app: &App,
    origin: &Origin,
    open: &Open,
    (login, session_ends_at): (&Login, Timestamp),
    agreed: &Agreed,
) -> Result<Option<Step>, Failure> {
    let id = app.id();
    let code = credential::mint(Kind::Code, id, &app.dice.bytes());
    let request = &open.request;
    let now = app.clock.now();
    let authorization = Authorization {
        id: TokenId(id),
        code: code.digest(),
        client: open.client.id,
        user: login.user,
        standing: Standing::Active,
        session: login.session,
        session_ends_at,
        session_ended_at: None,
        redirect_uri: request.target.redirect_uri.clone(),
        redirect_uri_sent: request.target.was_sent,
        challenge: request.challenge.clone(),
        scopes: request.scopes.clone(),
        audience: request.audience.clone(),
        nonce: request.nonce.clone(),
        authenticated_at: login.authenticated_at,
        amr: login.amr.clone(),
        max_age: request.max_age,
        acr_asked: !request.acr_values.is_empty(),
        claims: request.claims_text.clone(),
        jkt: request.dpop_jkt.clone(),
        issued_at: now,
        code_ends_at: now.plus(CODE_LIFE),
        spent_at: None,
    };
    let consent = match agreed {
        Agreed::Now(scopes) => Consent::Given(scopes),
        Agreed::Before => Consent::Stands,
        Agreed::ByOwner => Consent::Needless,
    };
    let new = NewAuthorization {
        authorization: &authorization,
        consent,
        request: open.held.as_ref().map(|held| held.request.handle),
        hears_logout: open.client.party.backchannel_logout_uri.is_some(),
    };
    let act = app.act(format!("user:{}", login.user), origin);
    match app.store.authorize(&new, act).await? {
        Outcome::Done => Ok(Some(Step::Done(request.target.code(&code, &app.settings.issuer)))),
        Outcome::Moved => match &open.held {
            Some(held) if app.store.find_request(held.request.handle, now).await?.is_none() => {
                Err(wait::over().into())
            }
            _ => Ok(None),
        },
        other => Err(Error::broken(format!("giving a code ended as {other:?}")).into()),
    }
}
