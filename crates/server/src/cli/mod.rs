//! The command line. Without a command it serves, so that the first minute needs no words.
//!
//! Every verb is the same three steps: flags → a request to `/v1` → a print. With a data directory
//! the request is answered in this process, with `--url` by a running server.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use crate::api;
use crate::app::{Clock, Dice};
use crate::config::{Issuer, Loaded, Setting, Sources};

mod app;
mod audit;
mod budget;
mod caller;
mod client;
mod client_secret;
mod client_sign_in;
mod connection;
mod connector;
mod consent;
mod doctor;
mod explain;
mod factor;
mod grant;
mod group;
mod hints;
mod key;
mod member;
mod members;
mod names;
mod org;
mod print;
mod profile;
mod project;
mod reference;
mod refused;
mod rekey;
pub mod serve;
mod session;
mod settings;
mod sign_in_policy;
mod signing_key;
mod span;
mod ticket;
mod token;
mod tour;
mod upstream;
mod usage;
mod user;

use caller::{Beginning, Caller};
use print::Printer;

/// Issues, checks, renews and revokes every credential of a developer platform.
#[derive(Debug, Parser)]
#[command(name = "keyhaven", version, propagate_version = true)]
pub struct Cli {
    /// The directory of the instance [default: ./keyhaven-data].
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// A configuration file [default: keyhaven.toml in the data directory].
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Talk to this running server instead of the data directory [environment: KEYHAVEN_URL].
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// With --url: an access token with the scope keyhaven:admin [environment: KEYHAVEN_CREDENTIAL,
    /// or KEYHAVEN_CLIENT_ID and KEYHAVEN_CLIENT_SECRET].
    #[arg(long, global = true, value_name = "TOKEN", hide_env_values = true)]
    credential: Option<String>,
    /// Print one JSON document; errors too, on the error output.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Serve),
    /// Organizations: the tenants.
    #[command(subcommand)]
    Org(org::Org),
    /// Projects of an organization.
    #[command(subcommand)]
    Project(project::Project),
    /// Groups of an organization.
    #[command(subcommand)]
    Group(group::Group),
    /// People.
    #[command(subcommand)]
    User(user::User),
    /// Who is signed in.
    #[command(subcommand)]
    Session(session::Session),
    /// Sign-in tickets.
    #[command(subcommand)]
    Ticket(ticket::Ticket),
    /// How people sign in beside the password.
    #[command(subcommand)]
    Factor(factor::Factor),
    /// Other OpenID providers that people sign in with.
    #[command(subcommand)]
    Upstream(upstream::Upstream),
    /// What an organization asks of those who act in it.
    #[command(subcommand)]
    SignInPolicy(sign_in_policy::SignInPolicy),
    /// The domains of addresses that belong to an organization.
    #[command(subcommand)]
    Domain(sign_in_policy::Domain),
    /// Who belongs to an organization, or to one of its groups.
    #[command(subcommand)]
    Member(member::Member),
    /// OAuth clients.
    #[command(subcommand)]
    Client(client::Client),
    /// API keys of people and organizations.
    #[command(subcommand)]
    Key(key::Key),
    /// Apps that people gave keys to.
    #[command(subcommand)]
    App(app::App),
    /// What may be spent, at each level from the organization to the key.
    #[command(subcommand)]
    Budget(budget::Budget),
    /// What keys used, by day.
    Usage(usage::Usage),
    /// Providers, and the apps registered there.
    #[command(subcommand)]
    Connector(connector::Connector),
    /// Outside accounts' grants, kept fresh.
    #[command(subcommand)]
    Connection(connection::Connection),
    /// Seal everything again under the current master key, while the server runs.
    Rekey(rekey::Rekey),
    /// Access tokens.
    #[command(subcommand)]
    Token(token::Token),
    /// The revocation graph: who was given what.
    #[command(subcommand)]
    Grant(grant::Grant),
    /// What people let clients do.
    #[command(subcommand)]
    Consent(consent::Consent),
    /// The keys that sign access tokens.
    #[command(subcommand)]
    SigningKey(signing_key::SigningKey),
    /// What happened.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Why a request was refused: the exact rule, what it compared, and what to do.
    Explain(explain::Explain),
    /// Every operation against a throw-away server, with what goes over the wire.
    Tour,
    /// The settings, and where each value came from.
    Config,
    /// Look for what is wrong with this machine's instance.
    Doctor,
    /// Print the OpenAPI document of /v1.
    Openapi,
    /// Print a reference page.
    #[command(subcommand)]
    Reference(reference::Reference),
}

/// What only `main` may touch: the environment, the clock, the dice.
pub struct World {
    /// Environment variables.
    pub environment: Vec<(String, String)>,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub dice: Dice,
}

impl World {
    fn variable(&self, name: &str) -> Option<&str> {
        let found = self.environment.iter().find(|(known, _)| known == name);
        found.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())
    }
}

impl Cli {
    /// Reads the command line; what cannot be understood is told, and ends with 2.
    pub fn read() -> Result<Self, ExitCode> {
        Self::try_parse().map_err(|error| {
            let json = std::env::args_os().any(|word| word == "--json");
            if json && error.use_stderr() {
                Printer::of(true, false)
                    .error(&anyhow::anyhow!("{}", error.to_string().trim_end()));
            } else {
                // Nobody is left to tell when this fails.
                let _ = error.print();
            }
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        })
    }

