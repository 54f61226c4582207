//! Installations that begin at the provider: its callback names no flow of ours, so nobody knows whose
//! browser it is. Its code is never exchanged; its user begins here, where a flow is theirs.

use keyhaven_protocol::id::ConnectorId;
use keyhaven_store::{Error, Reach};

use crate::app::App;
use crate::vault::provider_of::find_provider;

/// Where the user of a callback without a flow begins one: the platform's page of the connector, or our
/// own where no platform is configured. `None` for every other callback.
pub async fn where_to_begin(
    app: &App,
    connector: ConnectorId,
    params: &[(String, String)],
) -> Result<Option<String>, Error> {
    let Some(kept) = app.store.find_connector(Reach::Instance, connector).await? else {
        return Ok(None);
    };
    let shown = &kept.connector;
    let provider = find_provider(app, shown.organization, &shown.provider).await?;
    let Some(provider) = provider.filter(|it| it.callback.unsolicited) else { return Ok(None) };
    let says = |name: &str| params.iter().any(|(said, value)| said == name && !value.is_empty());
    if says(&provider.callback.state) || says("error") || shown.deleting_since.is_some() {
        return Ok(None);
    }
    let origins = &app.settings.return_origins;
    let base = origins.allow(None).filter(|base| *base != app.settings.issuer);
    Ok(Some(
        base.map_or_else(
            || "/".to_owned(),
            |base| origins.success(&base, shown.sharing, connector),
        ),
    ))
}
