//! Whole conversations with a provider: request, send, read. One POST each, never tried twice.

use std::collections::BTreeMap;

use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;
use url::Url;
use zeroize::Zeroizing;

use crate::failure::{Failure, FailureKind};
use crate::provider::{Grant, Method, Provider, RevokeAuth};
use crate::request::{self, App, Code, Ended, Misconfigured, Renewal, Stamp};
use crate::response::{self, Content, Identity, TokenReply};
use crate::send::{Client, Limits, Outgoing, Reply};
use crate::verdict::{self, Verdict};

/// Turns a code into tokens (RFC 6749 §4.1.3), and a short-lived token into a long-lived one where
/// the provider wants that.
pub async fn exchange(
    client: &Client,
    provider: &Provider,
    app: &App<'_>,
    code: &Code<'_>,
    stamp: &Stamp,
) -> Result<TokenReply, Verdict> {
    let prelude = run_prelude(client, provider, app, stamp).await?;
    let request = request::exchange(provider, app, code, stamp, prelude.as_ref())?;
    let sent = [app.secret, Some(code.code), code.verifier];
    let reply = tokens(client, provider, request, &sent, stamp).await?;
    match request::upgrade(provider, app, &reply.main.access, stamp) {
        None => Ok(reply),
        Some(request) => {
            let sent = [app.secret, Some(&reply.main.access)];
            let longer = tokens(client, provider, request?, &sent, stamp).await?;
            Ok(TokenReply { main: longer.main, ..reply })
        }
    }
}

/// Renews a token (RFC 6749 §6).
pub async fn refresh(
    client: &Client,
    provider: &Provider,
    app: &App<'_>,
    renewal: &Renewal<'_>,
    stamp: &Stamp,
) -> Result<TokenReply, Verdict> {
    let prelude = run_prelude(client, provider, app, stamp).await?;
    let request = request::refresh(provider, app, renewal, stamp, prelude.as_ref())?;
    tokens(client, provider, request, &[app.secret, Some(renewal.token)], stamp).await
}

/// Asks for a token without a user.
pub async fn remint(
    client: &Client,
    provider: &Provider,
    app: &App<'_>,
    asked: (Grant, &[String]),
    stamp: &Stamp,
) -> Result<TokenReply, Verdict> {
    let request = request::remint(provider, app, asked.0, asked.1, stamp)?;
    tokens(client, provider, request, &[app.secret], stamp).await
}

/// Ends a grant at the provider. `None` if the provider has no way to.
pub async fn revoke(
    client: &Client,
    provider: &Provider,
    app: &App<'_>,
    ended: &Ended<'_>,
    stamp: &Stamp,
) -> Option<Result<(), Verdict>> {
    let request = request::revoke(provider, app, ended, stamp)?;
    Some(match request {
        Err(error) => Err(error.into()),
        Ok(request) => {
            match client.send(request, Limits { total: REVOKE, ..Limits::TOKEN }).await {
                Ok(reply) => ended_or_not(provider, &reply, stamp.now).map_err(|verdict| {
                    let sent = [app.secret, ended.access, ended.refresh];
                    without_secrets(provider, &reply, &sent, verdict, stamp)
                }),
                Err(failure) => Err(failure.into()),
            }
        }
    })
}

/// How long a revocation may take.
const REVOKE: std::time::Duration = std::time::Duration::from_secs(5);

/// A grant that is already gone is as good as ended: a DELETE finds nothing, a token that proves
/// itself no longer does.
fn ended_or_not(provider: &Provider, reply: &Reply, now: Timestamp) -> Result<(), Verdict> {
    let content = response::sniff(&reply.body);
    let rules = provider.revoke.as_ref();
    let is_gone = match reply.status {
        200..=299 => !matches!(content, Content::Document(_)),
        404 | 410 => rules.is_some_and(|rules| rules.method == Method::Delete),
        401 => rules.is_some_and(|rules| rules.auth == RevokeAuth::Bearer),
        _ => false,
    };
    if is_gone {
        return Ok(());
    }
    match verdict::judge(provider, reply, &content, now) {
        None => Ok(()),
        Some(verdict) if verdict.class == verdict::Class::GrantDead => Ok(()),
        Some(verdict) => Err(verdict),
    }
}

/// Whose account the tokens are for: from the reply, or by a call. `Ok(None)` if nobody says.
pub async fn find_account(
    client: &Client,
    provider: &Provider,
    app: &App<'_>,
    reply: &TokenReply,
) -> Result<Option<Identity>, Failure> {
    let vars = taught(app, reply);
    let app = &App { vars: &vars, ..*app };
    if let Some(identity) = response::from_claims(provider, app, reply) {
        return Ok(Some(identity));
    }
    let refused =
        |_| Failure::before(FailureKind::Refused("the account's URL is not the provider's"));
    match request::account(provider, app, &reply.main.access) {
        None => Ok(None),
        Some(request) => {
            let said = client.send(request.map_err(refused)?, Limits::TOKEN).await?;
            Ok(response::from_call(provider, app, &said))
        }
    }
}

