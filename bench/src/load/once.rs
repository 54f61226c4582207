//! One request on a connection of its own, for measuring how soon a server answers at all.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{Request, frame};
use crate::Outcome;

/// Sends `request` and checks its answer.
pub(crate) fn exchange_once(address: SocketAddr, request: &Request) -> Outcome<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let body = request.body.as_deref().unwrap_or_default();
    write!(stream, "{}Content-Length: {}\r\n\r\n{body}", request.head, body.len())?;
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..read]);
        if let Some(frame) = frame::parse(&bytes)? {
            let body = std::str::from_utf8(&bytes[frame.body])?;
            let good = frame.status == request.status && body.contains(&request.needs);
            return if good { Ok(()) } else { Err(format!("{}: {body}", frame.status).into()) };
        }
        if read == 0 {
            return Err("the server closed the connection before it answered".into());
        }
    }
}
