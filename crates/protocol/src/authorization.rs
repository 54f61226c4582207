//! What a person agreed to, from the moment the code is given until the last refresh: the code is
//! bound to it (RFC 6749 §4.1.2, RFC 9700 §2.1), ID tokens are made from it.

use crate::id::{ClientId, GrantId, TokenId, UserId};
use crate::pkce::Challenge;
use crate::refusal::Refusal;
use crate::scope::Scopes;
use crate::secret::Digest;
use crate::time::{Seconds, Timestamp};

/// How long a code lives (security bar §1).
pub const CODE_LIFE: Seconds = Seconds(60);

/// Whether the person may still be spoken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They may act.
    Active,
    /// An administrator disabled them.
    Disabled,
    /// They are not there any more.
    Gone,
}

/// An authorization as stored. Its id is the code's, and the grant's once the code is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Its id.
    pub id: TokenId,
    /// The digest of the code.
    pub code: Digest,
    /// Whom it was given to.
    pub client: ClientId,
    /// Who gave it.
    pub user: UserId,
    /// Whether they may still be spoken for.
    pub standing: Standing,
    /// The session it was given in.
    pub session: GrantId,
    /// When that session ends in any case.
    pub session_ends_at: Timestamp,
    /// When that session, or one above it, was revoked.
    pub session_ended_at: Option<Timestamp>,
    /// Where the code was sent.
    pub redirect_uri: String,
    /// Whether the request named it.
    pub redirect_uri_sent: bool,
    /// Binds the code to who asked for it.
    pub challenge: Option<Challenge>,
    /// What was agreed to.
    pub scopes: Scopes,
    /// The resource; empty means the issuer.
    pub audience: String,
    /// For the first ID token.
    pub nonce: Option<String>,
    /// When the person had proved who they are.
    pub authenticated_at: Timestamp,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// Whether the request bounded the login's age.
    pub max_age: Option<Seconds>,
    /// Whether the request named strengths of login.
    pub acr_asked: bool,
    /// The `claims` parameter.
    pub claims: Option<String>,
    /// The key the code is bound to, and afterwards a public client's refresh token.
    pub jkt: Option<String>,
    /// When the code was given.
    pub issued_at: Timestamp,
    /// When the code ends.
    pub code_ends_at: Timestamp,
    /// When the code was spent.
    pub spent_at: Option<Timestamp>,
}

impl Authorization {
    /// Whether what was given outlives the session (OpenID Connect Core §11).
    #[must_use]
    pub fn is_offline(&self) -> bool {
        self.scopes.contains("offline_access")
    }

    /// Whether the person may still be spoken for (A34).
    pub fn stands(&self) -> Result<(), Refusal> {
        match self.standing {
            Standing::Active => Ok(()),
            Standing::Disabled => Err(Refusal::grant("the user is disabled")),
            Standing::Gone => Err(Refusal::grant("the user is gone")),
        }
    }

    /// Whether a refresh comes with the key its token is bound to (RFC 9449 §5, A46).
    pub fn fits_refresh_key(&self, jkt: Option<&str>) -> Result<(), Refusal> {
        match &self.jkt {
            Some(bound) if jkt != Some(bound) => {
                Err(Refusal::grant("refresh token is bound to another key"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::client_auth::tests::a_client;
    use crate::id::Id;

    pub(crate) fn an_authorization(code: Digest) -> Authorization {
        Authorization {
            id: TokenId(Id::v7(1, [4; 10])),
            code,
            client: a_client().id,
            user: UserId(Id::v7(1, [5; 10])),
            standing: Standing::Active,
            session: GrantId(Id::v7(1, [6; 10])),
            session_ends_at: Timestamp(90_000),
            session_ended_at: None,
            redirect_uri: "https://a.test/cb".into(),
            redirect_uri_sent: true,
            challenge: None,
            scopes: Scopes::parse("openid read").unwrap(),
            audience: String::new(),
            nonce: None,
            authenticated_at: Timestamp(900),
            amr: vec!["pwd".into()],
            max_age: None,
            acr_asked: false,
            claims: None,
            jkt: None,
            issued_at: Timestamp(990),
            code_ends_at: Timestamp(1_050),
            spent_at: None,
        }
    }
}