    /// Carries the command out and says how it ended: 0 done, 1 not done.
    pub fn run(self, world: World) -> ExitCode {
        let printer = Printer::of(self.json, world.variable("NO_COLOR").is_none());
        match self.carry_out(world, &printer) {
            Ok(code) => code,
            Err(error) if reader_left(&error) => ExitCode::SUCCESS,
            Err(error) => {
                printer.error(&error);
                ExitCode::FAILURE
            }
        }
    }

    fn carry_out(mut self, world: World, printer: &Printer) -> Result<ExitCode> {
        let mut sources = Sources {
            file: self.config.take(),
            environment: world.environment.clone(),
            ..Sources::default()
        };
        if let Some(data) = &self.data {
            sources.flags.insert("data".into(), data.display().to_string());
        }
        let command =
            self.command.take().unwrap_or_else(|| Command::Serve(serve::Serve::default()));
        match command {
            Command::Serve(command) => {
                command.flags(&mut sources);
                serve::run(Loaded::read(&sources)?.config, world)?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Tour => on_runtime(tour::run(world, printer)),
            Command::Config => done(settings::run(&Loaded::read(&sources)?, printer)),
            Command::Doctor => {
                let config = Loaded::read(&sources)?.config;
                on_runtime(doctor::run(&config, &world, printer))
            }
            Command::Openapi => {
                done(printer.say(&format!("{:#}", api::document::in_order(&api::openapi()))))
            }
            Command::Reference(page) => done(page.run(printer)),
            Command::Token(verb) => {
                let verb = verb.read()?;
                on_runtime(self.ask(Command::Token(verb), &sources, world, printer))
            }
            asked => on_runtime(self.ask(asked, &sources, world, printer)),
        }
    }

    /// The commands that speak `/v1`.
    async fn ask(
        self,
        command: Command,
        sources: &Sources,
        world: World,
        printer: &Printer,
    ) -> Result<ExitCode> {
        let url = self.url.as_deref().or_else(|| world.variable("KEYHAVEN_URL")).map(String::from);
        let caller = match url {
            Some(url) => Caller::remote(&url, self.credential.as_deref(), &world).await?,
            None => {
                let mut config = Loaded::read(sources)?.config;
                config.issuer.0 = config.issuer.0.or_else(|| command.issuer());
                Caller::in_process(&config, command.beginning(), world).await?
            }
        };
        let spoken = command.speak(&caller, printer).await;
        caller.close().await;
        done(spoken)
    }
}

impl Command {
    /// Only what creates may begin an instance: a typing error in `--data` must not.
    const fn beginning(&self) -> Beginning {
        match self {
            Self::Org(org::Org::Create(_))
            | Self::User(user::User::Create(_))
            | Self::Client(client::Client::Create(_)) => Beginning::Allowed,
            _ => Beginning::Refused,
        }
    }

    /// A server on an issuer nobody configured may have been started on any port of this computer:
    /// what the token says decides which. Whether we signed it is checked all the same.
    fn issuer(&self) -> Option<Issuer> {
        match self {
            Self::Token(verb) => verb.issuer().and_then(|text| Issuer::parse(&text).ok()),
            _ => None,
        }
    }

    async fn speak(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::Token(verb) => verb.run(caller, printer).await,
            Self::Key(verb) => verb.run(caller, printer).await,
            Self::App(verb) => verb.run(caller, printer).await,
            Self::Budget(verb) => verb.run(caller, printer).await,
            Self::Usage(verb) => verb.run(caller, printer).await,
            Self::Grant(verb) => verb.run(caller, printer).await,
            Self::Consent(verb) => verb.run(caller, printer).await,
            Self::SigningKey(verb) => verb.run(caller, printer).await,
            Self::Explain(verb) => verb.run(caller, printer).await,
            Self::Serve(_)
            | Self::Tour
            | Self::Config
            | Self::Doctor
            | Self::Openapi
            | Self::Reference(_) => Ok(()),
            Self::Org(verb) => verb.run(caller, printer).await,
            Self::Project(verb) => verb.run(caller, printer).await,
            Self::Group(verb) => verb.run(caller, printer).await,
            Self::User(verb) => verb.run(caller, printer).await,
            Self::Factor(verb) => verb.run(caller, printer).await,
            Self::Upstream(verb) => verb.run(caller, printer).await,
            Self::SignInPolicy(verb) => verb.run(caller, printer).await,
            Self::Domain(verb) => verb.run(caller, printer).await,
            Self::Member(verb) => verb.run(caller, printer).await,
            Self::Session(verb) => verb.run(caller, printer).await,
            Self::Ticket(verb) => verb.run(caller, printer).await,
            Self::Client(verb) => verb.run(caller, printer).await,
            Self::Connector(verb) => verb.run(caller, printer).await,
            Self::Connection(verb) => verb.run(caller, printer).await,
            Self::Rekey(verb) => verb.run(caller, printer).await,
            Self::Audit(verb) => verb.run(caller, printer).await,
        }
    }
}

fn done(outcome: Result<()>) -> Result<ExitCode> {
    outcome.map(|()| ExitCode::SUCCESS)
}

fn on_runtime<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_all().build();
    runtime.context("the runtime does not start")?.block_on(work)
}

/// Whoever read our output has seen enough, as in `keyhaven audit list | head`.
fn reader_left(error: &anyhow::Error) -> bool {
    let is = |cause: &io::Error| cause.kind() == io::ErrorKind::BrokenPipe;
    error.downcast_ref::<io::Error>().is_some_and(is)
}
