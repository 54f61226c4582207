//! Authorization codes for a bench. The server itself gives one, as to a person at a browser; the
//! others are copies of its row under new ids. They live for a day, where real ones live for a minute.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use crate::Outcome;
use crate::bench::Bench;
use crate::fill::copy_codes;
use crate::keyhaven::{Client, Installation, Server};
use crate::shuffle::jostled;

/// A client that signs people in, whom nobody is asked about.
pub(crate) const SIGNS_IN: &[&str] = &[
    "--grant",
    "authorization_code",
    "--redirect-uri",
    "http://127.0.0.1/cb",
    "--scope",
    "openid",
    "--profile",
    "oidc-compat",
    "--token-alg",
    "ES256",
    "--id-token-alg",
    "ES256",
];

/// A person signed in at a server: the value of their cookie.
pub(crate) fn sign_in(installation: &Installation, server: &Server) -> Outcome<String> {
    let email = "bench@example.com";
    installation.member(email)?;
    let path = format!("/rpc/auth.callback?shared_token={}", installation.ticket(email)?);
    let answer = get(server.address, &path, "")?;
    let cookie = answer.lines().find_map(|line| line.split_once("gram_session=").map(|it| it.1));
    let value = cookie.and_then(|rest| rest.split(';').next());
    Ok(value.ok_or_else(|| format!("nobody was signed in: {answer}"))?.to_owned())
}

/// A code is redeemed moments after it was given, so codes come nearly in the order of their giving:
/// each is this many places off at most.
const NEAR: usize = 1_000;

/// Adds `rows` codes of `client` to a stopped installation and returns a file with them.
pub(crate) fn fill(
    bench: &Bench,
    installation: &Installation,
    client: &Client,
    rows: usize,
) -> Outcome<PathBuf> {
    let server = installation.serve(bench.server_core())?;
    let session = sign_in(installation, &server)?;
    let answer = get(server.address, &client.authorization(), &session)?;
    let code = answer.split_once("code=").and_then(|(_, rest)| rest.split(['&', '\r']).next());
    let code = code.ok_or_else(|| format!("no code was given: {answer}"))?.to_owned();
    server.stop()?;
    let codes = copy_codes(&installation.database_file()?, &code, rows)?;
    let file = bench.folder("codes-")?.join("codes");
    fs::write(&file, jostled(codes, NEAR).join("\n"))?;
    Ok(file)
}

/// The whole answer to a GET, head and body.
fn get(address: SocketAddr, path: &str, session: &str) -> Outcome<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let cookie = format!("Cookie: __Host-sid={session}\r\n");
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{cookie}Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