/// Whose account an access token is for, asked of the provider. `Ok(None)` if it has no call for that
/// or did not say.
pub async fn account_of(
    client: &Client,
    provider: &Provider,
    app: &App<'_>,
    access: &Secret,
) -> Result<Option<Identity>, Failure> {
    let refused =
        |_| Failure::before(FailureKind::Refused("the account's URL is not the provider's"));
    match request::account(provider, app, access) {
        None => Ok(None),
        Some(request) => {
            let said = client.send(request.map_err(refused)?, Limits::TOKEN).await?;
            Ok(response::from_call(provider, app, &said))
        }
    }
}

/// What the provider's account call says to a key or a login that was typed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It takes it; whose account it is, where it says so.
    Taken(Option<Identity>),
    /// It does not know it (RFC 9110 §15.5.2).
    Refused,
    /// Nobody can tell: it has no such call, or did not answer.
    Untold,
}

/// One cheap call with a key or a login, before it is kept.
pub async fn try_typed(
    client: &Client,
    provider: &Provider,
    app: &App<'_>,
    typed: &Secret,
) -> Tried {
    let Some(Ok(request)) = request::account(provider, app, typed) else { return Tried::Untold };
    match client.send(request, Limits::TOKEN).await {
        Ok(said) if said.status == 401 => Tried::Refused,
        Ok(said) if (200..300).contains(&said.status) => {
            Tried::Taken(response::from_call(provider, app, &said))
        }
        Ok(_) | Err(_) => Tried::Untold,
    }
}

/// The status with which a consent page answers a stranger.
pub async fn look_at_consent(client: &Client, url: Url) -> Result<u16, Failure> {
    let mut request = Outgoing::get_json(url);
    let any = http::HeaderValue::from_static("text/html, */*");
    request.headers.insert(http::header::ACCEPT, any);
    Ok(client.send(request, Limits::TOKEN).await?.status)
}

/// Where the API is, if the file or the reply says so.
pub fn api_base(
    provider: &Provider,
    app: &App<'_>,
    reply: &TokenReply,
) -> Result<Option<Url>, Misconfigured> {
    let vars = taught(app, reply);
    request::api_base(provider, &App { vars: &vars, ..*app }, &reply.document)
}

/// The app's variables and those the reply set: Deputy and Wrike say there where the account lives.
fn taught(app: &App<'_>, reply: &TokenReply) -> BTreeMap<String, String> {
    let mut vars = app.vars.clone();
    vars.extend(reply.captured.clone());
    vars
}

async fn tokens(
    client: &Client,
    provider: &Provider,
    request: Outgoing,
    sent: &[Option<&Secret>],
    stamp: &Stamp,
) -> Result<TokenReply, Verdict> {
    let reply = client.send(request, Limits::TOKEN).await?;
    response::read_tokens(provider, &reply, stamp.now)
        .map_err(|verdict| without_secrets(provider, &reply, sent, verdict, stamp))
}

/// A provider that says our secrets back to us gets them into no log: whatever of `sent` stands in
/// its reply is taken out before its words are read.
fn without_secrets(
    provider: &Provider,
    reply: &Reply,
    sent: &[Option<&Secret>],
    verdict: Verdict,
    stamp: &Stamp,
) -> Verdict {
    let Ok(text) = std::str::from_utf8(&reply.body) else { return verdict };
    let mut clean = Zeroizing::new(text.to_owned());
    for secret in sent.iter().flatten().map(|secret| secret.reveal()) {
        let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for said in [secret, &encoded].into_iter().filter(|said| !said.is_empty()) {
            *clean = clean.replace(said, "•••");
        }
    }
    if *clean == text {
        return verdict;
    }
    let body = Zeroizing::new(clean.as_bytes().to_vec());
    let reply = Reply { status: reply.status, headers: reply.headers.clone(), body };
    let content = response::sniff(&reply.body);
    match verdict::judge(provider, &reply, &content, stamp.now) {
        Some(Verdict { code, words, .. }) => Verdict { code, words, ..verdict },
        None => Verdict { code: None, words: None, ..verdict },
    }
}

/// The app's own token, where each token call needs one.
async fn run_prelude(
    client: &Client,
    provider: &Provider,
    app: &App<'_>,
    stamp: &Stamp,
) -> Result<Option<Secret>, Verdict> {
    let (Some(request), Some(rules)) = (request::prelude(provider, app), &provider.prelude) else {
        return Ok(None);
    };
    let reply = client.send(request?, Limits::TOKEN).await?;
    let content = response::sniff(&reply.body);
    if let Some(verdict) = verdict::judge(provider, &reply, &content, stamp.now) {
        // Nothing of the user's was in this call.
        return Err(Verdict { acted: verdict::Acted::No, ..verdict });
    }
    let Content::Document(document) = content else { return Err(Verdict::no_token(&reply)) };
    let token = document.pointer(rules.token.as_str()).and_then(serde_json::Value::as_str);
    token.map(|token| Some(Secret::from(token))).ok_or_else(|| Verdict::no_token(&reply))
}
