//! The command line. Without a command it serves, so that the first minute needs no words.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::app::{Clock, Dice};
use crate::config::{Loaded, Sources};

pub mod serve;

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
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Serve),
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

impl Cli {
    /// Carries the command out.
    pub fn run(self, world: World) -> Result<()> {
        let mut sources = Sources {
            file: self.config,
            environment: world.environment.clone(),
            ..Sources::default()
        };
        if let Some(data) = &self.data {
            sources.flags.insert("data".into(), data.display().to_string());
        }
        match self.command.unwrap_or_else(|| Command::Serve(serve::Serve::default())) {
            Command::Serve(command) => {
                command.flags(&mut sources);
                serve::run(Loaded::read(&sources)?.config, world)
            }
        }
    }
}
