//! A connection's token where it is good: one read, and an audit row that is written with many others.

use std::fs;

use super::steady::{Subject, against_hello};
use crate::Outcome;
use crate::bench::Bench;
use crate::keyhaven::{Installation, connect_key, connection_token};
use crate::load::Source;
use crate::report::Row;

/// The first line of a file of collected members.
fn first(file: std::path::PathBuf) -> Outcome<String> {
    let text = fs::read_to_string(file)?;
    Ok(text.lines().next().ok_or("nothing was collected")?.to_owned())
}

/// The token call on a connection that needs no refresh.
pub(super) fn token(bench: &Bench) -> Outcome<Vec<Row>> {
    let installation = Installation::create(bench, None)?;
    let (operator, connector) = (installation.operator()?, installation.connector()?);
    let server = installation.serve(bench.server_core())?;
    let grant = operator.operator_grant();
    let bearer = first(server.collect(bench, grant, "access_token", 1)?)?;
    let connection = first(server.collect(bench, connect_key(&bearer, &connector), "id", 1)?)?;
    let request = connection_token(&bearer, &connection);
    let subject = Subject { server, request, source: Source::Fixed };
    against_hello(bench, "connection-token", &subject, 2.0)
}
