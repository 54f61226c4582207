//! A key or a login that somebody typed is tried once before it is kept: a typing error is found by
//! whoever made it, and not by the first program that asks for a token. A provider that has no call for
//! that, or does not answer now, hinders nobody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyhaven_connect::provider::Kind;
use keyhaven_connect::talk::{self, Tried};
use keyhaven_protocol::connection::Method;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::Error;
use keyhaven_store::connections::Tokens;
use keyhaven_store::connectors::Kept;

use crate::app::App;
use crate::vault::provider_of::Found;
use crate::vault::upstream::{Asking, Beside};

/// What the provider says to it; `Untold` for what is not typed.
pub async fn try_typed(
    app: &App,
    kept: &Kept,
    provider: &Found,
    tokens: &Tokens,
) -> Result<Tried, Error> {
    let Some(access) = &tokens.access else { return Ok(Tried::Untold) };
    let typed = match (kept.connector.method, provider.kind) {
        (Method::ApiKey, Kind::ApiKey) => access.clone(),
        (Method::Basic, Kind::Basic) => plain(access)?,
        _ => return Ok(Tried::Untold),
    };
    let secrets = app.store.open_app_secrets(kept)?;
    let beside = Beside::default();
    let asking = Asking::new(app, kept, provider, &beside);
    let registered = asking.registered(secrets.current.as_ref(), None);
    Ok(Box::pin(talk::try_typed(&app.vault.client, provider, &registered, &typed)).await)
}

/// A login is kept as its header says it (RFC 7617 §2).
fn plain(kept: &Secret) -> Result<Secret, Error> {
    let bytes = STANDARD.decode(kept.reveal()).map_err(Error::broken)?;
    Ok(Secret::new(String::from_utf8(bytes).map_err(Error::broken)?))
}
