//! A person as the rooms that let people in see them: account, memberships, what organizations
//! demand, projects. Read as a whole and remembered as a whole, so that looking at a session costs
//! nothing; a change of the user or of an organization drops it.

use std::sync::Arc;

use futures_util::future::try_join3;
use keyhaven_protocol::id::{GroupId, OrganizationId, ProjectId, UserId};
use keyhaven_protocol::session::{Account, Membership as Entry};
use keyhaven_protocol::sign_in::{Demand, Method};
use keyhaven_protocol::time::Timestamp;

use crate::changes::{Change, Kind};
use crate::engine::{Row, Statement, Step};
use crate::memberships::Role;
use crate::users::{self, User};
use crate::{Act, Error, Outcome, Plan, Store, values};

/// Memberships of one person that are looked at, and projects of all of them together. Beyond, the
/// oldest count.
const MOST_MEMBERSHIPS: i64 = 1_000;
const MOST_PROJECTS: i64 = 5_000;
const MOST_GROUPS: i64 = 5_000;

/// A person, where they belong and what they may do there.
#[derive(Clone, Debug)]
pub struct Person {
    /// The account.
    pub user: User,
    /// Since when the person administers the instance.
    pub administrator_since: Option<Timestamp>,
    /// Where they belong, oldest first.
    pub memberships: Vec<Place>,
}

/// One organization of a person.
#[derive(Clone, Debug)]
pub struct Place {
    /// The organization.
    pub organization: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its slug.
    pub slug: String,
    /// Since when it is disabled.
    pub disabled_at: Option<Timestamp>,
    /// As what the person belongs to it.
    pub role: Role,
    /// What it asks of those who act in it.
    pub demand: Demand,
    /// Its projects, oldest first.
    pub projects: Vec<ProjectName>,
    /// Its groups that the person is in, oldest first.
    pub groups: Vec<GroupId>,
}

/// A project as people choose it.
#[derive(Clone, Debug)]
pub struct ProjectName {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// Its slug.
    pub slug: String,
}

impl Person {
    /// Whether the person may act.
    #[must_use]
    pub const fn account(&self) -> Account {
        match self.user.disabled_at {
            None => Account::Active,
            Some(_) => Account::Disabled,
        }
    }

    /// The person's place in an organization.
    #[must_use]
    pub fn place(&self, organization: OrganizationId) -> Option<&Place> {
        self.memberships.iter().find(|place| place.organization == organization)
    }

    /// What [`keyhaven_protocol::session::enters`] asks about an organization.
    #[must_use]
    pub fn membership(&self, organization: OrganizationId) -> Entry<'_> {
        match self.place(organization) {
            None => Entry::None,
            Some(place) if place.disabled_at.is_some() => Entry::Disabled,
            Some(place) => Entry::Member(&place.demand),
        }
    }
}

impl Store {
    /// The person behind a user id, from memory while that is fresh, else from the database.
    pub async fn recall_person(&self, id: UserId, tick: u64) -> Result<Option<Arc<Person>>, Error> {
        if self.known.is_fresh(tick)
            && let Some(person) = self.known.person(id)
        {
            return Ok(Some(person));
        }
        let generation = self.known.generation();
        let person = self.find_person(id).await?.map(Arc::new);
        if let Some(person) = &person {
            self.known.remember_person(person.clone(), generation);
        }
        Ok(person)
    }

    /// The person behind a user id, as the database has them now.
    pub async fn find_person(&self, id: UserId) -> Result<Option<Person>, Error> {
        let (places, projects, groups) = try_join3(
            self.engine.read(&PLACES, values![id.0, MOST_MEMBERSHIPS]),
            self.engine.read(&PROJECTS, values![id.0, MOST_PROJECTS]),
            self.engine.read(&GROUPS, values![id.0, MOST_GROUPS]),
        )
        .await?;
        let mut person: Option<Person> = None;
        for row in places {
            let (place, administrator_since, user) = place(row)?;
            let person = person.get_or_insert_with(|| Person {
                user,
                administrator_since,
                memberships: Vec::new(),
            });
            person.memberships.extend(place);
        }
        let Some(mut person) = person else { return Ok(None) };
        for mut row in projects {
            let organization = OrganizationId(row.id(0)?);
            let name =
                ProjectName { id: ProjectId(row.id(1)?), name: row.text(2)?, slug: row.text(3)? };
            if let Some(place) = at(&mut person, organization) {
                place.projects.push(name);
            }
        }
        for row in groups {
            if let Some(place) = at(&mut person, OrganizationId(row.id(0)?)) {
                place.groups.push(GroupId(row.id(1)?));
            }
        }
        Ok(Some(person))
    }

