//! OAuth clients: registered, changed, disabled, cut off from what they hold, deleted.
//!
//! Their secrets are in `client_secrets.rs`. Every change publishes itself, because every node
//! caches clients. Knows no rule about what a client may be: it arrives parsed.

use keyhaven_protocol::client::{AuthMethod, Client, ClientSecret, Profile, Standing, TokenFormat};
use keyhaven_protocol::id::{ClientId, GroupId, OrganizationId};
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::time::{Seconds, Timestamp};

use crate::act::Plan;
use crate::changes::{Change, Kind, Receipt};
use crate::client_secrets::NewSecret;
use crate::engine::{Row, Step, Value};
use crate::{Act, Error, Listed, Outcome, Page, Reach, Store, organizations, values};

/// A client with what only administrators see.
#[derive(Clone, Debug)]
pub struct ClientRecord {
    /// The client as the rules see it. Lists leave its secrets out.
    pub client: Client,
    /// The groups it is tied to, all of its own organization.
    pub groups: Vec<GroupId>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
    /// Raised by every change.
    pub revision: i64,
}

impl Store {
    /// The client `id` with its live secrets and its organization's standing, in one read. Expired
    /// secrets that have not left yet are among them; the rules look at their end.
    pub async fn find_client(&self, id: ClientId) -> Result<Option<Client>, Error> {
        Ok(self.read_client(id).await?.map(|record| record.client))
    }

    /// The client `id` within reach, with its groups.
    pub async fn find_client_record(
        &self,
        reach: Reach,
        id: ClientId,
    ) -> Result<Option<ClientRecord>, Error> {
        let Some(mut record) = self.read_client(id).await? else { return Ok(None) };
        if !reach.includes(record.client.organization) {
            return Ok(None);
        }
        let rows = self.engine.read(&GROUPS_OF, values![id.0]).await?;
        record.groups =
            rows.iter().map(|row| row.id(0).map(GroupId)).collect::<Result<_, Error>>()?;
        Ok(Some(record))
    }

    async fn read_client(&self, id: ClientId) -> Result<Option<ClientRecord>, Error> {
        let mut rows = self.engine.read(&FIND, values![id.0]).await?.into_iter();
        let Some(first) = rows.next() else { return Ok(None) };
        let mut secrets = Vec::with_capacity(2);
        secrets.extend(secret(&first)?);
        for row in rows {
            secrets.extend(secret(&row)?);
        }
        let mut record = client_record(first)?;
        record.client.secrets = secrets;
        Ok(Some(record))
    }

    /// Clients within reach, oldest first, without secrets.
    pub async fn list_clients(
        &self,
        reach: Reach,
        page: Page,
    ) -> Result<Listed<ClientRecord>, Error> {
        let rows = match reach {
            Reach::Organization(organization) => {
                let values = values![organization.0, page.above(), page.fetch()];
                self.engine.read(&LIST_IN_ORGANIZATION, values).await?
            }
            Reach::Instance => self.engine.read(&LIST, values![page.above(), page.fetch()]).await?,
        };
        let mut listed = page.of(rows, client_record, |record| record.client.id.0)?;
        self.add_groups(reach, &mut listed.items).await?;
        Ok(listed)
    }

    async fn add_groups(&self, reach: Reach, records: &mut [ClientRecord]) -> Result<(), Error> {
        let [first, .., last] = records else {
            if let [only] = records {
                let rows = self.engine.read(&GROUPS_OF, values![only.client.id.0]).await?;
                only.groups =
                    rows.iter().map(|row| row.id(0).map(GroupId)).collect::<Result<_, Error>>()?;
            }
            return Ok(());
        };
        let values = values![reach, first.client.id.0, last.client.id.0];
        for row in self.engine.read(&GROUPS_BETWEEN, values).await? {
            let client = ClientId(row.id(0)?);
            if let Ok(at) = records.binary_search_by_key(&client, |record| record.client.id) {
                records[at].groups.push(GroupId(row.id(1)?));
            }
        }
        Ok(())
    }

