//! Token exchange (RFC 8693) towards a connection: a program shows the access token of the user it
//! acts for, names a connector as the audience, and gets the outside token of that user's connection.
//!
//! The result is another server's token, never one of ours: nothing is issued here, and a result is
//! never wider than what the subject token could have asked for itself.

use super::{Facts, Grant, Needs, Plan, listed};
use crate::client::Client;
use crate::id::{ConnectorId, OrganizationId, UserId};
use crate::params::Params;
use crate::refusal::{Code, Refusal};
use crate::scope::Scopes;
use crate::time::Timestamp;

/// The `grant_type`.
pub const NAME: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The only kind of token that is taken and given (RFC 8693 §3).
pub const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What client and subject token must both have.
pub const SCOPE: &str = "connection:token";

/// The grant, for the metadata and for what clients register.
pub(super) struct TokenExchange;

impl Grant for TokenExchange {
    fn name(&self) -> &'static str {
        NAME
    }

    fn needs(&self, _: &Params) -> Result<Needs, Refusal> {
        Err(elsewhere())
    }

    fn decide(&self, _: &Params, _: &Facts<'_>, _: Timestamp) -> Result<Plan, Refusal> {
        Err(elsewhere())
    }
}

/// Doors that hand out tokens of ours only.
fn elsewhere() -> Refusal {
    Refusal::new(Code::UnsupportedGrantType, "token exchange is for /oauth2/token only")
        .on("grant_type")
}

/// What is asked for.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The user's access token.
    pub subject_token: &'a str,
    /// Under which connector.
    pub connector: ConnectorId,
    /// Of which outside account, where the user has several there.
    pub account: Option<&'a str>,
    /// Scopes that are needed.
    pub scopes: Vec<String>,
}

/// The user's token, recognised and alive.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Whom it speaks for.
    pub user: Option<UserId>,
    /// The tenant it acts in.
    pub organization: Option<OrganizationId>,
}

/// Reads a request (RFC 8693 §2.1).
pub fn read(params: &Params) -> Result<Exchange<'_>, Refusal> {
    let required = |name| params.get(name).ok_or_else(|| Refusal::missing(name));
    let subject_token = required("subject_token")?;
    if required("subject_token_type")? != ACCESS_TOKEN {
        let reason = "subject_token_type is not the access token's";
        return Err(Refusal::request(reason).on("subject_token_type"));
    }
    if params.get("requested_token_type").is_some_and(|asked| asked != ACCESS_TOKEN) {
        let reason = "requested_token_type is not the access token's";
        return Err(Refusal::request(reason).on("requested_token_type"));
    }
    if params.get("actor_token").is_some() || params.get("actor_token_type").is_some() {
        let reason = "no actor token is taken: the client that asks is the actor";
        return Err(Refusal::request(reason).on("actor_token"));
    }
    if params.get("resource").is_some() {
        return Err(target("the audience is a connector; there is no resource").on("resource"));
    }
    let audience = params.get("audience").ok_or_else(|| target("audience is missing"))?;
    let connector = ConnectorId::parse(audience)
        .ok_or_else(|| target("audience is not a connector's id").with("audience", audience))?;
    let scopes = params.get("scope").unwrap_or_default();
    Ok(Exchange {
        subject_token,
        connector,
        account: params.get("account"),
        scopes: scopes.split_whitespace().map(str::to_owned).collect(),
    })
}

/// `invalid_target` (RFC 8693 §2.2.2).
pub fn target(reason: &'static str) -> Refusal {
    Refusal::new(Code::InvalidTarget, reason).on("audience")
}

/// Whether the client may ask at all. It is off for every client that did not register for it.
pub fn may_ask(client: &Client) -> Result<(), Refusal> {
    listed(client, &TokenExchange)?;
    if !client.is_confidential() {
        let reason = "a public client acts for nobody";
        return Err(Refusal::new(Code::UnauthorizedClient, reason));
    }
    let wanted = Scopes::parse(SCOPE).unwrap_or_default();
    if let Some(missing) = wanted.beyond(&client.scopes) {
        let reason = "the client lacks the scope connection:token";
        return Err(Refusal::new(Code::UnauthorizedClient, reason).with("missing", missing));
    }
    Ok(())
}

