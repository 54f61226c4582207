//! A node in this process, called below HTTP, so that a refusal shows its private reason.

use keyhaven::app::App;
use keyhaven::operations::Failure;
use keyhaven::operations::check::{Need, check};
use keyhaven::operations::issue_token::{IssuedToken, TokenRequest, issue_token};
use keyhaven::operations::revoke_token::revoke_token;
use keyhaven_protocol::client_auth::{Manners, Presented};
use keyhaven_protocol::grants::{Rule, Terms};
use keyhaven_protocol::params::Params;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::engine::{Statement, Value};

use super::installation::{Registered, origin};

/// A token for the client itself.
pub(super) async fn issue(app: &App, client: &Registered) -> Result<IssuedToken, Failure> {
    request(app, client, &[("grant_type", "client_credentials")], Terms::Standard).await
}

/// A token with a refresh family that rotates.
pub(super) async fn begin(app: &App, client: &Registered) -> Result<IssuedToken, Failure> {
    let pairs = [("grant_type", "client_credentials"), ("scope", "read")];
    request(app, client, &pairs, Terms::EveryAnswer(Rule::Rotate)).await
}

/// The next token of a family.
pub(super) async fn rotate(
    app: &App,
    client: &Registered,
    token: &Secret,
) -> Result<IssuedToken, Failure> {
    let pairs = [("grant_type", "refresh_token"), ("refresh_token", token.reveal())];
    request(app, client, &pairs, Terms::EveryAnswer(Rule::Rotate)).await
}

/// A token for a client that proves itself by an assertion.
pub(super) async fn issue_by(app: &App, assertion: &str) -> Result<IssuedToken, Failure> {
    let pairs = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
    ];
    let params = Params::from_pairs(pairs).expect("parameters");
    let presented = Presented::gather(None, &params, Manners::Standard).expect("a proof");
    let (manners, terms, origin) = (Manners::Standard, Terms::Standard, &origin());
    let request =
        TokenRequest { presented, manners, params: &params, terms, dpop: None, once: None, origin };
    issue_token(app, &request).await
}

pub(super) async fn revoke(app: &App, client: &Registered, token: &Secret) -> Result<(), Failure> {
    revoke_token(app, &client.presented(), Manners::Standard, token.reveal(), &origin()).await
}

/// Why the token does not count, or nothing when it does.
pub(super) async fn why_dead(app: &App, token: &Secret) -> Option<String> {
    match check(app, token.reveal(), &Need::default()).await {
        Ok(_) => None,
        Err(failure) => Some(reason(failure)),
    }
}

async fn request(
    app: &App,
    client: &Registered,
    pairs: &[(&str, &str)],
    terms: Terms,
) -> Result<IssuedToken, Failure> {
    let params = Params::from_pairs(pairs.iter().copied()).expect("parameters");
    let (presented, origin) = (client.presented(), &origin());
    let manners = Manners::Standard;
    issue_token(
        app,
        &TokenRequest {
            presented,
            manners,
            params: &params,
            terms,
            dpop: None,
            once: None,
            origin,
        },
    )
    .await
}

/// The private reason of a refusal. Our own failure is none.
pub(super) fn reason(failure: Failure) -> String {
    match failure {
        Failure::Refused(refused) => refused.refusal.reason.into_owned(),
        Failure::Storage(error) => panic!("our own failure: {error}"),
    }
}

/// The private reason why a request was refused.
pub(super) fn refusal<T>(outcome: Result<T, Failure>) -> String {
    outcome.err().map(reason).expect("it was refused")
}

impl IssuedRefresh for IssuedToken {
    fn refresh(&self) -> &Secret {
        self.refresh_token.as_ref().expect("a refresh token")
    }
}

/// The refresh token of an answer that must carry one.
pub(super) trait IssuedRefresh {
    fn refresh(&self) -> &Secret;
}

impl Registered {
    fn presented(&self) -> Presented {
        Presented::Basic(self.client.id, Secret::from(self.secret.as_str()))
    }
}

/// The one number a statement answers.
pub(super) async fn number(app: &App, statement: &'static Statement, values: Vec<Value>) -> i64 {
    let rows = app.store.engine().read(statement, values).await.expect("reads");
    rows[0].int(0).expect("a number")
}
