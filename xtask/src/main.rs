//! `cargo xtask <verb>`: everything a day of work needs, one verb a file. CI calls the same verbs.
//!
//! No verb decides anything about the product; they only run tools and compare what comes out.

mod bench;
mod check;
mod fuzz;
mod generate;
mod house;
mod network;
mod phase;
mod postgres;
mod sdk;
mod setup;
mod shell;
mod shots;
mod test;

use std::process::ExitCode;

use shell::Failure;

/// One verb: what it is called, what it promises, and the file that keeps the promise.
struct Verb {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), Failure>,
}

const VERBS: &[Verb] = &[
    Verb { name: "setup", about: "install what the checks and tests need", run: setup::verb },
    Verb {
        name: "check",
        about: "format, lints, dependencies, house rules; `check lints` only one",
        run: check::verb,
    },
    Verb {
        name: "test",
        about: "all that CI runs; `test -- FILTER` only the Rust tests so named",
        run: test::verb,
    },
    Verb {
        name: "generate",
        about: "rewrite generated files; `generate --check` only compares",
        run: generate::verb,
    },
    Verb {
        name: "sdk",
        about: "rewrite the SDKs from sdks/openapi.json; `sdk --check` only compares, `sdk --changes BEFORE` tells what is new",
        run: sdk::verb,
    },
    Verb { name: "bench", about: "measure the release build beside its floors", run: bench::verb },
    Verb { name: "shots", about: "screenshots of every page into target/shots", run: shots::verb },
    Verb {
        name: "fuzz",
        about: "`fuzz [TARGET…] [--seconds N]`: the parsers of what strangers send",
        run: fuzz::verb,
    },
    Verb {
        name: "postgres",
        about: "`postgres -- COMMAND…` runs it beside a private PostgreSQL",
        run: postgres::verb,
    },
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let Some(name) = words.next() else {
        print!("{}", list());
        return ExitCode::SUCCESS;
    };
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        eprint!("there is no verb `{name}`\n\n{}", list());
        return ExitCode::FAILURE;
    };
    match (verb.run)(&words.collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_already_told() => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("cargo xtask {name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn list() -> String {
    VERBS.iter().fold("cargo xtask VERB\n\n".to_owned(), |list, Verb { name, about, .. }| {
        format!("{list}  {name:<10} {about}\n")
    })
}
