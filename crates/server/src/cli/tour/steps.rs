//! The stops of the tour: each operation as its family's own client sends it, and what its contract
//! says of the answer.

use anyhow::{Context, Result};
use axum::http::Method;
use serde_json::{Value, json};

use super::connection_steps::OUTSIDE;
use super::exchange::{Exchange, Plan};
use super::guide::Guide;
use super::outside_service::OutsideService;
use super::server::{ThrowAway, Visitor};
use super::{connection_steps, key_steps, session_steps};

/// Our own operations between theirs, to see what they did.
pub(super) const CHECK: &str = "check";
pub(super) const TOKEN: &str = "token";
pub(super) const TIMELINE: &str = "timeline";
pub(super) const CLIENT_TOKEN: &str = "client token";

/// Stops that are no operation of a family.
pub(super) const BETWEEN: [&str; 5] = [CHECK, CLIENT_TOKEN, TOKEN, TIMELINE, OUTSIDE];

pub(super) const JSON: &str = "application/json";
const JSON_API: &str = "application/vnd.api+json";
const SCOPE: &str = "/accounts.read /ping.read";

pub(super) async fn walk(
    guide: &mut Guide,
    server: &ThrowAway,
    visitor: &Visitor,
    outside: &OutsideService,
) -> Result<()> {
    session_steps::walk(guide, visitor).await?;
    let refresh = create_auth_token(guide, visitor).await?;
    let (access, refresh) = refresh_auth_token(guide, visitor, &refresh).await?;
    check_alive(guide, visitor, &access).await?;
    revoke_auth_token(guide, visitor, &refresh).await?;
    check_dead(guide, &access).await?;
    let (id, access) = create_token(guide, visitor).await?;
    fetch_token_groups(guide, visitor, &id, &access).await?;
    fetch_token_organization(guide, visitor, &id, &access).await?;
    key_steps::walk(guide, visitor).await?;
    connection_steps::walk(guide, server, visitor, outside).await
}

/// A POST of a JSON document.
pub(super) fn post(
    operation: &'static str,
    about: &'static str,
    path: &'static str,
    media_type: &str,
    body: String,
) -> Plan {
    Plan {
        operation,
        about,
        method: Method::POST,
        template: path,
        path: path.to_owned(),
        headers: vec![("content-type", media_type.to_owned())],
        body: Some(body),
    }
}

/// JSON in the order written here, as the published clients send it.
pub(super) fn object(members: &[(&str, &str)]) -> String {
    let members: Vec<String> =
        members.iter().map(|(name, value)| format!("{}:{}", json!(name), json!(value))).collect();
    format!("{{{}}}", members.join(","))
}

/// An id as this family writes it: `[0-9a-z]+`.
fn plain(id: &str) -> String {
    id.replace('-', "")
}

pub(super) fn text(document: &Value, pointer: &str) -> Result<String> {
    let found = document.pointer(pointer).and_then(Value::as_str);
    Ok(found.with_context(|| format!("the answer has no {pointer}"))?.to_owned())
}

async fn create_auth_token(guide: &mut Guide, visitor: &Visitor) -> Result<String> {
    let body = object(&[
        ("grant_type", "client_credentials"),
        ("client_id", &visitor.client_id),
        ("client_secret", &visitor.client_secret),
        ("scope", SCOPE),
    ]);
    let about = "a token for a program";
    let plan = post("createAuthToken", about, "/oauth2/token", JSON, body);
    let now = guide.now();
    let document = guide.send(plan, |exchange, answer| token_answer(exchange, answer, now)).await?;
    text(&document, "/refresh_token")
}

async fn refresh_auth_token(
    guide: &mut Guide,
    visitor: &Visitor,
    refresh: &str,
) -> Result<(String, String)> {
    let body = object(&[
        ("grant_type", "refresh_token"),
        ("client_id", &visitor.client_id),
        ("client_secret", &visitor.client_secret),
        ("scope", SCOPE),
        ("refresh_token", refresh),
    ]);
    let about = "the next one, by its refresh token";
    let plan = post("createAuthToken", about, "/oauth2/token", JSON, body);
    let now = guide.now();
    let document = guide.send(plan, |exchange, answer| {
        token_answer(exchange, answer, now);
        exchange.check("the refresh token rotated", answer["refresh_token"] != refresh);
    });
    let document = document.await?;
    Ok((text(&document, "/access_token")?, text(&document, "/refresh_token")?))
}

/// What the family's parser demands (`contracts/oauth-tokens.md`).
fn token_answer(exchange: &mut Exchange, answer: &Value, now: i64) {
    exchange.expect(200, Some(JSON));
    exchange.check("token_type jwt", answer["token_type"] == "jwt");
    exchange.check("scope as asked", answer["scope"] == SCOPE);
    let expires = answer["expires_in"].as_i64();
    exchange.check("expires_in is a moment to come", expires.is_some_and(|at| at > now));
    let both = answer["access_token"].is_string() && answer["refresh_token"].is_string();
    exchange.check("both tokens", both);
}