/// For whom the client may ask: a user whose token is of the client's own tenant.
pub fn decide(client: &Client, subject: Subject) -> Result<(UserId, OrganizationId), Refusal> {
    let refused = |reason| Refusal::request(reason).on("subject_token");
    let user = subject.user.ok_or_else(|| refused("the subject token speaks for no user"))?;
    let organization =
        subject.organization.ok_or_else(|| refused("the subject token has no organization"))?;
    match client.organization {
        Some(own) if own != organization => Err(refused("the subject token is another tenant's")),
        _ => Ok((user, organization)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_auth::tests::a_client;
    use crate::id::Id;

    const CONNECTOR: ConnectorId = ConnectorId(Id::v7(1, [3; 10]));
    const TENANT: OrganizationId = OrganizationId(Id::v7(1, [4; 10]));
    const USER: UserId = UserId(Id::v7(1, [5; 10]));

    fn refused(change: &[(&str, &str)]) -> String {
        let connector = CONNECTOR.to_string();
        let mut pairs = vec![
            ("subject_token", "token"),
            ("subject_token_type", ACCESS_TOKEN),
            ("audience", connector.as_str()),
        ];
        for (name, value) in change {
            pairs.retain(|(known, _)| known != name);
            pairs.push((name, value));
        }
        let params = Params::from_pairs(pairs).unwrap();
        read(&params).err().map(|refusal| refusal.reason.into_owned()).unwrap_or_default()
    }

    #[test]
    fn a_request_says_whose_token_and_which_connector() {
        assert_eq!(refused(&[]), "");
        assert_eq!(refused(&[("requested_token_type", ACCESS_TOKEN), ("scope", "a b")]), "");
        for (name, value, rule) in [
            ("subject_token", "", "subject_token is missing"),
            ("subject_token_type", "", "subject_token_type is missing"),
            ("subject_token_type", "urn:x", "subject_token_type is not the access token's"),
            ("requested_token_type", "urn:x", "requested_token_type is not the access token's"),
            ("actor_token", "x", "no actor token is taken: the client that asks is the actor"),
            ("resource", "https://a.test", "the audience is a connector; there is no resource"),
            ("audience", "", "audience is missing"),
            ("audience", "https://a.test", "audience is not a connector's id"),
        ] {
            assert_eq!(refused(&[(name, value)]), rule, "{name}={value}");
        }
    }

    fn an_exchanger() -> Client {
        let mut client = a_client();
        client.grant_types.push(NAME.to_owned());
        client.scopes = Scopes::parse(SCOPE).unwrap();
        client.organization = Some(TENANT);
        client
    }

    #[test]
    fn only_a_registered_confidential_client_with_the_scope_may_ask() {
        let reason = |client: &Client| may_ask(client).err().map(|refusal| refusal.reason);
        assert_eq!(reason(&an_exchanger()), None);
        let unlisted = Client { grant_types: Vec::new(), ..an_exchanger() };
        let rule = "grant type is not registered for this client";
        assert_eq!(reason(&unlisted).as_deref(), Some(rule));
        let public = Client { auth_method: crate::client::AuthMethod::None, ..an_exchanger() };
        assert_eq!(reason(&public).as_deref(), Some("a public client acts for nobody"));
        let poor = Client { scopes: Scopes::parse("read").unwrap(), ..an_exchanger() };
        let rule = "the client lacks the scope connection:token";
        assert_eq!(reason(&poor).as_deref(), Some(rule));
    }

    #[test]
    fn it_acts_for_users_of_its_own_tenant() {
        let reason = |subject| {
            decide(&an_exchanger(), subject).err().map(|refusal| refusal.reason.into_owned())
        };
        let subject = Subject { user: Some(USER), organization: Some(TENANT) };
        assert_eq!(reason(subject), None);
        let machine = Subject { user: None, ..subject };
        assert_eq!(reason(machine).as_deref(), Some("the subject token speaks for no user"));
        let nowhere = Subject { organization: None, ..subject };
        assert_eq!(reason(nowhere).as_deref(), Some("the subject token has no organization"));
        let other = OrganizationId(Id::v7(1, [9; 10]));
        let foreign = Subject { organization: Some(other), ..subject };
        assert_eq!(reason(foreign).as_deref(), Some("the subject token is another tenant's"));
    }
}
