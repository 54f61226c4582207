//! `client_credentials` (RFC 6749 §4.4): a program acts for itself. Never an ID token, and a
//! refresh token only where the family's contract asks for one.

use super::{Facts, Grant, Needs, Plan, Refresh, Terms, bind, listed, narrow, target};
use crate::params::Params;
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;

pub(super) struct ClientCredentials;

impl Grant for ClientCredentials {
    fn name(&self) -> &'static str {
        "client_credentials"
    }

    fn needs(&self, _: &Params) -> Result<Needs, Refusal> {
        Ok(Needs::Nothing)
    }

    fn decide(&self, params: &Params, facts: &Facts<'_>, now: Timestamp) -> Result<Plan, Refusal> {
        let client = facts.client;
        listed(client, self)?;
        if !client.is_confidential() {
            return Err(Refusal::new(
                Code::UnauthorizedClient,
                "a public client has no credentials of its own",
            ));
        }
        let scopes = narrow(params.get("scope"), &client.scopes)?;
        if scopes.contains("openid") || scopes.contains("offline_access") {
            return Err(Refusal::new(Code::InvalidScope, "openid and offline_access need a user")
                .on("scope"));
        }
        let audience = client.audience.clone().unwrap_or_default();
        target(params, &audience)?;
        let refresh = match facts.terms {
            Terms::EveryAnswer(rule) if client.may_use("refresh_token") => {
                let ends_at = now.plus(client.refresh_absolute);
                Refresh::Begin {
                    rule,
                    idle_ends_at: now.plus(client.refresh_idle).min(ends_at),
                    ends_at,
                }
            }
            Terms::EveryAnswer(_) | Terms::Standard => Refresh::None,
        };
        Ok(Plan {
            scopes,
            audience,
            ttl: client.access_ttl,
            refresh,
            code: None,
            jkt: bind(facts)?,
        })
    }
}
