//! What several doors do: read → decide → commit on plain values. Nothing here knows HTTP.

use keyhaven_protocol::client::{Client, Profile};
use keyhaven_protocol::client_auth::{Manners, Presented, Proof, Spend};
use keyhaven_protocol::dpop;
use keyhaven_protocol::id::ClientId;
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_store::Error;
use std::sync::Arc;

use crate::app::{App, Origin};

pub mod accounts;
pub mod authorize;
pub mod begun_elsewhere;
pub mod change_connections;
pub mod check;
pub mod confirm_connection;
pub mod connect_sessions;
pub mod consents;
pub mod deliver_mail;
pub mod end_session;
pub mod exchange_token;
pub mod factors;
pub mod find_meant;
pub mod finish_connection;
pub mod forget_ended;
pub mod found_organization;
pub mod fresh_token;
pub mod hand_out;
pub mod import_connections;
pub mod issue_token;
pub mod kept_answer;
pub mod keys;
pub mod known_device;
pub mod mail_code;
pub mod metering;
pub mod naming;
pub mod notify;
pub mod own_keys;
pub mod passkeys;
pub mod passwords;
pub mod person;
pub mod proxy_call;
pub mod pushed_authorization;
pub mod recovery;
pub mod refresh_connection;
pub mod revoke_connection;
pub mod revoke_token;
pub mod second_factor;
pub mod sessions;
pub mod sign_in;
pub mod sign_in_tries;
pub mod start_connection;
pub mod tell_logout;
pub mod test_connector;
pub mod tickets;
pub mod try_typed;
pub mod upstream_sign_in;
pub mod userinfo;

/// Why an operation did not happen.
#[derive(Debug)]
pub enum Failure {
    /// A rule said no; the caller's client, where it proved itself, decides who may read why.
    Refused(Box<Refused>),
    /// Storage failed. Never to be answered as if a credential were wrong.
    Storage(Error),
}

/// A refusal and whom it concerned.
#[derive(Debug)]
pub struct Refused {
    /// The rule.
    pub refusal: Refusal,
    /// The client that asked, if known.
    pub client: Option<Arc<Client>>,
    /// How long to wait before trying again, in seconds.
    pub wait: Option<i64>,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(Refused { refusal, client: None, wait: None }))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}

impl Failure {
    /// Says which client asked.
    #[must_use]
    pub fn of(self, client: &Arc<Client>) -> Self {
        match self {
            Self::Refused(mut refused) => {
                refused.client = Some(client.clone());
                Self::Refused(refused)
            }
            Self::Storage(_) => self,
        }
    }
}

/// Authenticates a client. A failure counts against the client and network it came from; too many
/// turn into "wait".
pub async fn authenticate_client(
    app: &App,
    presented: &Presented,
    manners: Manners,
    origin: &Origin,
) -> Result<(Arc<Client>, Proof), Failure> {
    let client = app.store.recall_client(presented.client_id(), app.clock.tick()).await?;
    let both = [app.settings.issuer.as_str(), app.settings.token_endpoint.as_str()];
    let audiences = accepted_audiences(client.as_deref(), &both);
    let client = match (client, presented.signed_by()) {
        (Some(client), Some(kid)) => {
            match app.client_keys.at_hand(client.clone(), kid, app.clock.tick()).await {
                Ok(client) => Some(client),
                Err(refusal) => {
                    return Err(count_failure(
                        app,
                        presented.client_id(),
                        refusal,
                        Some(client),
                        origin,
                    ));
                }
            }
        }
        (client, _) => client,
    };
    match presented.authenticate(client.as_deref(), manners, audiences, app.clock.now()) {
        Ok(proof) => {
            let client = client.ok_or_else(|| Refusal::client("unknown client"))?;
            Ok((client, proof))
        }
        Err(refusal) => Err(count_failure(app, presented.client_id(), refusal, client, origin)),
    }
}

/// An assertion names the issuer; the token endpoint is accepted outside the strict profiles for
/// the many clients written before rfc7523bis (A39).
fn accepted_audiences<'a, 'b>(client: Option<&Client>, both: &'b [&'a str; 2]) -> &'b [&'a str] {
    match client.map(|client| client.profile) {
        Some(Profile::OidcCompat) => both,
        _ => &both[..1],
    }
}

fn count_failure(
    app: &App,
    id: ClientId,
    refusal: Refusal,
    client: Option<Arc<Client>>,
    origin: &Origin,
) -> Failure {
    let Some(wait) = app.failures.failed(id, origin.address) else {
        return Failure::Refused(Box::new(Refused { refusal, client, wait: None }));
    };
    let refusal = Refusal::new(
        Code::TooManyRequests,
        "too many failed client authentications from this network",
    )
    .with("client_id", id.to_string())
    .with("last", refusal.reason);
    Failure::Refused(Box::new(Refused { refusal, client, wait: Some(wait.0) }))
}

/// Spends a DPoP proof for a request that writes nothing else (A43).
pub async fn spend_dpop(app: &App, proof: &dpop::Proof) -> Result<(), Failure> {
    let spend = Spend { digest: proof.once, until: proof.until };
    if app.store.spend(&spend).await? {
        return Ok(());
    }
    Err(Refusal::new(Code::InvalidDpopProof, "DPoP proof was used before").into())
}

/// Spends an assertion id for a request that writes nothing else.
pub async fn spend_proof(app: &App, proof: &Proof) -> Result<(), Failure> {
    let Some(spend) = &proof.spend else { return Ok(()) };
    if app.store.spend(spend).await? {
        return Ok(());
    }
    Err(Refusal::client("assertion was used before").into())
}