    /// Registers a client, with its first secret unless it authenticates without one. A group of
    /// another organization is `Unknown("groups", index)`.
    pub async fn register_client(
        &self,
        record: &ClientRecord,
        first_secret: Option<&NewSecret>,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let client = &record.client;
        let mut plan = Plan::default();
        if let Some(organization) = client.organization {
            plan =
                plan.must(organizations::hold(organization), Outcome::Unknown("organization", 0));
        }
        plan = plan.also(Step::one(&REGISTER, written(record)));
        plan = relying_party::register(plan, None, client);
        plan = tie_to_groups(plan, record);
        if let Some(secret) = first_secret {
            plan = plan.also(secret.first_step(client.id, act.now));
        }
        let detail = "{}";
        plan =
            plan.also(act.audit(client.organization, "client.registered", target(client), detail));
        plan = plan.also(act.publish(Change::of(Kind::Client, client.id.0)));
        self.carry_out(plan, act).await
    }

    /// Changes a client from what was read to `after`; `Moved` when somebody changed it meanwhile.
    /// `detail` is the JSON of what changed, for the audit.
    pub async fn update_client(
        &self,
        before: &ClientRecord,
        after: &ClientRecord,
        detail: &str,
        mut act: Act,
    ) -> Result<Outcome, Error> {
        let client = &before.client;
        let mut values = written(after);
        values.push(Value::from(before.revision));
        let mut plan = Plan::default().must(Step::one(&UPDATE, values), Outcome::Moved);
        plan = relying_party::register(plan, Some(client), &after.client);
        if before.groups != after.groups {
            plan = plan.also(Step::any(&LEAVE_GROUPS, values![client.id.0]));
            plan = tie_to_groups(plan, after);
        }
        let action = match (before.disabled_at, after.disabled_at) {
            (None, Some(_)) => "client.disabled",
            (Some(_), None) => "client.enabled",
            _ => "client.updated",
        };
        plan = plan.also(act.audit(client.organization, action, target(client), detail));
        plan = plan.also(act.publish(Change::of(Kind::Client, client.id.0)));
        self.carry_out(plan, act).await
    }

    /// Kills every token issued to this client so far. `not_before` is the next second: tokens
    /// carry whole seconds, and one from earlier in this second must die too. Whoever issues a
    /// token takes `max(now, not_before)` as its instant.
    pub async fn revoke_issued(
        &self,
        client: &Client,
        mut act: Act,
    ) -> Result<(Outcome, Receipt), Error> {
        let receipt = self.receipt(act.now);
        let not_before = act.now.plus(Seconds(1));
        let values = values![tenant(client), client.id.0, not_before];
        let plan = Plan::default()
            .must(Step::one(&REVOKE_ISSUED, values), Outcome::Absent)
            .also(act.audit(client.organization, "client.revoked", target(client), "{}"))
            .also(act.publish(Change::of(Kind::Client, client.id.0)));
        Ok((self.carry_out(plan, act).await?, receipt))
    }

    /// Deletes a client with its secrets and ties. Its tokens die with it: nothing that was issued
    /// to a client lives without one, and the purge takes those rows when they expire.
    pub async fn delete_client(&self, client: &Client, mut act: Act) -> Result<Outcome, Error> {
        let id = client.id.0;
        let plan = Plan::default()
            .must(Step::one(&DELETE, values![tenant(client), id]), Outcome::Absent)
            .also(Step::any(&DELETE_SECRETS, values![id]))
            .also(Step::any(&LEAVE_GROUPS, values![id]))
            .also(Step::any(&DELETE_PARTY, values![id]))
            .also(Step::any(&DELETE_CONSENTS, values![id]))
            .also(act.audit(client.organization, "client.deleted", target(client), "{}"))
            .also(act.publish(Change::of(Kind::Client, id)));
        self.carry_out(plan, act).await
    }
}

