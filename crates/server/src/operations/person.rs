//! What claims tell about a person: the document administrators keep, with what the account knows
//! (OpenID Connect Core §5.1). The account's address counts as verified only where it was.

use keyhaven_protocol::id::UserId;
use keyhaven_protocol::person::Person;
use keyhaven_protocol::refusal::Refusal;

use super::Failure;
use crate::app::App;

/// The claims of a user.
pub async fn find_person(app: &App, user: UserId) -> Result<Person, Failure> {
    let Some(profile) = app.store.find_profile(user).await? else {
        return Err(Refusal::token("the user is gone").into());
    };
    Ok(profile
        .claims
        .or("name", profile.name)
        .with("email", profile.email)
        .with("email_verified", profile.email_verified)
        .with("updated_at", profile.changed_at.0))
}
