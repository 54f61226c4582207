//! `cargo xtask <verb>`: everything a day of work needs, one verb a file. CI calls the same verbs.
//!
//! No verb decides anything about the product; they only run tools and compare what comes out.

mod postgres;
mod shell;

use std::process::ExitCode;

use shell::Failure;

/// One verb: what it is called, what it promises, and the file that keeps the promise.
struct Verb {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

const VERBS: &[Verb] = &[Verb {
    name: "postgres",
    about: "-- COMMAND…  run a command beside a private PostgreSQL",
    run: postgres::verb,
}];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let Some(name) = words.next() else {
        list();
        return ExitCode::SUCCESS;
    };
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        eprintln!("there is no verb `{name}`; these exist:\n");
        list();
        return ExitCode::FAILURE;
    };
    match (verb.run)(&words.collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("cargo xtask {name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn list() {
    println!("cargo xtask VERB\n");
    for verb in VERBS {
        println!("  {:<10} {}", verb.name, verb.about);
    }
}
