//! The end of a flow that brought a grant: it is kept as a new connection, or as the one its account has
//! already. Whoever else is at it meanwhile shows in the outcome of the commit, and is looked at again.

use keyhaven_protocol::connection::callback::Word;
use keyhaven_protocol::connection::state::{Standing, Status, is_same_account};
use keyhaven_protocol::id::ConnectionId;
use keyhaven_store::connect_sessions::ConnectSession;
use keyhaven_store::connections::{Connected, Held, NewConnection, NewSlot, Tokens};
use keyhaven_store::flows::{ByFlow, Finished, Flow};
use keyhaven_store::{Act, Error, Outcome, Reach};

use super::Scene;
use crate::app::{App, Origin};

/// How often two flows of one account may meet.
const ATTEMPTS: usize = 4;

/// What the store calls an invitation that another flow was sooner to follow.
const USED_UP: &str = "invitation";

/// A grant that arrived.
pub(super) struct Grant {
    /// The outside account, as far as known.
    pub(super) account: Option<String>,
    /// What people call it.
    pub(super) label: Option<String>,
    /// The tokens.
    pub(super) tokens: Tokens,
    /// Further tokens that came with them.
    pub(super) slots: Vec<NewSlot>,
}

/// Keeps the grant: as a new connection, or as the one this account has already.
pub(super) async fn keep(
    app: &App,
    scene: &Scene,
    arrived: &Grant,
    origin: &Origin,
) -> Result<Finished, Error> {
    let mut invited = match scene.flow.session {
        Some(hash) => app.store.find_connect_session(hash).await?,
        None => None,
    };
    for _ in 0..ATTEMPTS {
        let existing = match scene.flow.connection {
            Some(id) => find_living(app, id).await?,
            None => find_of_account(app, scene, arrived.account.as_deref()).await?,
        };
        let act = app.act(scene.flow.starter.clone(), origin);
        let kept = match (existing, scene.flow.connection) {
            (Some(held), _) => renew(app, scene, &held, arrived, act).await?,
            (None, Some(_)) => Some(Finished::Refused(Word::InvalidState)),
            (None, None) => connect(app, scene, arrived, invited.as_ref(), act).await?,
        };
        match kept {
            Some(Finished::Refused(word)) => {
                app.store.refuse_flow(scene.flow.hash, word).await?;
                return Ok(Finished::Refused(word));
            }
            Some(connected) => return Ok(connected),
            // A name that somebody took meanwhile is not given.
            None => {
                if let Some(invited) = &mut invited {
                    invited.external_id = None;
                }
            }
        }
    }
    Err(Error::busy("a connection changed each time it was to be renewed"))
}

async fn find_living(app: &App, id: ConnectionId) -> Result<Option<Held>, Error> {
    let held = app.store.find_held(Reach::Instance, id).await?;
    Ok(held.filter(|held| held.connection.standing.status != Status::Revoked))
}

async fn find_of_account(
    app: &App,
    scene: &Scene,
    account: Option<&str>,
) -> Result<Option<Held>, Error> {
    let (Some(account), flow) = (account, &scene.flow) else { return Ok(None) };
    let (organization, connector) = (flow.organization, flow.connector);
    app.store.find_connection_of_account(organization, connector, flow.owner, account).await
}

/// `None` when it changed meanwhile.
async fn renew(
    app: &App,
    scene: &Scene,
    held: &Held,
    arrived: &Grant,
    act: Act,
) -> Result<Option<Finished>, Error> {
    let account = arrived.account.as_deref();
    let known = held.connection.account.as_deref();
    // Whoever is not there in person must at least bring an account that is known to be theirs.
    let blind = known.is_none() && needs_a_click(scene);
    if !is_same_account(known, account) || blind {
        return Ok(Some(Finished::Refused(Word::AccountMismatch)));
    }
    let node = app.vault.node_name();
    let connected = Connected {
        slots: &arrived.slots,
        account,
        account_label: arrived.label.as_deref(),
        issued_to: scene.kept.connector.client_id.as_deref(),
        flow: Some(by(&scene.flow)),
        node: &node,
    };
    let nonces = app.dice.bytes();
    let outcome =
        app.store.reconnect_account(held, &connected, &arrived.tokens, nonces, act).await?;
    Ok(match outcome {
        Outcome::Done => Some(Finished::Connected(held.connection.id)),
        Outcome::Taken(USED_UP) => Some(Finished::Refused(Word::FlowExpired)),
        _ => None,
    })
}

async fn connect(
    app: &App,
    scene: &Scene,
    arrived: &Grant,
    invited: Option<&ConnectSession>,
    act: Act,
) -> Result<Option<Finished>, Error> {
    let (flow, now) = (&scene.flow, act.now);
    let is_held = needs_a_click(scene);
    let standing = match arrived.tokens.coverage {
        _ if is_held => Standing::unconfirmed(now),
        coverage => Standing::authorized(coverage, now),
    };
    let until = now.plus(keyhaven_store::flows::LIFE);
    let held_until = |tokens: &Tokens| Tokens {
        due_at: if is_held { Some(until) } else { tokens.due_at },
        ..tokens.clone()
    };
    let tokens = held_until(&arrived.tokens);
    let slots: Vec<_> = arrived
        .slots
        .iter()
        .map(|slot| NewSlot { tokens: held_until(&slot.tokens), ..slot.clone() })
        .collect();
    let node = app.vault.node_name();
    let new = NewConnection {
        id: ConnectionId(app.id()),
        organization: flow.organization,
        connector: flow.connector,
        owner: flow.owner,
        method: scene.kept.connector.method,
        account: arrived.account.as_deref(),
        account_label: arrived.label.as_deref(),
        external_id: invited.and_then(|session| session.external_id.as_deref()),
        labels: invited.map_or("", |session| &session.labels),
        metadata: "{}",
        slots: &slots,
        standing,
        issued_to: scene.kept.connector.client_id.as_deref(),
        flow: Some(by(flow)),
        node: &node,
    };
    Ok(match app.store.connect_account(&new, &tokens, app.dice.bytes(), act).await? {
        Outcome::Done => Some(Finished::Connected(new.id)),
        Outcome::Taken(USED_UP) => Some(Finished::Refused(Word::FlowExpired)),
        Outcome::Taken(_) => None,
        _ => Some(Finished::Refused(Word::InstanceNotFound)),
    })
}

/// A user's flow whose callback brought neither its cookie nor its user.
fn needs_a_click(scene: &Scene) -> bool {
    !scene.is_present && scene.flow.owner.is_some()
}

fn by(flow: &Flow) -> ByFlow {
    ByFlow { hash: flow.hash, session: flow.session }
}
