//! Logging out on a client's word (OpenID Connect RP-Initiated Logout). Where to go afterwards is
//! sealed for the session that is asked, so the confirm page carries nothing that can be edited.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::client::Client;
use keyhaven_protocol::id::{ClientId, SessionId};
use keyhaven_protocol::id_token::{Hint, read_hint};
use keyhaven_protocol::logout::{Facts, Plan, decide};
use keyhaven_protocol::params::Params;
use keyhaven_protocol::redirect_uri;
use keyhaven_protocol::refusal::Refusal;
use keyhaven_protocol::relying_party::RelyingParty;
use keyhaven_protocol::session::Session;
use keyhaven_protocol::subject;
use keyhaven_store::Error;
use keyhaven_store::seal::Place;
use keyhaven_store::sessions::SignedIn;
use std::sync::Arc;

use super::Failure;
use super::sessions::sign_out;
use crate::app::{App, Origin};

const TARGET: &str = "logout.target";

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// Nobody is signed in any more; the target, if there is one.
    Ended(Option<String>),
    /// The person is asked; the sealed target and its origin, if there is one.
    Ask(Option<(String, String)>),
}

/// Ends the session where the request proves whom it is about, and asks otherwise.
pub async fn end_session(
    app: &App,
    signed_in: Option<&SignedIn>,
    params: &Params,
    origin: &Origin,
) -> Result<Step, Failure> {
    let hint = params
        .get("id_token_hint")
        .and_then(|text| read_hint(text, &app.keys.now().verifying, &app.settings.issuer).ok());
    let client = find_client(app, params, hint.as_ref()).await?;
    let login = signed_in.map(|it| login_of(app, &it.session, client.as_deref()));
    let facts = Facts {
        hint: hint.as_ref(),
        client: client.as_ref().map(|client| (client.public_id.as_str(), &client.party)),
        login: login.as_ref().map(|(subject, session)| (subject.as_str(), session.as_str())),
    };
    match (decide(params, &facts)?, signed_in) {
        (Plan::End(target) | Plan::Ask(target), None) => Ok(Step::Ended(target)),
        (Plan::End(target), Some(signed_in)) => {
            sign_out(app, signed_in, origin).await?;
            Ok(Step::Ended(target))
        }
        (Plan::Ask(target), Some(signed_in)) => {
            let Some(target) = target else { return Ok(Step::Ask(None)) };
            let sealed = seal(app, signed_in.session.id, &target)?;
            Ok(Step::Ask(Some((sealed, redirect_uri::origin(&target).to_owned()))))
        }
    }
}

/// Who is signed in and in which session, as the client knows them.
fn login_of(app: &App, session: &Session, client: Option<&Client>) -> (String, String) {
    let usual = RelyingParty::default();
    let (party, key) = (client.map_or(&usual, |client| &client.party), &app.private.pairwise);
    let sid = subject::session_of(session.id.grant(), party, key);
    (subject::of(session.user, party, key), sid)
}

async fn find_client(
    app: &App,
    params: &Params,
    hint: Option<&Hint>,
) -> Result<Option<Arc<Client>>, Failure> {
    let named = hint.map(|hint| hint.client_id.as_str()).or_else(|| params.get("client_id"));
    let Some(id) = named.and_then(ClientId::parse_public) else { return Ok(None) };
    Ok(app.store.recall_client(id, app.clock.tick()).await?)
}

fn seal(app: &App, session: SessionId, target: &str) -> Result<String, Error> {
    let place = Place { column: TARGET, row: &session.0.0 };
    let sealed = app.store.sealer().seal(place, target.as_bytes(), app.dice.bytes())?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// Where a confirmed logout leads: what was sealed for this session when it was asked.
pub fn target_of(app: &App, session: SessionId, sealed: &str) -> Result<String, Failure> {
    let no = || Refusal::request("the logout request is not of this session");
    let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| no())?;
    let place = Place { column: TARGET, row: &session.0.0 };
    let target = app.store.sealer().open(place, &sealed).map_err(|_| no())?;
    String::from_utf8(target.to_vec()).map_err(|_| no().into())
}