async fn check_alive(guide: &mut Guide, visitor: &Visitor, access: &str) -> Result<()> {
    let body = object(&[("credential", access)]);
    let plan = post(CHECK, "the API behind asks: whose is it?", "/v1/check", JSON, body);
    guide
        .send(plan, |exchange, answer| {
            exchange.expect(200, Some(JSON));
            exchange.check("active", answer["active"] == true);
            exchange.check("its client", answer["client_id"] == visitor.client_id.as_str());
            exchange.check("its tenant", answer["organization"] == visitor.organization.as_str());
        })
        .await
        .map(drop)
}

async fn revoke_auth_token(guide: &mut Guide, visitor: &Visitor, refresh: &str) -> Result<()> {
    let body = object(&[
        ("token", refresh),
        ("token_type_hint", "refresh_token"),
        ("client_id", &visitor.client_id),
        ("client_secret", &visitor.client_secret),
    ]);
    let about = "takes back the refresh token";
    let plan = post("revokeAuthToken", about, "/oauth2/revoke", JSON, body);
    guide.send(plan, |exchange, _| exchange.expect(204, None)).await.map(drop)
}

async fn check_dead(guide: &mut Guide, access: &str) -> Result<()> {
    let body = object(&[("credential", access)]);
    let about = "and with it all that came from it";
    let plan = post(CHECK, about, "/v1/check", JSON, body);
    guide
        .send(plan, |exchange, answer| {
            exchange.expect(401, Some("application/problem+json"));
            exchange.check("reason invalid_token", answer["reason"] == "invalid_token");
            exchange.check("a code to explain it by", answer["code"].is_string());
        })
        .await
        .map(drop)
}

async fn create_token(guide: &mut Guide, visitor: &Visitor) -> Result<(String, String)> {
    let attributes = object(&[
        ("client_id", &visitor.client_id),
        ("client_secret", &visitor.client_secret),
        ("grant_type", "client_credentials"),
    ]);
    let body = format!("{{\"data\":{{\"attributes\":{attributes},\"type\":\"token\"}}}}");
    let about = "the same core as JSON:API";
    let path = "/pub/oauth/token?include=groups";
    let plan = post("CreateToken", about, path, JSON_API, body);
    let document = guide.send(plan, |exchange, answer| {
        exchange.expect(201, Some(JSON_API));
        exchange.check("data.type token", answer.pointer("/data/type") == Some(&json!("token")));
        let kind = answer.pointer("/data/attributes/token_type");
        exchange.check("token_type bearer", kind == Some(&json!("bearer")));
        let group = answer.pointer("/included/0/id").and_then(Value::as_str);
        exchange.check("its group included", group == Some(plain(&visitor.group).as_str()));
    });
    let document = document.await?;
    Ok((text(&document, "/data/id")?, text(&document, "/data/attributes/access_token")?))
}

async fn fetch_token_groups(
    guide: &mut Guide,
    visitor: &Visitor,
    id: &str,
    access: &str,
) -> Result<()> {
    let plan = Plan {
        operation: "FetchTokenGroups",
        about: "the groups of the token's client",
        method: Method::GET,
        template: "/pub/oauth/token/{id}/groups",
        path: format!("/pub/oauth/token/{id}/groups"),
        headers: vec![("authorization", format!("Bearer {access}"))],
        body: None,
    };
    guide
        .send(plan, |exchange, answer| {
            exchange.expect(200, Some(JSON_API));
            exchange.check("one group", answer.pointer("/meta/count") == Some(&json!(1)));
            let group = answer.pointer("/data/0/id").and_then(Value::as_str);
            exchange.check("the client's", group == Some(plain(&visitor.group).as_str()));
        })
        .await
        .map(drop)
}

async fn fetch_token_organization(
    guide: &mut Guide,
    visitor: &Visitor,
    id: &str,
    access: &str,
) -> Result<()> {
    let plan = Plan {
        operation: "FetchTokenOrganization",
        about: "the tenant it acts in",
        method: Method::GET,
        template: "/pub/oauth/token/{id}/organization",
        path: format!("/pub/oauth/token/{id}/organization"),
        headers: vec![("authorization", format!("Bearer {access}"))],
        body: None,
    };
    guide
        .send(plan, |exchange, answer| {
            exchange.expect(200, Some(JSON_API));
            let kind = answer.pointer("/data/type");
            exchange.check("type organization", kind == Some(&json!("organization")));
            let organization = answer.pointer("/data/id").and_then(Value::as_str);
            let wanted = plain(&visitor.organization);
            exchange.check("the client's", organization == Some(wanted.as_str()));
        })
        .await
        .map(drop)
}
