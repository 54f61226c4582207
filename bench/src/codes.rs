//! What signs people in, and a person who is signed in.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Outcome;
use crate::keyhaven::{Installation, Server};

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
