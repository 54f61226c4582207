//! Taking back what a person agreed to: the consent for every resource, and all that came of it.

use keyhaven_protocol::id::{ClientId, UserId};
use keyhaven_protocol::refusal::Refusal;
use keyhaven_store::changes::Receipt;

use super::Failure;
use crate::app::{App, Origin};

/// Withdraws what `user` gave to `client`, as that person.
pub async fn withdraw_own_consent(
    app: &App,
    user: UserId,
    client: ClientId,
    origin: &Origin,
) -> Result<Receipt, Failure> {
    let act = app.act(format!("user:{user}"), origin);
    let receipt = app.store.withdraw_consent(user, client, act).await?;
    receipt.ok_or_else(|| Refusal::token("the person gave this app nothing").into())
}