    /// Makes a user an administrator of the instance. Doing so twice changes nothing.
    pub async fn appoint_administrator(&self, id: UserId, mut act: Act) -> Result<Outcome, Error> {
        let plan = Plan::default()
            .must(users::hold(id), Outcome::Absent)
            .also(appoint(id, act.now))
            .also(act.audit(None, "administrator.appointed", format!("user:{id}"), "{}"))
            .also(act.publish(Change::of(Kind::User, id.0)));
        self.carry_out(plan, act).await
    }

    /// Takes the instance out of an administrator's hands.
    pub async fn dismiss_administrator(&self, id: UserId, mut act: Act) -> Result<Outcome, Error> {
        let plan = Plan::default()
            .must(Step::one(&DISMISS, values![id.0]), Outcome::Absent)
            .also(act.audit(None, "administrator.dismissed", format!("user:{id}"), "{}"))
            .also(act.publish(Change::of(Kind::User, id.0)));
        self.carry_out(plan, act).await
    }

    /// Whether anybody administers the instance.
    pub async fn has_administrators(&self) -> Result<bool, Error> {
        Ok(!self.engine.read(&ANY_ADMINISTRATOR, values![]).await?.is_empty())
    }

    /// The second factors a person has set up.
    pub async fn list_second_factors(&self, id: UserId) -> Result<Vec<Method>, Error> {
        let rows = self.engine.read(&SECOND_FACTORS, values![id.0]).await?;
        let words = rows.into_iter().map(|mut row| row.text(0));
        let methods = words.map(|word| {
            let word = word?;
            Method::parse(&word)
                .ok_or_else(|| Error::broken(format!("second_factors: unknown method {word:?}")))
        });
        methods.collect()
    }

    /// Notes which second factors a person has set up or lost, where nothing else is stored for it.
    pub async fn note_factors(&self, with: Plan, act: Act) -> Result<Outcome, Error> {
        self.carry_out(with, act).await
    }

    /// What the organization that has claimed the domain of this canonical address demands.
    pub async fn find_home(&self, email: &str) -> Result<Home, Error> {
        let domain = email.rsplit('@').next().unwrap_or_default();
        let rows = self.engine.read(&HOME, values![domain]).await?;
        let Some(mut row) = rows.into_iter().next() else { return Ok(Home::default()) };
        Ok(Home {
            organization: Some(OrganizationId(row.id(0)?)),
            demand: demand(row.maybe_text(1)?)?,
            upstream: row.maybe_text(2)?,
        })
    }
}

/// The organization that an address belongs to by its domain.
#[derive(Clone, Debug, Default)]
pub struct Home {
    /// Which.
    pub organization: Option<OrganizationId>,
    /// What it asks of those who sign in with such an address.
    pub demand: Demand,
    /// The provider that vouches for them.
    pub upstream: Option<String>,
}

pub(crate) fn appoint(id: UserId, now: Timestamp) -> Step {
    Step::any(&APPOINT, values![id.0, now])
}

/// The step that notes that a person has set up a second factor, for the commit that stores it.
#[must_use]
pub fn enrolling(id: UserId, method: Method, now: Timestamp) -> Plan {
    Plan::default().also(Step::any(&ENROL, values![id.0, method.as_str(), now]))
}

/// The step that notes that a second factor is gone, for the commit that removes it.
#[must_use]
pub fn leaving(id: UserId, method: Method) -> Plan {
    Plan::default().also(Step::any(&LEAVE, values![id.0, method.as_str()]))
}

