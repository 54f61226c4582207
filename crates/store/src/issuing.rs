//! Carrying out what a grant decided, in one commit: the assertion spent, the family begun or
//! turned, the opaque token kept. All of it happens or none.

use keyhaven_protocol::client_auth::Spend;
use keyhaven_protocol::grants::{Lineage, Rule};
use keyhaven_protocol::id::{ClientId, GrantId, OrganizationId, TokenId, UserId};
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::secret::Digest;
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::token::AccessToken;

use crate::engine::{Commit, Statement, Step};
use crate::idempotency::{Answer, TOKENS_KEPT_FOR};
use crate::{Error, Store, values};

mod reading;
mod statements;

use statements::{
    BEGIN_FAMILY, BEGIN_GRANT, REDEEM, REDEEM_RECALLED, REMEMBER, ROTATE, SPEND_ONCE, TOUCH,
};

/// What one token request writes. Empty for a JWT without a refresh token: that needs no write.
#[derive(Default)]
pub struct Issue<'a> {
    /// The answer to keep under the caller's idempotency key, and since when. It goes first: of two
    /// requests under one key the second must learn that it was answered, not that its code is spent.
    pub answer: Option<(Answer, Timestamp)>,
    /// An assertion id to spend (RFC 7523 §3).
    pub spend: Option<Spend>,
    /// A DPoP proof to spend (RFC 9449 §11.1).
    pub proof: Option<Spend>,
    /// What happens to a refresh family.
    pub family: FamilyStep<'a>,
    /// An opaque access token to remember, with the digest of its text.
    pub access: Option<(&'a AccessToken, Digest)>,
}

