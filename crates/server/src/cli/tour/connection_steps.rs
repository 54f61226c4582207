//! The stops at the connectors: an outside account is connected, its token handed out, and a refresh
//! whose reply gets lost heals by itself.

use anyhow::{Context, Result};
use axum::http::Method;
use serde_json::{Value, json};

use super::exchange::{Exchange, Plan};
use super::guide::Guide;
use super::outside_service::OutsideService;
use super::server::{HUB, ThrowAway, Visitor};
use super::steps::{CLIENT_TOKEN, JSON, TIMELINE, TOKEN, post, text};

/// The platform, which connects accounts and uses them.
struct Platform<'a> {
    bearer: String,
    connector: &'a str,
}

impl Platform<'_> {
    fn header(&self) -> String {
        format!("Bearer {}", self.bearer)
    }
}

/// The person's browser at the outside service, between the two operations.
pub(super) const OUTSIDE: &str = "outside";

pub(super) async fn walk(
    guide: &mut Guide,
    server: &ThrowAway,
    visitor: &Visitor,
    outside: &OutsideService,
) -> Result<()> {
    let bearer = platform_token(guide, visitor).await?;
    let platform = Platform { bearer, connector: &visitor.connector };
    let url = authorization_url(guide, &platform).await?;
    let back = consent(guide, &url).await?;
    callback(guide, server, &platform, &back).await?;
    let connection = server.connection_of(visitor).await?;
    let about = "a token that works, any time";
    let token = token(guide, &platform, &connection, about, json!({}), |_, _| ()).await?;
    heal(guide, &platform, outside, &connection, &token).await?;
    timeline(guide, &platform, &connection).await
}

/// The token step of the published clients.
async fn platform_token(guide: &mut Guide, visitor: &Visitor) -> Result<String> {
    let (id, secret) = &visitor.platform;
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", id)
        .append_pair("client_secret", secret)
        .append_pair("scope", "connector:read keyhaven:admin")
        .finish();
    let path = "/api/v1/oauth/token";
    let media_type = "application/x-www-form-urlencoded";
    let plan = post(CLIENT_TOKEN, "the platform's own token", path, media_type, body);
    let sent = guide.send(plan, |exchange, answer| {
        exchange.expect(200, Some(JSON));
        exchange.check("token_type Bearer", answer["token_type"] == "Bearer");
    });
    text(&sent.await?, "/access_token")
}

async fn authorization_url(guide: &mut Guide, platform: &Platform<'_>) -> Result<String> {
    let base: String = form_urlencoded::byte_serialize(HUB.as_bytes()).collect();
    let plan = Plan {
        operation: "getOAuthAuthorizationUrl",
        about: "where a person connects an account",
        method: Method::GET,
        template: "/api/v1/connectors/{connectorId}/oauth/authorize",
        path: format!("/api/v1/connectors/{}/oauth/authorize?baseUrl={base}", platform.connector),
        headers: vec![("accept", JSON.to_owned()), ("authorization", platform.header())],
        body: None,
    };
    let sent = guide.send(plan, |exchange, answer| {
        exchange.expect(200, Some(JSON));
        exchange.check("success", answer["success"] == true);
        let url = answer["authorizationUrl"].as_str().unwrap_or_default();
        exchange.check("PKCE S256", url.contains("code_challenge_method=S256"));
        exchange.check("state a text", answer["state"].is_string());
    });
    text(&sent.await?, "/authorizationUrl")
}

/// What the person's browser does at the outside service.
async fn consent(guide: &mut Guide, url: &str) -> Result<String> {
    let plan = Plan {
        operation: OUTSIDE,
        about: "the person allows it there",
        method: Method::GET,
        template: "(the outside service)/authorize",
        path: url.to_owned(),
        headers: Vec::new(),
        body: None,
    };
    let mut back = None;
    guide
        .send(plan, |exchange, _| {
            exchange.expect(302, None);
            back = exchange.header("location").map(str::to_owned);
            exchange.check("sent back", back.is_some());
        })
        .await?;
    back.context("the outside service sends nobody back")
}

async fn callback(
    guide: &mut Guide,
    server: &ThrowAway,
    platform: &Platform<'_>,
    back: &str,
) -> Result<()> {
    let path = back.strip_prefix(server.issuer()).context("the callback is not ours")?;
    let plan = Plan {
        operation: "handleOAuthCallback",
        about: "connected, and back to the platform",
        method: Method::GET,
        template: "/connectors/oauth/callback/{connectorId}",
        path: path.to_owned(),
        headers: vec![("accept", "*/*".to_owned())],
        body: None,
    };
    let look = |exchange: &mut Exchange, _: &Value| {
        exchange.expect(302, None);
        let to = exchange.header("location").unwrap_or_default();
        let is_there = to.starts_with(HUB) && to.ends_with(platform.connector);
        exchange.check("the connector's page", is_there);
    };
    guide.send(plan, look).await.map(drop)
}

/// A token of the connection, and what else is checked of the answer.
async fn token(
    guide: &mut Guide,
    platform: &Platform<'_>,
    connection: &str,
    about: &'static str,
    wish: Value,
    look: impl FnOnce(&mut Exchange, &Value),
) -> Result<Value> {
    let path = format!("/v1/connections/{connection}/token");
    let mut plan = post(TOKEN, about, "/v1/connections/{connection}/token", JSON, wish.to_string());
    plan.path = path;
    plan.headers.push(("authorization", platform.header()));
    let sent = guide.send(plan, |exchange, answer| {
        exchange.expect(200, Some(JSON));
        exchange.check("access_token", answer["access_token"].is_string());
        exchange.check("no refresh token", answer.get("refresh_token").is_none());
        look(exchange, answer);
    });
    sent.await
}

/// The reply with the next refresh token gets lost; the caller notices nothing.
async fn heal(
    guide: &mut Guide,
    platform: &Platform<'_>,
    outside: &OutsideService,
    connection: &str,
    before: &Value,
) -> Result<()> {
    outside.lose_next_reply();
    let about = "a refresh whose reply gets lost";
    let wish = json!({ "rejected": before["fingerprint"] });
    token(guide, platform, connection, about, wish, |exchange, answer| {
        exchange.check("another token", answer["access_token"] != before["access_token"]);
        exchange.check("asked twice", outside.refreshes() == 2);
    })
    .await
    .map(drop)
}

async fn timeline(guide: &mut Guide, platform: &Platform<'_>, connection: &str) -> Result<()> {
    let plan = Plan {
        operation: TIMELINE,
        about: "what became of it",
        method: Method::GET,
        template: "/v1/connections/{connection}/timeline",
        path: format!("/v1/connections/{connection}/timeline"),
        headers: vec![("authorization", platform.header())],
        body: None,
    };
    let look = |exchange: &mut Exchange, answer: &Value| {
        exchange.expect(200, Some(JSON));
        let events = answer["items"].as_array().cloned().unwrap_or_default();
        let lost = |event: &Value| event["what"] == "failed" && event["class"] == "unanswered";
        exchange.check("the loss is told", events.iter().any(lost));
        let healed = |event: &Value| event["what"] == "refreshed";
        exchange.check("and healed", events.iter().any(healed));
    };
    guide.send(plan, look).await.map(drop)
}
