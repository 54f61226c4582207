//! Floors: the least a server of a kind can do on this machine, measured in the same run.
//!
//! H answers a constant, J signs one token, W makes raw rows durable, and the PostgreSQL floor
//! inserts once per request; for people there are a body of a given size and one argon2id hash. They share no code with Keyhaven, on purpose.

mod argon;
mod body;
mod hello;
mod jwt;
mod postgres;
mod rows;

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use axum::Router;
use clap::Subcommand;

use crate::Outcome;
use crate::wire;

/// Which floor to run. HTTP floors print their address and serve until standard input ends; row
/// floors obey orders from standard input.
#[derive(Debug, Subcommand)]
pub(crate) enum Floor {
    /// Bare axum answering a constant.
    H,
    /// The same server; the loader sends it a form by POST.
    HPost,
    /// axum, a form and one ES256 JWT through serde.
    J,
    /// axum, a form and one EdDSA JWT through serde.
    JEddsa,
    /// Bare axum answering a body that is in a file.
    Body {
        /// Where it is.
        #[arg(long)]
        file: PathBuf,
    },
    /// The same body, encoded from its JSON value for every answer.
    EncodedBody {
        /// Where it is.
        #[arg(long)]
        file: PathBuf,
    },
    /// axum and one argon2id hash at the server's cost.
    Argon2id,
    /// Raw durable appends through one SQLite writer with group commit.
    WAppend(rows::Options),
    /// Raw durable compare-and-set updates through the same writer.
    WUpdate(rows::Options),
    /// axum and one PostgreSQL insert per request.
    Postgres {
        /// Where the database is.
        #[arg(long)]
        database: String,
        /// How many connections share the requests.
        #[arg(long, default_value_t = 32)]
        connections: usize,
    },
}

impl Floor {
    /// The word that starts this floor, and the directory or database it needs.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let rows = |word: &str, options: &rows::Options| {
            let mut all = vec![word.to_owned(), "--file".to_owned()];
            all.push(options.file.display().to_string());
            all.extend(["--rows".to_owned(), options.rows.to_string()]);
            all
        };
        let in_file = |word: &str, file: &Path| {
            [word, "--file", &file.display().to_string()].map(str::to_owned).to_vec()
        };
        match self {
            Self::H => vec!["h".to_owned()],
            Self::HPost => vec!["h-post".to_owned()],
            Self::J => vec!["j".to_owned()],
            Self::JEddsa => vec!["j-eddsa".to_owned()],
            Self::Body { file } => in_file("body", file),
            Self::EncodedBody { file } => in_file("encoded-body", file),
            Self::Argon2id => vec!["argon2id".to_owned()],
            Self::WAppend(options) => rows("w-append", options),
            Self::WUpdate(options) => rows("w-update", options),
            Self::Postgres { database, connections } => {
                let connections = connections.to_string();
                ["postgres", "--database", database, "--connections", &connections]
                    .map(str::to_owned)
                    .to_vec()
            }
        }
    }

    pub(crate) fn append(file: PathBuf) -> Self {
        Self::WAppend(rows::Options { file, rows: 0, callers: rows::CALLERS })
    }

    pub(crate) fn update(file: PathBuf, rows: usize) -> Self {
        Self::WUpdate(rows::Options { file, rows, callers: rows::CALLERS })
    }
}

/// Runs the floor in this process.
pub(crate) fn run(floor: Floor) -> Outcome<()> {
    match floor {
        Floor::H | Floor::HPost => serve(async { Ok(hello::router()) }),
        Floor::J => serve(async { jwt::router(&jwt::Algorithm::Es256) }),
        Floor::JEddsa => serve(async { jwt::router(&jwt::Algorithm::EdDsa) }),
        Floor::Body { file } => serve(async move { body::constant(&file) }),
        Floor::EncodedBody { file } => serve(async move { body::encoded(&file) }),
        Floor::Argon2id => serve(async { Ok(argon::router()) }),
        Floor::WAppend(options) => rows::run(&options, rows::Kind::Append),
        Floor::WUpdate(options) => rows::run(&options, rows::Kind::Update),
        Floor::Postgres { database, connections } => {
            serve(async move { postgres::router(&database, connections).await })
        }
    }
}

/// Serves `router` on a free port with the same runtime the server uses.
fn serve(router: impl Future<Output = Outcome<Router>>) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
    let address: SocketAddr = listener.local_addr()?;
    let router = runtime.block_on(router)?;
    let _serving = runtime.spawn(async move { axum::serve(listener, router).await });
    wire::say(&address)?;
    wire::wait_for_end();
    runtime.shutdown_background();
    Ok(())
}
