//! Token revocation (RFC 7009): only the client a token was issued to may end it. An unknown
//! token is a success, for it is already as dead as it can be (§2.2).

use crate::client::Client;
use crate::grants::Family;
use crate::id::{GrantId, TokenId};
use crate::refusal::{Code, Refusal};
use crate::time::Timestamp;
use crate::token::AccessToken;

/// What the presented text turned out to be.
#[derive(Debug)]
pub enum Found<'a> {
    /// Nothing of ours, or something already gone.
    Nothing,
    /// An access token.
    Access(&'a AccessToken),
    /// A refresh token of this family; the caller checked the family once issued it.
    Refresh(&'a Family),
}

/// What to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing is left to end.
    Nothing,
    /// One access token, remembered until it would expire anyway.
    Token(TokenId, Timestamp),
    /// A grant with everything below it.
    Grant(GrantId),
}

/// Decides what `caller` ends.
pub fn decide(caller: &Client, found: &Found<'_>, now: Timestamp) -> Result<Plan, Refusal> {
    match found {
        Found::Nothing => Ok(Plan::Nothing),
        Found::Access(token) if token.client != caller.id => Err(foreign(caller)),
        Found::Access(token) if token.expires_at <= now => Ok(Plan::Nothing),
        Found::Access(token) => Ok(Plan::Token(token.id, token.expires_at)),
        Found::Refresh(family) if family.client != caller.id => Err(foreign(caller)),
        Found::Refresh(family) if family.revoked_at.is_some() => Ok(Plan::Nothing),
        Found::Refresh(family) => Ok(Plan::Grant(GrantId(family.id.0))),
    }
}

fn foreign(caller: &Client) -> Refusal {
    Refusal::new(Code::UnauthorizedClient, "the token belongs to another client")
        .with("caller", caller.public_id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_auth::tests::a_client;
    use crate::id::{ClientId, Id};
    use crate::token::tests::a_token;

    #[test]
    fn another_clients_token_is_left_alone() {
        let stranger = Client { id: ClientId(Id::v7(5, [9; 10])), ..a_client() };
        let refusal = decide(&stranger, &Found::Access(&a_token()), Timestamp(1_000)).unwrap_err();
        assert_eq!(refusal.reason, "the token belongs to another client");
    }

    #[test]
    fn an_expired_or_unknown_token_is_a_success() {
        let plan = decide(&a_client(), &Found::Access(&a_token()), Timestamp(1_200));
        assert_eq!(plan, Ok(Plan::Nothing));
        assert_eq!(decide(&a_client(), &Found::Nothing, Timestamp(0)), Ok(Plan::Nothing));
    }

    #[test]
    fn a_live_token_is_remembered_until_it_would_expire() {
        let token = a_token();
        let plan = decide(&a_client(), &Found::Access(&token), Timestamp(1_000));
        assert_eq!(plan, Ok(Plan::Token(token.id, token.expires_at)));
    }
}
