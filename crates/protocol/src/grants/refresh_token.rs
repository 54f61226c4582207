//! `refresh_token` (RFC 6749 §6; RFC 9700 §4.14.2): rotation, reuse detection, grace window.
//!
//! A family has one head. Its predecessor may come back for a short while, because answers get
//! lost and processes refresh at once; it then gets the same successor, never a second head. Any
//! other token the family ever had is a replay and ends the family. A token it never had is only
//! unknown, so knowing a family's id is not enough to end it.

use aws_lc_rs::hmac;

use super::{Facts, Family, Grant, Needs, Plan, Refresh, Rule, bind, listed, narrow, target};
use crate::client::Client;
use crate::credential::{self, Kind};
use crate::params::Params;
use crate::refusal::{Consequence, Refusal};
use crate::secret::Digest;
use crate::time::{Seconds, Timestamp};

/// How many of a refresh secret's 32 bytes are random; the rest are the lineage mark.
pub const LINEAGE_RANDOM: usize = 24;

/// The idle end is written only when it moves by this much: a kept token may refresh every second.
const IDLE_STEP: Seconds = Seconds(60);

/// A family's mark: 32 random bytes, from which a secret's last 8 bytes follow. A token carrying
/// the mark was once issued by this family. It authenticates nothing: the digest does.
#[derive(Clone, Copy)]
pub struct Lineage(pub [u8; 32]);

impl std::fmt::Debug for Lineage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lineage(•••)")
    }
}

impl PartialEq for Lineage {
    fn eq(&self, other: &Self) -> bool {
        Digest(self.0) == Digest(other.0)
    }
}

impl Eq for Lineage {}

impl Lineage {
    /// Turns 24 random bytes into a refresh secret of this family.
    #[must_use]
    pub fn secret(&self, random: &[u8; LINEAGE_RANDOM]) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..LINEAGE_RANDOM].copy_from_slice(random);
        bytes[LINEAGE_RANDOM..].copy_from_slice(&self.mark(random));
        bytes
    }

    /// Whether the family once issued this secret.
    #[must_use]
    pub fn issued(&self, bytes: &[u8; 32]) -> bool {
        let (random, mark) = bytes.split_at(LINEAGE_RANDOM);
        subtle::ConstantTimeEq::ct_eq(self.mark(random).as_slice(), mark).into()
    }

    fn mark(&self, random: &[u8]) -> [u8; 8] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.0);
        let tag = hmac::sign(&key, random);
        let mut mark = [0; 8];
        mark.copy_from_slice(&tag.as_ref()[..8]);
        mark
    }
}

pub(super) struct RefreshToken;

impl Grant for RefreshToken {
    fn name(&self) -> &'static str {
        "refresh_token"
    }

    fn needs(&self, params: &Params) -> Result<Needs, Refusal> {
        let text = params.get("refresh_token").ok_or_else(|| Refusal::missing("refresh_token"))?;
        credential::parse_kind(Kind::Refresh, text)
            .map(Needs::Family)
            .ok_or_else(|| Refusal::grant("not a refresh token of ours").on("refresh_token"))
    }

    fn decide(&self, params: &Params, facts: &Facts<'_>, now: Timestamp) -> Result<Plan, Refusal> {
        let client = facts.client;
        listed(client, self)?;
        let (Some(presented), Some(family)) = (facts.presented, facts.family) else {
            return Err(Refusal::grant("unknown refresh token"));
        };
        alive(family, client, now)?;
        if let Some(authorization) = &family.authorization {
            authorization.stands()?;
            authorization.fits_refresh_key(facts.jkt)?;
        }
        let refresh = match place(family, presented, client, now) {
            Place::Head => next(family, client, now),
            Place::Grace(successor) => Refresh::Repeat { family: family.id, successor },
            Place::Spent => {
                return Err(Refusal::grant("a spent refresh token was used again")
                    .with(
                        "spent_at",
                        family.rotated_at.map_or_else(String::new, |at| at.0.to_string()),
                    )
                    .with("now", now.0.to_string())
                    .and(Consequence::RevokeFamily(family.id)));
            }
            Place::Unknown => return Err(Refusal::grant("unknown refresh token")),
        };
        let scopes = narrow(params.get("scope"), &family.scopes)?
            .filtered(|scope| client.scopes.contains(scope));
        target(params, &family.audience)?;
        let left = family.ends_at.since(now);
        Ok(Plan {
            scopes,
            audience: family.audience.clone(),
            ttl: client.access_ttl.min(left),
            refresh,
            code: None,
            jkt: bind(facts)?,
        })
    }
}

fn alive(family: &Family, client: &Client, now: Timestamp) -> Result<(), Refusal> {
    if family.client != client.id {
        return Err(Refusal::grant("refresh token belongs to another client"));
    }
    if let Some(at) = family.revoked_at {
        return Err(
            Refusal::grant("refresh family is revoked").with("revoked_at", at.0.to_string())
        );
    }
    if family.issued_at < client.not_before {
        return Err(Refusal::grant("everything issued to the client so far was revoked"));
    }
    if family.ends_at <= now {
        return Err(Refusal::grant("refresh family reached its absolute end")
            .with("ended_at", family.ends_at.0.to_string()));
    }
    if family.idle_ends_at <= now {
        return Err(Refusal::grant("refresh family was idle too long")
            .with("ended_at", family.idle_ends_at.0.to_string()));
    }
    Ok(())
}

enum Place {
    Head,
    Grace(Vec<u8>),
    Spent,
    Unknown,
}

fn place(
    family: &Family,
    presented: &credential::Presented,
    client: &Client,
    now: Timestamp,
) -> Place {
    if presented.digest == family.head {
        return Place::Head;
    }
    if !family.lineage.issued(&presented.bytes) {
        return Place::Unknown;
    }
    let in_grace = family.rotated_at.is_some_and(|at| now < at.plus(client.refresh_grace));
    match &family.successor {
        Some(sealed) if in_grace && family.previous == Some(presented.digest) => {
            Place::Grace(sealed.clone())
        }
        _ => Place::Spent,
    }
}

fn next(family: &Family, client: &Client, now: Timestamp) -> Refresh {
    let idle_ends_at = now.plus(client.refresh_idle).min(family.ends_at);
    if family.rule == Rule::Keep {
        let moved = idle_ends_at.since(family.idle_ends_at) >= IDLE_STEP;
        return Refresh::Keep { family: family.id, idle_ends_at: moved.then_some(idle_ends_at) };
    }
    Refresh::Rotate {
        family: family.id,
        from: family.head,
        idle_ends_at,
        grace: client.refresh_grace,
        lineage: family.lineage,
    }
}
