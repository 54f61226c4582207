//! Measures Keyhaven as ratios to floors that run on the same machine in the same minutes.
//!
//! Without a subcommand it runs the scenarios; `floor` and `load` are the processes it starts. It
//! judges no correctness beyond what keeps a failing server from looking fast.

mod bench;
mod cluster;
mod codes;
mod cpu;
mod fill;
mod floor;
mod histogram;
mod keyhaven;
mod lane;
mod load;
mod machine;
mod process;
mod report;
mod scenarios;
mod shuffle;
mod statistics;
mod wire;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::bench::{Bench, Options};
use self::machine::Machine;
use self::report::Row;

/// The bench only ever prints its errors and ends, so one boxed kind is enough.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Measures Keyhaven beside its floors.
#[derive(Parser)]
#[command(name = "keyhaven-bench", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    options: Options,
}

#[derive(Subcommand)]
enum Role {
    /// Run one floor alone.
    Floor {
        #[command(subcommand)]
        floor: floor::Floor,
    },
    /// Generate load as standard input says.
    Load,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ended = match cli.role {
        Some(Role::Floor { floor }) => floor::run(floor).map(|()| true),
        Some(Role::Load) => load::run().map(|()| true),
        None => run(cli.options),
    };
    match ended {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("keyhaven-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the chosen scenarios; `false` when one could not be measured. A missed goal is a result,
/// not a failure.
fn run(options: Options) -> Outcome<bool> {
    let chosen = scenarios::chosen(&options.only)?;
    if options.list {
        chosen.iter().for_each(|scenario| println!("{}", scenario.name));
        return Ok(true);
    }
    let bench = Bench::new(options)?;
    let machine = Machine::here();
    let mut rows: Vec<Row> = Vec::new();
    for scenario in chosen {
        eprintln!("measuring {}", scenario.name);
        rows.extend(scenario.rows(&bench));
    }
    if bench.options().json {
        println!("{}", report::json(&machine, bench.options(), &rows)?);
    } else {
        println!("{}\n\n{}", machine.line(), report::table(&rows, bench.options().markdown));
    }
    Ok(!rows.iter().any(Row::has_failed))
}
