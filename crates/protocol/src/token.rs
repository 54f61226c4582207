//! An access token once it is recognised: what it says and whether it still counts. Every path
//! that accepts an access token asks [`AccessToken::stands`], so a cause of death added there is
//! consulted everywhere (RFC 7662 §4, RFC 9068 §4).

use crate::client::TokenFormat;
use crate::client::{Client, Standing};
use crate::id::{ClientId, GrantId, TokenId, UserId};
use crate::refusal::Refusal;
use crate::scope::Scopes;
use crate::time::Timestamp;

/// A recognised access token: signature or digest already checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken {
    /// Its id (`jti`).
    pub id: TokenId,
    /// Whom it was issued to.
    pub client: ClientId,
    /// The grant it hangs on; `None` means the client's own authority.
    pub grant: Option<GrantId>,
    /// Whom it speaks for (`sub`): the user, or the client itself.
    pub subject: String,
    /// The user behind `subject`, who may be called otherwise there (OpenID Connect Core §8.1).
    pub user: Option<UserId>,
    /// The key it is bound to (RFC 9449 §6), by thumbprint.
    pub jkt: Option<String>,
    /// What it opens.
    pub scopes: Scopes,
    /// For whom it is (`aud`).
    pub audience: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// What it is made of.
    pub format: TokenFormat,
}

/// What is known of its end besides its own expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing: it lives.
    No,
    /// The token itself was revoked.
    Token,
    /// Its grant, or one above it, was revoked.
    Grant,
}

impl AccessToken {
    /// Whom it speaks for, unless that is the client itself.
    #[must_use]
    pub fn subject_beside_client(&self) -> Option<&str> {
        (self.subject != self.client.to_string()).then_some(&self.subject)
    }

    /// Whether the token counts now, and the rule that says no.
    pub fn stands(
        &self,
        client: Option<&Client>,
        ended: Ended,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if self.expires_at <= now {
            return Err(Refusal::token("access token expired")
                .with("expired_at", self.expires_at.0.to_string())
                .with("now", now.0.to_string()));
        }
        match ended {
            Ended::No => {}
            Ended::Token => return Err(Refusal::token("access token was revoked")),
            Ended::Grant => {
                return Err(Refusal::token("the grant of the access token was revoked"));
            }
        }
        let Some(client) = client else {
            return Err(Refusal::token("the client of the access token is gone"));
        };
        if client.standing != Standing::Active {
            return Err(Refusal::token("the client of the access token is disabled"));
        }
        if self.issued_at < client.not_before {
            return Err(Refusal::token("everything issued to the client so far was revoked")
                .with("issued_at", self.issued_at.0.to_string())
                .with("not_before", client.not_before.0.to_string()));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::client_auth::tests::a_client;
    use crate::id::Id;

    const NOW: Timestamp = Timestamp(1_000);

    pub(crate) fn a_token() -> AccessToken {
        let client = a_client();
        AccessToken {
            id: TokenId(Id::v7(900_000, [1; 10])),
            client: client.id,
            grant: None,
            subject: client.public_id,
            user: None,
            jkt: None,
            scopes: Scopes::parse("read").unwrap(),
            audience: "https://issuer.test".into(),
            issued_at: Timestamp(900),
            expires_at: Timestamp(1_200),
            format: TokenFormat::Jwt,
        }
    }

    #[track_caller]
    fn check(
        edit: impl FnOnce(&mut AccessToken, &mut Client),
        ended: Ended,
        expected: Option<&str>,
    ) {
        let (mut token, mut client) = (a_token(), a_client());
        edit(&mut token, &mut client);
        let got = token.stands(Some(&client), ended, NOW).err().map(|refusal| refusal.reason);
        assert_eq!(got.as_deref(), expected);
    }

    #[test]
    fn a_live_token_stands() {
        check(|_, _| (), Ended::No, None);
    }

    #[test]
    fn every_cause_of_death_is_named() {
        check(|token, _| token.expires_at = NOW, Ended::No, Some("access token expired"));
        check(|_, _| (), Ended::Token, Some("access token was revoked"));
        check(|_, _| (), Ended::Grant, Some("the grant of the access token was revoked"));
        check(
            |_, client| client.standing = Standing::Disabled,
            Ended::No,
            Some("the client of the access token is disabled"),
        );
        check(
            |_, client| client.not_before = Timestamp(901),
            Ended::No,
            Some("everything issued to the client so far was revoked"),
        );
    }

    #[test]
    fn a_token_of_a_deleted_client_is_dead() {
        let refusal = a_token().stands(None, Ended::No, NOW).unwrap_err();
        assert_eq!(refusal.reason, "the client of the access token is gone");
    }
}
