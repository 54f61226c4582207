//! Handing a key to an app: a code is issued by whoever may give the key, and exchanged by the app.
//! What the key will be is fixed when the code is issued; that its giver still stands behind it is
//! asked again at the exchange.

use std::sync::Arc;

use keyhaven_protocol::allow_list::AllowList;
use keyhaven_protocol::api_key::{Terms, Wanted};
use keyhaven_protocol::budget::Level;
use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::hand_out::exchange::{Exchange, VERIFIER};
use keyhaven_protocol::hand_out::{CODE_LIFE, Callback, HandOut};
use keyhaven_protocol::id::{BudgetId, GrantId, KeyId, OrganizationId, ProjectId, UserId};
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;
use keyhaven_store::budgets::NewBudget;
use keyhaven_store::hand_outs::{KeptCode, NewCode, Promise};
use keyhaven_store::keys::{KnownKey, NewKey};
use keyhaven_store::projects::Project;
use keyhaven_store::{Act, Error, Outcome};

use super::Failure;
use super::keys::KeyText;
use crate::app::{App, Origin};

/// Who gives a key.
#[derive(Clone, Debug)]
pub enum Giver {
    /// The holder of a key: what is handed out is its child.
    Key(Arc<KnownKey>),
    /// A person, for themselves, where they are active.
    Person {
        /// Who.
        user: UserId,
        /// Their organization.
        organization: Option<OrganizationId>,
        /// Their project.
        project: Option<ProjectId>,
    },
}

/// A code that was issued.
#[derive(Debug)]
pub struct IssuedCode {
    /// What the app exchanges.
    pub code: Secret,
    /// The number of the app.
    pub app: i64,
    /// When it was issued.
    pub created_at: Timestamp,
}

/// A key that was handed out.
#[derive(Debug)]
pub struct HandedOut {
    /// The key.
    pub key: Secret,
    /// Whose it is.
    pub owner: Option<UserId>,
}

impl Giver {
    fn actor(&self) -> String {
        match self {
            Self::Key(known) => format!("key:{}", known.key.id()),
            Self::Person { user, .. } => format!("user:{user}"),
        }
    }
}

/// Issues a code for what an app asked for.
pub async fn issue_code(
    app: &App,
    giver: &Giver,
    asked: &HandOut,
    origin: &Origin,
) -> Result<IssuedCode, Failure> {
    let mut act = app.act(giver.actor(), origin);
    let (new, code) = promise_code(app, giver, asked, &mut act).await?;
    let created_at = act.now;
    match app.store.issue_code(&new, act).await? {
        Outcome::Done => {
            let app = Callback::app_number(&asked.callback.app);
            Ok(IssuedCode { code, app, created_at })
        }
        other => Err(Error::broken(format!("issuing a code ended as {other:?}")).into()),
    }
}

/// What the code will be, and its text; nothing is written but the app's identity.
pub async fn promise_code(
    app: &App,
    giver: &Giver,
    asked: &HandOut,
    act: &mut Act,
) -> Result<(NewCode, Secret), Failure> {
    let known_app = app.store.recognise_app(&asked.callback.app, act).await?;
    if known_app.blocked_at.is_some() {
        return Err(blocked(&asked.callback.app).into());
    }
    let label = asked.label.clone().unwrap_or_else(|| asked.callback.host().to_owned());
    let settings = &app.settings.hand_out;
    let mut promise = Promise {
        parent: None,
        organization: None,
        owner: None,
        project: None,
        group: None,
        app: known_app.id,
        label,
        scopes: settings.scopes.clone(),
        limit: asked.limit,
        unit: settings.unit.clone(),
        period: asked.period,
        expires_at: asked.expires_at,
    };
    match giver {
        Giver::Key(known) => below(&mut promise, known, KeyId(act.id()))?,
        Giver::Person { user, organization, project } => {
            promise.owner = Some(*user);
            promise.organization = *organization;
            promise.project = *project;
        }
    }
    let free = !matches!(giver, Giver::Key(_)) || promise.project.is_none();
    if let Some(found) = workspace(app, promise.organization, asked).await?.filter(|_| free) {
        promise.project = Some(found.id);
    }
    let id = act.id();
    let code = credential::mint(Kind::Code, id, &app.dice.bytes());
    let new = NewCode {
        id,
        hash: code.digest(),
        callback: asked.callback.url.clone(),
        challenge: asked.challenge.clone(),
        promise,
        expires_at: act.now.plus(CODE_LIFE),
    };
    Ok((new, code))
}

