//! How often somebody may try (A59): per account from strangers, per known device of its owner, per
//! network. The counters are in the database, so every door and node shares them; a try is taken
//! before anything is compared.

use keyhaven_protocol::id::UserId;
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::time::Seconds;
use keyhaven_store::Plan;
use keyhaven_store::sign_in_tries::{Counter, giving_back};

use super::sign_in::Visitor;
use super::{Failure, Refused, known_device};
use crate::app::{App, Origin};
use crate::limits::network;

/// Takes a try from each counter, or refuses by `rule` and says how long to wait.
pub async fn take(app: &App, counters: &[Counter], rule: &'static str) -> Result<(), Failure> {
    allowed(app.store.take_sign_in_try(counters, app.clock.now()).await?, rule)
}

/// Refuses by `rule` when there was something to wait for.
pub fn allowed(wait: Option<Seconds>, rule: &'static str) -> Result<(), Failure> {
    let Some(wait) = wait else { return Ok(()) };
    let refusal = Refusal::new(Code::TooManyRequests, rule);
    Err(Failure::Refused(Box::new(Refused { refusal, client: None, wait: Some(wait.0) })))
}

const TOO_MANY_TRIES: &str = "too many tries to sign in";
/// What is refused when a network begins too much that it does not finish.
pub const TOO_MANY_OPENINGS: &str = "too many sign-ins were begun by a network";

/// What sign-ins that are begun, and challenges, are counted by.
#[must_use]
pub fn openings(origin: &Origin) -> Counter {
    Counter::of_openings(network(origin.address))
}

/// A try that was taken for one account.
pub struct Taken {
    account: Counter,
    network: Counter,
}

impl Taken {
    /// The steps that give it back after a success.
    #[must_use]
    pub fn given_back(&self) -> Plan {
        giving_back(&[self.account], Some(self.network))
    }
}

/// Takes a try at the account with this canonical address; `user` is its user, where there is one. A
/// device that this user has signed in with before has tries of its own.
pub async fn take_at_account(
    app: &App,
    email: &str,
    user: Option<UserId>,
    visitor: Visitor<'_>,
) -> Result<Taken, Failure> {
    let device = visitor.device.and_then(|cookie| known_device::recognise(app, cookie));
    let account = match device {
        Some(device) if Some(device.user) == user => Counter::of_device(device.id, device.user),
        _ => Counter::of_account(email),
    };
    let network = Counter::of_network(network(visitor.origin.address));
    take(app, &[account, network], TOO_MANY_TRIES).await?;
    Ok(Taken { account, network })
}
