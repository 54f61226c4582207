//! `keyhaven serve`: the server, from its first line to a clean stop.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use clap::Args;

use super::World;
use crate::boot::{self, FirstClient};
use crate::config::{Config, Sources};
use crate::{jobs, routes};

/// Flags of `serve`; each overrides the setting of the same name.
#[derive(Debug, Default, Args)]
pub struct Serve {
    /// The address of the public listener.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// The address of the operator listener (health, readiness, metrics).
    #[arg(long, value_name = "ADDR")]
    operator_listen: Option<SocketAddr>,
    /// The URL clients know this server by.
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// A PostgreSQL URL; without it, SQLite in the data directory.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
}

impl Serve {
    pub(super) fn flags(&self, sources: &mut Sources) {
        let texts = [
            ("listen", self.listen.map(|address| address.to_string())),
            ("operator_listen", self.operator_listen.map(|address| address.to_string())),
            ("issuer", self.issuer.clone()),
            ("database", self.database.clone()),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                sources.flags.insert(key.to_owned(), text);
            }
        }
    }
}

pub(super) fn run(config: Config, world: World) -> Result<()> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if config.worker_threads.0 > 0 {
        builder.worker_threads(config.worker_threads.0);
    }
    let runtime = builder.enable_all().build().context("the runtime does not start")?;
    runtime.block_on(serve(config, world))
}

async fn serve(config: Config, world: World) -> Result<()> {
    let listener = tokio::net::TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let bound = listener.local_addr()?;
    let issuer = config.issuer_for(bound).as_str().to_owned();
    let node = boot::open(&config, issuer.clone(), world.clock, world.dice).await?;
    let first = boot::first_run(&node.app, &config).await?;
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let mut jobs = jobs::start(&node.app, node.refusals, &stopping);
    greet(&issuer, &config, node.app.store.engine().name(), first.as_ref());
    axum::serve(listener, routes::public(node.app.clone())).await?;
    let _ = stop.send(true);
    while jobs.join_next().await.is_some() {}
    node.app.store.engine().close().await?;
    Ok(())
}

/// The first lines a newcomer sees.
#[expect(clippy::print_stdout, reason = "this is what the command prints")]
fn greet(issuer: &str, config: &Config, engine: &str, first: Option<&FirstClient>) {
    let engine = if engine == "sqlite" { "SQLite" } else { "PostgreSQL" };
    let run = if first.is_some() { "   first run: created" } else { "" };
    println!(
        "keyhaven {}   {issuer}      data {} ({engine}){run}",
        env!("CARGO_PKG_VERSION"),
        config.data.display()
    );
    if let Some(client) = first {
        let (id, secret) = (client.id, client.secret.reveal());
        println!(
            "  a first token  curl -u {id}:{secret} {issuer}/oauth2/token -d grant_type=client_credentials"
        );
    }
}
