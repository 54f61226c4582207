//! Which connection a caller means that does not know its id.

use keyhaven_protocol::id::{ConnectorId, UserId};
use keyhaven_store::connections::{Filter, Held};
use keyhaven_store::{Error, Reach};

use crate::app::App;

/// What was found.
pub enum Meant {
    /// The one.
    One(Box<Held>),
    /// None fits.
    Nothing,
    /// More than one fits.
    Several,
}

/// The connection under `connector` that fits `filter`. A `person` means their own, and where they
/// have none their team's.
pub async fn find_meant(
    app: &App,
    reach: Reach,
    connector: ConnectorId,
    filter: Filter<'_>,
    person: Option<UserId>,
) -> Result<Meant, Error> {
    let own = Filter { owner: filter.owner.or(person), ..filter };
    let found = app.store.find_meant(reach, connector, own, 2).await?;
    if !found.is_empty() || person.is_none() {
        return Ok(only(found));
    }
    let team = Filter { owner: None, is_of_a_team: true, ..filter };
    Ok(only(app.store.find_meant(reach, connector, team, 2).await?))
}

fn only(mut found: Vec<Held>) -> Meant {
    match (found.pop(), found.is_empty()) {
        (None, _) => Meant::Nothing,
        (Some(held), true) => Meant::One(Box::new(held)),
        (Some(_), false) => Meant::Several,
    }
}
