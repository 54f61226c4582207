//! The part of a client that signs people in, in a row of its own: most clients have none.

use keyhaven_protocol::client::Client;
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::relying_party::{ConsentPolicy, Demand, RelyingParty, SubjectType};
use keyhaven_protocol::time::Seconds;

use super::statements::REGISTER_PARTY;
use super::{parsed, words};
use crate::act::Plan;
use crate::engine::{Row, Step, Value};
use crate::{Error, values};

/// Writes the row where something of it changed; redirect URIs are in the client's own.
pub(super) fn register(plan: Plan, before: Option<&Client>, after: &Client) -> Plan {
    let usual = RelyingParty::default();
    let redirect_uris = &after.party.redirect_uris;
    let same = |party: &RelyingParty| {
        RelyingParty { redirect_uris: redirect_uris.clone(), ..party.clone() } == after.party
    };
    if same(before.map_or(&usual, |client| &client.party)) {
        return plan;
    }
    plan.also(Step::one(&REGISTER_PARTY, written(after)))
}

fn written(client: &Client) -> Vec<Value> {
    let party = &client.party;
    values![
        client.id.0,
        party.post_logout_redirect_uris.join(" "),
        party.backchannel_logout_uri.as_deref(),
        party.client_uri.as_deref(),
        party.logo_uri.as_deref(),
        party.policy_uri.as_deref(),
        party.tos_uri.as_deref(),
        party.subject_type.as_str(),
        party.sector.as_deref(),
        party.id_token_alg.name(),
        party.userinfo_alg.map(Algorithm::name),
        party.request_object_alg.map(Algorithm::name),
        party.pushed_requests.as_str(),
        party.dpop.as_str(),
        party.consent.as_str(),
        party.default_max_age.map(|age| age.0),
        party.resources.join(" "),
    ]
}

/// Reads the columns behind those of the client and its organization.
pub(super) fn read(row: &mut Row) -> Result<RelyingParty, Error> {
    let Some(subject_type) = row.maybe_text(29)? else { return Ok(RelyingParty::default()) };
    let algorithm =
        |word: Option<String>| word.map(|word| parsed(&word, Algorithm::parse)).transpose();
    Ok(RelyingParty {
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: words(&row.text(23)?),
        backchannel_logout_uri: row.maybe_text(24)?,
        client_uri: row.maybe_text(25)?,
        logo_uri: row.maybe_text(26)?,
        policy_uri: row.maybe_text(27)?,
        tos_uri: row.maybe_text(28)?,
        subject_type: parsed(&subject_type, SubjectType::parse)?,
        sector: row.maybe_text(30)?,
        id_token_alg: parsed(&row.text(31)?, Algorithm::parse)?,
        userinfo_alg: algorithm(row.maybe_text(32)?)?,
        request_object_alg: algorithm(row.maybe_text(33)?)?,
        pushed_requests: parsed(&row.text(34)?, Demand::parse)?,
        dpop: parsed(&row.text(35)?, Demand::parse)?,
        consent: parsed(&row.text(36)?, ConsentPolicy::parse)?,
        default_max_age: row.maybe_int(37)?.map(Seconds),
        resources: words(&row.text(38)?),
    })
}
