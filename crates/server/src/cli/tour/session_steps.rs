//! The stops at the sessions: a person whom the platform knows is signed in by a ticket, is told who
//! they are, works for another organization, and signs out.

use anyhow::{Context, Result};
use axum::http::Method;
use serde_json::Value;

use super::exchange::{Exchange, Plan};
use super::guide::Guide;
use super::server::Visitor;
use super::steps::JSON;

pub(super) async fn walk(guide: &mut Guide, visitor: &Visitor) -> Result<()> {
    let session = callback(guide, visitor).await?;
    info(guide, &session, &visitor.organization, "who is it, and what is theirs").await?;
    switch_scopes(guide, &session, visitor).await?;
    info(guide, &session, &visitor.other_organization, "the same session, elsewhere").await?;
    logout(guide, &session).await?;
    refused(guide, &session).await
}

fn plan(
    operation: &'static str,
    about: &'static str,
    method: Method,
    template: &'static str,
    query: &str,
    session: Option<&str>,
) -> Plan {
    let headers = session.map(|session| ("gram-session", session.to_owned()));
    Plan {
        operation,
        about,
        method,
        template,
        path: format!("{template}{query}"),
        headers: headers.into_iter().collect(),
        body: None,
    }
}

async fn callback(guide: &mut Guide, visitor: &Visitor) -> Result<String> {
    let query = format!("?shared_token={}", visitor.ticket);
    let about = "a person, by a ticket that works once";
    let plan = plan("auth.callback", about, Method::GET, "/rpc/auth.callback", &query, None);
    let mut session = None;
    guide
        .send(plan, |exchange, _| {
            exchange.expect(307, None);
            exchange.check("location", exchange.header("location").is_some());
            session = exchange.header("gram-session").map(str::to_owned);
            exchange.check("gram-session", session.is_some());
        })
        .await?;
    session.context("the answer has no gram-session")
}

async fn info(
    guide: &mut Guide,
    session: &str,
    organization: &str,
    about: &'static str,
) -> Result<()> {
    let plan = plan("auth.info", about, Method::GET, "/rpc/auth.info", "", Some(session));
    let look = |exchange: &mut Exchange, answer: &Value| {
        exchange.expect(200, Some(JSON));
        exchange.check("the organization", answer["active_organization_id"] == organization);
        let both = answer["organizations"].as_array().is_some_and(|all| all.len() == 2);
        exchange.check("both organizations", both);
        let id = &answer["organizations"][0];
        exchange.check("older and newer names", id["organization_id"] == id["id"]);
    };
    guide.send(plan, look).await.map(drop)
}

async fn switch_scopes(guide: &mut Guide, session: &str, visitor: &Visitor) -> Result<()> {
    let query = format!("?organization_id={}", visitor.other_organization);
    let about = "from now on for another organization";
    let path = "/rpc/auth.switchScopes";
    let plan = plan("auth.switchScopes", about, Method::POST, path, &query, Some(session));
    let look = |exchange: &mut Exchange, _: &Value| {
        exchange.expect(200, None);
        exchange.check("the token stays", exchange.header("gram-session") == Some(session));
    };
    guide.send(plan, look).await.map(drop)
}

async fn logout(guide: &mut Guide, session: &str) -> Result<()> {
    let path = "/rpc/auth.logout";
    let plan = plan("auth.logout", "signs out", Method::POST, path, "", Some(session));
    guide.send(plan, |exchange, _| exchange.expect(200, None)).await.map(drop)
}

async fn refused(guide: &mut Guide, session: &str) -> Result<()> {
    let about = "and the session is dead";
    let plan = plan("auth.info", about, Method::GET, "/rpc/auth.info", "", Some(session));
    let look = |exchange: &mut Exchange, answer: &Value| {
        exchange.expect(401, Some(JSON));
        exchange.check("its error's name", answer["name"] == "unauthorized");
    };
    guide.send(plan, look).await.map(drop)
}