fn at(person: &mut Person, organization: OrganizationId) -> Option<&mut Place> {
    person.memberships.iter_mut().find(|place| place.organization == organization)
}

fn place(mut row: Row) -> Result<(Option<Place>, Option<Timestamp>, User), Error> {
    let since = row.maybe_time(5)?;
    let place = match row.maybe_id(6)? {
        None => None,
        Some(organization) => {
            let word = row.text(10)?;
            Some(Place {
                organization: OrganizationId(organization),
                name: row.text(7)?,
                slug: row.text(8)?,
                disabled_at: row.maybe_time(9)?,
                role: Role::parse(&word)
                    .ok_or_else(|| Error::broken(format!("memberships: unknown role {word:?}")))?,
                demand: demand(row.maybe_text(11)?)?,
                projects: Vec::new(),
                groups: Vec::new(),
            })
        }
    };
    Ok((place, since, users::user(row)?))
}

fn demand(word: Option<String>) -> Result<Demand, Error> {
    let Some(word) = word else { return Ok(Demand::Nothing) };
    Demand::parse(&word)
        .ok_or_else(|| Error::broken(format!("sign_in_policies: unknown demand {word:?}")))
}

static PLACES: Statement = Statement::new(
    "people.places",
    "SELECT u.id, u.email, u.name, u.created_at, u.disabled_at, a.since,
            o.id, o.name, o.slug, o.disabled_at, m.role, p.demand
       FROM users u
       LEFT JOIN administrators a ON a.member = u.id
       LEFT JOIN memberships m ON m.member = u.id
       LEFT JOIN organizations o ON o.id = m.organization
       LEFT JOIN sign_in_policies p ON p.organization = o.id
      WHERE u.id = $1 ORDER BY m.created_at, o.id LIMIT $2",
);

static PROJECTS: Statement = Statement::new(
    "people.projects",
    "SELECT p.organization, p.id, p.name, p.slug
       FROM memberships m JOIN projects p ON p.organization = m.organization
      WHERE m.member = $1 ORDER BY m.created_at, p.organization, p.id LIMIT $2",
);

static GROUPS: Statement = Statement::new(
    "people.groups",
    "SELECT g.organization, g.id FROM group_members m JOIN groups g ON g.id = m.group_id
      WHERE m.member = $1 ORDER BY g.id LIMIT $2",
);

static APPOINT: Statement = Statement::new(
    "people.appoint",
    "INSERT INTO administrators (member, since) VALUES ($1, $2) ON CONFLICT (member) DO NOTHING",
);

static DISMISS: Statement =
    Statement::new("people.dismiss", "DELETE FROM administrators WHERE member = $1");

static ANY_ADMINISTRATOR: Statement =
    Statement::new("people.any_administrator", "SELECT 1 FROM administrators LIMIT 1");

static SECOND_FACTORS: Statement = Statement::new(
    "people.second_factors",
    "SELECT method FROM second_factors WHERE member = $1 ORDER BY since, method",
);

static ENROL: Statement = Statement::new(
    "people.enrol",
    "INSERT INTO second_factors (member, method, since) VALUES ($1, $2, $3)
     ON CONFLICT (member, method) DO NOTHING",
);

static LEAVE: Statement =
    Statement::new("people.leave", "DELETE FROM second_factors WHERE member = $1 AND method = $2");

static HOME: Statement = Statement::new(
    "people.home",
    "SELECT d.organization, p.demand, p.upstream
       FROM claimed_domains d JOIN organizations o ON o.id = d.organization
       LEFT JOIN sign_in_policies p ON p.organization = d.organization
      WHERE d.domain = $1 AND o.disabled_at IS NULL",
);

/// Every statement of this room.
pub const STATEMENTS: &[&Statement] = &[
    &PLACES,
    &PROJECTS,
    &GROUPS,
    &APPOINT,
    &DISMISS,
    &ANY_ADMINISTRATOR,
    &SECOND_FACTORS,
    &ENROL,
    &LEAVE,
    &HOME,
];
