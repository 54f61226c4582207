//! From a code to a person: the provider's token endpoint, its ID token, its userinfo. What may be
//! believed is decided in `protocol::upstream`; here is only the asking.

use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::header::{ACCEPT, AUTHORIZATION, USER_AGENT};
use keyhaven_connect::send::{Limits, Outgoing, Reply};
use keyhaven_protocol::secret::{Digest, Secret};
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::upstream::authorization::Redemption;
use keyhaven_protocol::upstream::id_token::{self, Expected};
use keyhaven_protocol::upstream::metadata::Metadata;
use keyhaven_protocol::upstream::preset::Preset;
use keyhaven_protocol::upstream::token_response::Tokens;
use keyhaven_protocol::upstream::{Profile, github, userinfo};
use keyhaven_store::upstream_providers::UpstreamProvider;

use super::{Distrust, Upstreams, url};

/// One visit that came back with a code.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// Where it was.
    pub provider: &'a UpstreamProvider,
    /// Our path for its answers.
    pub redirect_uri: &'a str,
    /// The code.
    pub code: &'a Secret,
    /// The PKCE verifier of the request.
    pub verifier: &'a Secret,
    /// The digest of the nonce of the request.
    pub nonce: Digest,
}

impl Upstreams {
    /// The metadata of a configured provider.
    pub async fn metadata_of(
        &self,
        provider: &UpstreamProvider,
        tick: u64,
    ) -> Result<Arc<Metadata>, Distrust> {
        match provider.preset {
            Preset::Github => Ok(Arc::new(Metadata::github())),
            _ => self.metadata(&provider.issuer, tick).await,
        }
    }
}

/// Redeems the code and says who came back.
pub async fn fetch_profile(
    upstreams: &Upstreams,
    visit: Visit<'_>,
    now: Timestamp,
    tick: u64,
) -> Result<Profile, Distrust> {
    let metadata = upstreams.metadata_of(visit.provider, tick).await?;
    let tokens = redeem(upstreams, &metadata, visit).await?;
    if visit.provider.preset == Preset::Github {
        return github_profile(upstreams, &metadata, &tokens).await;
    }
    let token = tokens.id_token.as_ref().ok_or("the token endpoint answered no id_token")?;
    let kid = id_token::find_kid(token)?;
    let keys = upstreams.keys(&metadata, kid.as_deref(), tick).await?;
    let expected = Expected {
        issuer: &visit.provider.issuer,
        client_id: &visit.provider.client_id,
        nonce: visit.nonce,
    };
    let profile = id_token::verify(token, &keys, expected, now)?;
    let Some(endpoint) = &metadata.userinfo_endpoint else { return Ok(profile) };
    // Userinfo only adds. When it does not answer, the ID token still says who it is.
    match get(upstreams, endpoint, &tokens.access_token).await {
        Ok(reply) if is_json(&reply) => Ok(userinfo::merge(&reply.body, profile)?),
        _ => Ok(profile),
    }
}

async fn redeem(
    upstreams: &Upstreams,
    metadata: &Metadata,
    visit: Visit<'_>,
) -> Result<Tokens, Distrust> {
    let redemption = Redemption {
        client_id: &visit.provider.client_id,
        client_secret: visit.provider.client_secret.as_ref(),
        redirect_uri: visit.redirect_uri,
        code: visit.code.reveal(),
        verifier: visit.verifier,
    };
    let request = redemption.request(metadata.secret_in);
    let form = "application/x-www-form-urlencoded";
    let mut outgoing = Outgoing::post(url(&metadata.token_endpoint)?, form, request.form.to_vec());
    outgoing.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(secret) = &request.authorization {
        outgoing.headers.insert(AUTHORIZATION, sensitive(secret.reveal())?);
    }
    let reply = upstreams.client.send(outgoing, Limits::TOKEN).await?;
    if reply.status != 200 {
        return Err(Distrust::Lies("the token endpoint refused the code"));
    }
    Ok(Tokens::parse(&reply.body)?)
}

async fn github_profile(
    upstreams: &Upstreams,
    metadata: &Metadata,
    tokens: &Tokens,
) -> Result<Profile, Distrust> {
    let endpoint = metadata.userinfo_endpoint.as_deref().unwrap_or_default();
    let user = get(upstreams, endpoint, &tokens.access_token).await?;
    let profile = github::parse_user(&user.body)?;
    match get(upstreams, github::EMAILS, &tokens.access_token).await {
        Ok(emails) => Ok(github::add_email(&emails.body, profile)?),
        Err(_) => Ok(profile),
    }
}

async fn get(upstreams: &Upstreams, endpoint: &str, token: &Secret) -> Result<Reply, Distrust> {
    let mut outgoing = Outgoing::get_json(url(endpoint)?);
    outgoing.headers.insert(AUTHORIZATION, sensitive(&format!("Bearer {}", token.reveal()))?);
    outgoing.headers.insert(USER_AGENT, HeaderValue::from_static("keyhaven"));
    let reply = upstreams.client.send(outgoing, Limits { types: &[], ..Limits::STRANGER }).await?;
    if reply.status == 200 { Ok(reply) } else { Err(Distrust::Unreachable("status")) }
}

fn is_json(reply: &Reply) -> bool {
    reply.header("content-type").is_some_and(|kind| kind.starts_with("application/json"))
}

fn sensitive(text: &str) -> Result<HeaderValue, Distrust> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| Distrust::Lies("a token is no header value"))?;
    value.set_sensitive(true);
    Ok(value)
}
