//! Token introspection (RFC 7662): who may ask, and what they are told. To anyone who is neither
//! the owner nor in the token's organization, a live token looks like a dead one.

use crate::client::Client;
use crate::refusal::Refusal;
use crate::token::AccessToken;

/// Only a client that proved itself may ask (RFC 7662 §2.1; A51).
pub fn may_ask(caller: &Client) -> Result<(), Refusal> {
    if caller.is_confidential() {
        return Ok(());
    }
    Err(Refusal::client("a public client may not introspect"))
}

/// Whether `caller` may learn about `token`, issued to `owner`: its owner, its audience, or a
/// client of the owner's organization.
pub fn may_see(caller: &Client, token: &AccessToken, owner: &Client) -> Result<(), Refusal> {
    let is_owner = caller.id == owner.id;
    let is_audience = caller.audience.as_deref() == Some(&token.audience);
    let same_organization =
        caller.organization.is_some() && caller.organization == owner.organization;
    if is_owner || is_audience || same_organization {
        return Ok(());
    }
    Err(Refusal::token("the caller is neither owner nor audience of the token")
        .with("caller", caller.public_id.clone())
        .with("owner", owner.public_id.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::AuthMethod;
    use crate::client_auth::tests::a_client;
    use crate::id::{ClientId, Id, OrganizationId};
    use crate::token::tests::a_token;

    fn a_stranger() -> Client {
        let id = ClientId(Id::v7(5, [9; 10]));
        Client { id, organization: Some(OrganizationId(Id::v7(6, [9; 10]))), ..a_client() }
    }

    #[test]
    fn a_public_client_may_not_ask() {
        let public = Client { auth_method: AuthMethod::None, ..a_client() };
        assert_eq!(may_ask(&public).unwrap_err().reason, "a public client may not introspect");
    }

    #[test]
    fn a_client_of_another_organization_sees_nothing() {
        let refusal = may_see(&a_stranger(), &a_token(), &a_client()).unwrap_err();
        assert_eq!(refusal.reason, "the caller is neither owner nor audience of the token");
    }

    #[test]
    fn the_audience_and_the_organization_see_the_token() {
        let audience = Client { audience: Some("https://issuer.test".into()), ..a_stranger() };
        assert_eq!(may_see(&audience, &a_token(), &a_client()), Ok(()));
        let colleague = Client { organization: a_client().organization, ..a_stranger() };
        assert_eq!(may_see(&colleague, &a_token(), &a_client()), Ok(()));
    }

    #[test]
    fn two_clients_of_the_instance_are_no_organization() {
        let owner = Client { organization: None, ..a_client() };
        let caller = Client { organization: None, ..a_stranger() };
        assert!(may_see(&caller, &a_token(), &owner).is_err());
    }
}
