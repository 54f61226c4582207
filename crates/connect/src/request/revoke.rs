//! The call that ends a grant at the provider (RFC 7009 where the file says nothing else).

use http::header::AUTHORIZATION;
use keyhaven_protocol::secret::Secret;

use super::client::{self, Proof};
use super::compose::{Params, add_headers, agreed_headers, message, sensitive};
use super::{App, Misconfigured, Stamp, finished};
use crate::provider::{ClientAuth, Provider, RevokeAuth, RevokeToken};
use crate::send::Outgoing;

/// What was kept of a grant, to end it.
#[derive(Clone, Copy)]
pub struct Ended<'a> {
    /// The access token.
    pub access: Option<&'a Secret>,
    /// The refresh token.
    pub refresh: Option<&'a Secret>,
    /// The account's id, without its tenant.
    pub account_id: Option<&'a str>,
}

/// The call, if the provider has one and the grant has a token for it.
pub fn revoke(
    provider: &Provider,
    app: &App<'_>,
    ended: &Ended<'_>,
    stamp: &Stamp,
) -> Option<Result<Outgoing, Misconfigured>> {
    let rules = provider.revoke.as_ref()?;
    let token = match rules.token {
        RevokeToken::Refresh => ended.refresh.or(ended.access),
        RevokeToken::Access => ended.access,
    }?;
    if rules.auth == RevokeAuth::Bearer && ended.access.is_none() {
        return None;
    }
    Some(build(provider, app, ended, token, stamp))
}

fn build(
    provider: &Provider,
    app: &App<'_>,
    ended: &Ended<'_>,
    token: &Secret,
    stamp: &Stamp,
) -> Result<Outgoing, Misconfigured> {
    let rules = provider.revoke.as_ref().ok_or_else(|| Misconfigured::new("no revocation"))?;
    let mut known = vec![("client_id", app.client_id), ("token", token.reveal())];
    known.extend(app.secret.map(|secret| ("client_secret", secret.reveal())));
    known.extend(ended.access.map(|access| ("access_token", access.reveal())));
    known.extend(ended.account_id.map(|id| ("account_id", id)));
    let values = finished::values(provider, app, &known)?;
    let url = finished::url(provider, &rules.url, &values)?;
    let call = provider.token.as_ref();
    let rename = call.map(|call| call.rename.clone()).unwrap_or_default();
    let mut params = Params::new(&rename);
    if !rules.token_param.is_empty() {
        params.set(&rules.token_param, token.reveal().to_owned());
    }
    let auth = match rules.auth {
        RevokeAuth::Client => call.map(|call| call.auth),
        RevokeAuth::Basic => Some(ClientAuth::Basic),
        RevokeAuth::Bearer | RevokeAuth::None => None,
    };
    let mut headers = agreed_headers();
    add_headers(&rules.headers, &values, &mut headers)?;
    if let Some(auth) = auth {
        let proof = Proof {
            auth,
            assertion: call.and_then(|call| call.assertion.as_ref()),
            audience: url.to_string(),
            spent: Some(token),
            stamp,
        };
        if let Some(text) = client::prove(app, &proof, &values, &mut params)? {
            headers.insert(AUTHORIZATION, sensitive(&text)?);
        }
    }
    if let (RevokeAuth::Bearer, Some(access)) = (rules.auth, ended.access) {
        headers.insert(AUTHORIZATION, sensitive(&format!("Bearer {}", access.reveal()))?);
    }
    finished::said(&rules.params, &values).for_each(|(name, value)| params.set(name, value));
    Ok(message(url, rules.method, rules.body, params, headers))
}