/// The project that the app calls a workspace, if the tenant has it. Any other is no wish of ours to
/// refuse: the family's clients carry ids of workspaces elsewhere. What became of it is on the consent
/// page and in `GET /key`. A child of a key that works for a project stays in that one.
pub async fn workspace(
    app: &App,
    organization: Option<OrganizationId>,
    asked: &HandOut,
) -> Result<Option<Project>, Error> {
    match (organization, asked.workspace) {
        (Some(organization), Some(project)) => app.store.find_project(organization, project).await,
        _ => Ok(None),
    }
}

/// A key handed out by a key is its child and goes nowhere its parent does not.
fn below(promise: &mut Promise, known: &KnownKey, id: KeyId) -> Result<(), Refusal> {
    let parent = &known.key;
    let wanted = Wanted { expires_at: promise.expires_at, ..Wanted::default() };
    let terms = parent.narrow(&wanted, id)?;
    promise.parent = Some(GrantId(parent.id().0));
    (promise.organization, promise.owner) = (parent.organization, parent.owner);
    (promise.project, promise.group) = (parent.project, parent.group);
    (promise.scopes, promise.expires_at) = (terms.scopes, terms.expires_at);
    Ok(())
}

/// Exchanges a code for its key. The code is spent with the key's making, or not at all.
pub async fn exchange(
    app: &App,
    exchange: &Exchange<'_>,
    origin: &Origin,
) -> Result<HandedOut, Failure> {
    let kept = match &exchange.code {
        None => None,
        Some(presented) => app.store.find_code(presented.id, presented.digest).await?,
    };
    let now = app.clock.now();
    let decided = exchange.decide(kept.as_ref().map(|kept| &kept.issued), now);
    let Some(kept) = kept else {
        return Err(decided.err().unwrap_or_else(|| Refusal::grant("the code is unknown")).into());
    };
    if let Err(refusal) = decided {
        if refusal.field == Some(VERIFIER) {
            app.store.count_try(kept.id).await?;
        }
        return Err(refusal.into());
    }
    if kept.app_blocked {
        return Err(blocked(&kept.app_origin).into());
    }
    let allowed = still_given(app, &kept, now).await?;
    make_key(app, &kept, allowed, origin).await
}

/// That the key above still stands; where it may be used from, its child may too.
async fn still_given(app: &App, kept: &KeptCode, now: Timestamp) -> Result<AllowList, Failure> {
    let Some(parent) = kept.promise.parent else { return Ok(AllowList::default()) };
    let parent = app.store.recall_key(KeyId(parent.0), app.clock.tick()).await?;
    let gone = || Refusal::grant("the key that gave the code does not count any more").on("code");
    let parent = parent.ok_or_else(gone)?;
    parent.key.stands(now).map_err(|_| gone())?;
    Ok(parent.key.own.allowed.clone())
}

async fn make_key(
    app: &App,
    kept: &KeptCode,
    allowed: AllowList,
    origin: &Origin,
) -> Result<HandedOut, Failure> {
    let mut act = app.act(format!("app:{}", kept.app_origin), origin);
    let id = act.id();
    let text = KeyText::mint(id, &app.dice.bytes(), &app.settings.hand_out.key_prefix);
    let promise = &kept.promise;
    let budget = promise.limit.map(|most| NewBudget {
        id: BudgetId(act.id()),
        organization: promise.organization,
        level: Level::Key,
        subject: id,
        unit: promise.unit.clone(),
        period: promise.period,
        most,
    });
    let key = NewKey {
        terms: Terms {
            id: KeyId(id),
            scopes: promise.scopes.clone(),
            expires_at: promise.expires_at,
            disabled_at: None,
            allowed,
            rate_limits: Vec::new(),
            depth: 0,
        },
        parent: promise.parent,
        organization: promise.organization,
        owner: promise.owner,
        project: promise.project,
        group: promise.group,
        app: Some(promise.app),
        label: promise.label.clone(),
        hash: text.hash,
        prefix: text.prefix,
        last_four: text.last_four,
        budget,
    };
    match app.store.redeem_code(kept.id, &key, act).await? {
        Outcome::Done => Ok(HandedOut { key: text.text, owner: promise.owner }),
        Outcome::Taken("code") => Err(Refusal::grant("the code is spent").on("code").into()),
        _ => {
            let reason = "whom the key would belong to is gone";
            Err(Refusal::new(Code::InvalidGrant, reason).on("code").into())
        }
    }
}

fn blocked(app: &str) -> Refusal {
    Refusal::new(Code::UnauthorizedClient, "the app is blocked").with("app", app)
}
