//! `keyhaven serve`: the server, from its first line to a clean stop.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use keyhaven_protocol::secret::Secret;

use super::World;
use crate::boot::{self, FirstClient};
use crate::config::{Config, Sources};
use crate::http::operator::{self, Operator};
use crate::http::stop::Stop;
use crate::http::turned_away::problem;
use crate::operations::accounts::first_run_code;
use crate::serve::{self, Served, Signals};
use crate::telemetry::logs::Logs;
use crate::telemetry::metrics::Metrics;
use crate::{certificates, jobs, routes};

/// How long the readiness check may take.
const READY_WITHIN: Duration = Duration::from_secs(2);

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
    let metrics = Metrics::new().context("metrics")?;
    let clock = world.clock.clone();
    let logs = Logs {
        format: config.log_format,
        level: config.log_level,
        clock: Arc::new(move || clock.millis()),
        dropped: metrics.dropped_lines(),
    };
    let flush = logs.install().context("logs")?;
    let runtime = builder.enable_all().build().context("the runtime does not start")?;
    let outcome = runtime.block_on(serve(config, world, metrics));
    drop(flush);
    outcome
}

async fn serve(config: Config, world: World, metrics: Metrics) -> Result<()> {
    let signals = Signals::new().context("signals")?;
    let tls = certificates::of_listener(&config)?;
    let bound = serve::bind(&config).await?;
    let issuer = config.issuer_for(bound.public_address).as_str().to_owned();
    let seed = world.dice.bytes();
    let node = boot::open(&config, issuer.clone(), world.clock, world.dice).await?;
    let app = node.app;
    boot::announce(&app, &config);
    let first = boot::first_run(&app).await?;
    let welcome = first_run_code(&app, &boot::origin()).await?;
    let stop = Stop::new();
    let mut jobs = jobs::start(&app, node.refusals, &metrics, &stop);
    let served = Served {
        routes: routes::public(app.clone()),
        operator: operator::routes(Operator {
            check: routes::readiness(app.clone()),
            deadline: READY_WITHIN,
            metrics: metrics.clone(),
            stop: stop.clone(),
        }),
        render: problem,
        metrics,
        seed,
        tls,
    };
    let engine = app.store.engine().name();
    greet(&issuer, &config, engine, first.as_ref(), welcome.as_ref());
    let ended = serve::serve(bound, &config, served, &stop, signals.drive(stop.clone())).await;
    tracing::info!(?ended, "stopped serving");
    stop.ask();
    while jobs.join_next().await.is_some() {}
    app.store.engine().close().await.context("the database did not close cleanly")
}

/// The first lines a newcomer sees. Nobody may be reading: that is no reason not to serve.
fn greet(
    issuer: &str,
    config: &Config,
    engine: &str,
    first: Option<&FirstClient>,
    welcome: Option<&Secret>,
) {
    let engine = if engine == "sqlite" { "SQLite" } else { "PostgreSQL" };
    let run = if first.is_some() { "   first run: created" } else { "" };
    let (version, data) = (env!("CARGO_PKG_VERSION"), config.data.display());
    let mut text = format!("keyhaven {version}   {issuer}      data {data} ({engine}){run}\n");
    if let Some(code) = welcome {
        let once = "(opens once, makes the first administrator)";
        text += &format!("  sign in        {issuer}/welcome#{}      {once}\n", code.reveal());
    }
    if let Some(client) = first {
        let (id, secret) = (client.id, client.secret.reveal());
        let form = "-d grant_type=client_credentials";
        text += &format!("  a first token  curl -u {id}:{secret} {issuer}/oauth2/token {form}\n");
    }
    text += "  the tour       keyhaven tour      every operation, with what goes over the wire\n";
    text += &format!("  the reference  {issuer}/docs\n");
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use crate::cli::Cli;
    use crate::config::{Config, FLAGS};

    #[test]
    fn the_settings_that_are_said_to_be_flags_are_flags() {
        let mut cli = Cli::command();
        cli.build();
        let serve = cli.find_subcommand("serve").unwrap();
        let is_flag = |key: &str| {
            let long = key.replace('_', "-");
            serve.get_arguments().any(|argument| argument.get_long() == Some(&long))
        };
        let flags: Vec<&str> =
            Config::KEYS.iter().map(|key| key.name).filter(|key| is_flag(key)).collect();
        assert_eq!(flags, FLAGS);
    }
}