/// What happens to a refresh family.
#[derive(Default)]
pub enum FamilyStep<'a> {
    /// Nothing.
    #[default]
    None,
    /// A new grant without a refresh token.
    Grant(&'a NewGrant),
    /// A new grant and its family.
    Begin(&'a NewFamily),
    /// A new head, guarded by the old one.
    Rotate(&'a Rotation),
    /// A later idle end.
    Touch(TokenId, Timestamp),
}

/// A grant about to begin.
pub struct NewGrant {
    /// Its id.
    pub id: TokenId,
    /// Whether the id is a code's: the code is spent by this, once.
    pub of_code: bool,
    /// The session the code was given in, where memory said that it and the person stand: if another
    /// node may have ended them meanwhile, the code is spent only while they do.
    pub recalled: Option<GrantId>,
    /// The grant or session above, if any.
    pub parent: Option<GrantId>,
    /// Whose tenant.
    pub organization: Option<OrganizationId>,
    /// The person who gave it, if one did.
    pub owner: Option<UserId>,
    /// Whose it is.
    pub client: ClientId,
    /// What it may give.
    pub scopes: Scopes,
    /// For whom its access tokens are.
    pub audience: String,
    /// The end in any case.
    pub ends_at: Timestamp,
    /// Now.
    pub issued_at: Timestamp,
}

/// A refresh family about to begin, and the grant that it is.
pub struct NewFamily {
    /// The grant; the family has its id.
    pub grant: NewGrant,
    /// How it behaves.
    pub rule: Rule,
    /// The mark of its secrets.
    pub lineage: Lineage,
    /// The first head.
    pub head: Digest,
    /// The key it is bound to (RFC 9449 §5).
    pub jkt: Option<String>,
    /// The end if unused.
    pub idle_ends_at: Timestamp,
}

/// A new head for a family.
pub struct Rotation {
    /// Which family.
    pub family: TokenId,
    /// The head that must still be the head.
    pub from: Digest,
    /// The new head.
    pub to: Digest,
    /// The new head's secret, sealed for the holder of the old one, while the grace window lasts.
    pub successor: Option<Vec<u8>>,
    /// The new end if unused.
    pub idle_ends_at: Timestamp,
    /// Now.
    pub rotated_at: Timestamp,
}

/// How issuing ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issued {
    /// Durable.
    Done,
    /// Another request under the same idempotency key was answered; nothing of this one happened.
    Answered,
    /// The assertion id was spent before (A38).
    AssertionReplayed,
    /// The DPoP proof was spent before (A43).
    ProofReplayed,
    /// Another request spent the code, or turned or ended the family, first; decide again from fresh facts.
    Overtaken,
}

impl Store {
    /// Writes everything one token request decided. Durable when it answers; no write, no wait.
    pub async fn issue(&self, issue: Issue<'_>) -> Result<Issued, Error> {
        let answers = usize::from(issue.answer.is_some());
        let spends = answers + usize::from(issue.spend.is_some());
        let proofs = usize::from(issue.proof.is_some());
        let mut steps = Vec::with_capacity(4);
        steps.extend(issue.answer.map(|(answer, now)| answer.step(TOKENS_KEPT_FOR, now)));
        steps.extend(issue.spend.iter().chain(&issue.proof).map(spend_once));
        match issue.family {
            FamilyStep::None => {}
            FamilyStep::Grant(grant) => steps.push(self.begin_grant(grant)),
            FamilyStep::Begin(family) => self.begin(family, &mut steps),
            FamilyStep::Rotate(rotation) => steps.push(rotate(rotation)),
            FamilyStep::Touch(family, idle_ends_at) => {
                steps.push(Step::one(&TOUCH, values![family.0, idle_ends_at]));
            }
        }
        if let Some((token, hash)) = issue.access {
            steps.push(remember(token, hash));
        }
        if steps.is_empty() {
            return Ok(Issued::Done);
        }
        match self.engine.commit(steps).await? {
            Commit::Done(_) => Ok(Issued::Done),
            Commit::Lost(at) if at < answers => Ok(Issued::Answered),
            Commit::Lost(at) if at < spends => Ok(Issued::AssertionReplayed),
            Commit::Lost(at) if at < spends + proofs => Ok(Issued::ProofReplayed),
            Commit::Lost(_) => Ok(Issued::Overtaken),
        }
    }

    /// Spends an assertion id on its own, for requests that issue nothing. `false` when it was
    /// spent before.
    pub async fn spend(&self, spend: &Spend) -> Result<bool, Error> {
        let commit = self.engine.commit(vec![spend_once(spend)]).await?;
        Ok(matches!(commit, Commit::Done(_)))
    }

    fn begin_grant(&self, new: &NewGrant) -> Step {
        let mut values = values![
            new.id.0,
            new.parent.map(|parent| parent.0),
            if new.of_code { "authorization" } else { "credentials" },
            new.organization.map(|organization| organization.0),
            new.owner.map(|owner| owner.0),
            new.client.0,
            new.scopes.as_str(),
            new.audience.as_str(),
            new.issued_at,
            new.ends_at,
        ];
        match new.recalled {
            Some(session) if !self.known.is_alone() => {
                values.extend(values![session.0]);
                Step::one(&REDEEM_RECALLED, values)
            }
            _ if new.of_code => Step::one(&REDEEM, values),
            _ => Step::one(&BEGIN_GRANT, values),
        }
    }

    fn begin(&self, new: &NewFamily, steps: &mut Vec<Step>) {
        let grant = &new.grant;
        steps.push(self.begin_grant(grant));
        steps.push(Step::one(
            &BEGIN_FAMILY,
            values![
                grant.id.0,
                new.rule.as_str(),
                new.lineage.0.as_slice(),
                new.head,
                new.idle_ends_at,
                new.jkt.as_deref(),
            ],
        ));
    }
}

fn spend_once(spend: &Spend) -> Step {
    Step::one(&SPEND_ONCE, values![spend.digest, spend.until])
}

fn rotate(to: &Rotation) -> Step {
    let values = values![
        to.family.0,
        to.from,
        to.to,
        to.rotated_at,
        to.successor.as_deref(),
        to.idle_ends_at
    ];
    Step::one(&ROTATE, values)
}

fn remember(token: &AccessToken, hash: Digest) -> Step {
    Step::one(
        &REMEMBER,
        values![
            token.id.0,
            hash,
            token.grant.map(|grant| grant.0),
            token.client.0,
            token.scopes.as_str(),
            token.audience.as_str(),
            token.issued_at,
            token.expires_at,
            token.subject_beside_client(),
            token.jkt.as_deref(),
        ],
    )
}

/// Every statement of this room.
pub static STATEMENTS: &[&Statement] = &[
    &SPEND_ONCE,
    &BEGIN_GRANT,
    &REDEEM,
    &REDEEM_RECALLED,
    &BEGIN_FAMILY,
    &ROTATE,
    &TOUCH,
    &REMEMBER,
    &reading::FIND_FAMILY,
    &reading::FIND_ACCESS_TOKEN,
];