/// How audit rows name a client.
pub(crate) fn target(client: &Client) -> String {
    format!("client:{}", client.public_id)
}

/// The tenant as statements compare it.
pub(crate) fn tenant(client: &Client) -> Value {
    Value::from(client.organization.map(|organization| organization.0))
}

fn tie_to_groups(mut plan: Plan, record: &ClientRecord) -> Plan {
    for (at, group) in record.groups.iter().enumerate() {
        let values = values![tenant(&record.client), record.client.id.0, group.0];
        plan = plan.must(Step::one(&TIE_TO_GROUP, values), Outcome::Unknown("groups", at));
    }
    plan
}

/// The parameters that `REGISTER` and `UPDATE` share.
fn written(record: &ClientRecord) -> Vec<Value> {
    let client = &record.client;
    values![
        tenant(client),
        client.id.0,
        client.name.as_str(),
        client.profile.as_str(),
        client.auth_method.as_str(),
        client.assertion_alg.as_deref(),
        client.keys.as_deref(),
        client.grant_types.join(" "),
        client.scopes.as_str(),
        client.party.redirect_uris.join(" "),
        client.audience.as_deref(),
        client.token_format.as_str(),
        client.token_alg.as_str(),
        client.access_ttl.0,
        client.refresh_idle.0,
        client.refresh_absolute.0,
        client.refresh_grace.0,
        client.not_before,
        record.created_at,
        record.disabled_at,
        client.keys_uri.as_deref(),
    ]
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn parsed<T>(word: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Error> {
    parse(word).ok_or_else(|| Error::broken(format!("clients: unknown word {word:?}")))
}

fn client_record(mut row: Row) -> Result<ClientRecord, Error> {
    let id = ClientId(row.id(1)?);
    let organization = row.maybe_id(0)?.map(OrganizationId);
    let disabled_at = row.maybe_time(19)?;
    let organization_stands =
        organization.is_none() || (row.maybe_id(21)?.is_some() && row.maybe_time(22)?.is_none());
    let standing = match (disabled_at, organization_stands) {
        (Some(_), _) => Standing::Disabled,
        (None, false) => Standing::OrganizationDisabled,
        (None, true) => Standing::Active,
    };
    let mut party = relying_party::read(&mut row)?;
    party.redirect_uris = words(&row.text(9)?);
    let client = Client {
        id,
        public_id: id.to_string(),
        organization,
        name: row.text(2)?,
        standing,
        profile: parsed(&row.text(3)?, Profile::parse)?,
        auth_method: parsed(&row.text(4)?, AuthMethod::parse)?,
        secrets: Vec::new(),
        assertion_alg: row.maybe_text(5)?,
        keys: row.maybe_text(6)?,
        keys_uri: row.maybe_text(39)?,
        grant_types: words(&row.text(7)?),
        scopes: Scopes::parse(&row.text(8)?).map_err(Error::broken)?,
        audience: row.maybe_text(10)?,
        token_format: parsed(&row.text(11)?, TokenFormat::parse)?,
        token_alg: row.text(12)?,
        access_ttl: Seconds(row.int(13)?),
        refresh_idle: Seconds(row.int(14)?),
        refresh_absolute: Seconds(row.int(15)?),
        refresh_grace: Seconds(row.int(16)?),
        not_before: row.time(17)?,
        party,
    };
    Ok(ClientRecord {
        client,
        groups: Vec::new(),
        created_at: row.time(18)?,
        disabled_at,
        revision: row.int(20)?,
    })
}

fn secret(row: &Row) -> Result<Option<ClientSecret>, Error> {
    let Some(digest) = row.maybe_digest(40)? else { return Ok(None) };
    Ok(Some(ClientSecret { digest, expires_at: row.maybe_time(41)? }))
}

mod relying_party;
mod statements;
pub use statements::STATEMENTS;
use statements::*;
