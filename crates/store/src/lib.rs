//! What is true now: the only crate that knows SQL and sealed columns.
//!
//! A room (one file) offers operations named after what happens in the domain; the whole of an
//! operation happens or none of it. Single-use and counted things are guarded by the statement
//! that changes them, never by a check before it.

use std::sync::Arc;

pub mod accounts;
pub mod act;
pub mod audit;
pub mod authorization_requests;
pub mod authorizations;
pub mod budgets;
pub mod changes;
pub mod client_groups;
pub mod client_secrets;
pub mod clients;
pub mod connect_sessions;
pub mod connections;
pub mod connectors;
pub mod consents;
pub mod engine;
pub mod envelope;
mod error;
pub mod flows;
pub mod groups;
pub mod hand_outs;
pub mod idempotency;
pub mod instance;
pub mod issuing;
pub mod keys;
pub mod known;
pub mod logout_notices;
pub mod mail_codes;
pub mod mail_queue;
pub mod memberships;
pub mod metering;
pub mod one_time_codes;
pub mod organizations;
mod outcome;
mod page;
pub mod passkey_challenges;
pub mod passkeys;
pub mod passwords;
pub mod pending_sign_ins;
pub mod people;
pub mod profiles;
pub mod projects;
pub mod providers;
pub mod purge;
pub mod recovery_codes;
pub mod refusals;
pub mod rekey;
pub mod revocations;
pub mod revoking;
pub mod seal;
pub mod sessions;
pub mod sign_in_policies;
pub mod sign_in_tries;
pub mod signing_keys;
pub mod totp_seeds;
pub mod upstream_flows;
pub mod upstream_identities;
pub mod upstream_providers;
pub mod users;
pub mod webhooks;

pub use act::{Act, Plan};
pub use error::{Error, Source};
pub use outcome::Outcome;
pub use page::{Listed, Page, Reach};

use engine::{Engine, Statement};
use known::Known;
use seal::Sealer;

/// The rooms over one database, and what this node remembers of it. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Arc<dyn Engine>,
    sealer: Arc<Sealer>,
    known: Arc<Known>,
    till: Arc<metering::Till>,
}

impl Store {
    /// The rooms over `engine`, with sealed columns under `sealer`.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, sealer: Sealer) -> Self {
        let known = Known::new(engine.name() == "sqlite");
        Self { engine, sealer: Arc::new(sealer), known: Arc::new(known), till: Arc::default() }
    }

    /// What this node may answer from memory.
    #[must_use]
    pub fn known(&self) -> &Known {
        &self.known
    }

    /// Seals and opens columns and other values that must be read back.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// The database underneath, for sizes, health and closing.
    #[must_use]
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }
}

/// Every statement of every room, so that a test can prepare them all on every engine.
pub const ROOMS: &[&[&Statement]] = &[
    accounts::STATEMENTS,
    audit::STATEMENTS,
    budgets::STATEMENTS,
    authorization_requests::STATEMENTS,
    authorizations::STATEMENTS,
    changes::STATEMENTS,
    client_groups::STATEMENTS,
    client_secrets::STATEMENTS,
    clients::STATEMENTS,
    connections::STATEMENTS[0],
    connections::STATEMENTS[1],
    connections::STATEMENTS[2],
    connections::STATEMENTS[3],
    connections::STATEMENTS[4],
    connections::STATEMENTS[5],
    connections::STATEMENTS[6],
    connect_sessions::STATEMENTS,
    connectors::STATEMENTS,
    flows::STATEMENTS,
    consents::STATEMENTS,
    groups::STATEMENTS,
    hand_outs::STATEMENTS,
    idempotency::STATEMENTS,
    instance::STATEMENTS,
    issuing::STATEMENTS,
    keys::STATEMENTS,
    logout_notices::STATEMENTS,
    mail_codes::STATEMENTS,
    mail_queue::STATEMENTS,
    memberships::STATEMENTS,
    metering::STATEMENTS,
    one_time_codes::STATEMENTS,
    organizations::STATEMENTS,
    passwords::STATEMENTS,
    pending_sign_ins::STATEMENTS,
    people::STATEMENTS,
    profiles::STATEMENTS,
    passkey_challenges::STATEMENTS,
    passkeys::STATEMENTS,
    projects::STATEMENTS,
    providers::STATEMENTS,
    purge::STATEMENTS,
    rekey::STATEMENTS,
    recovery_codes::STATEMENTS,
    refusals::STATEMENTS,
    revocations::STATEMENTS,
    revoking::STATEMENTS,
    sessions::STATEMENTS,
    sign_in_policies::STATEMENTS,
    sign_in_tries::STATEMENTS,
    signing_keys::STATEMENTS,
    totp_seeds::STATEMENTS,
    upstream_flows::STATEMENTS,
    upstream_identities::STATEMENTS,
    upstream_providers::STATEMENTS,
    users::STATEMENTS,
    webhooks::STATEMENTS,
];
