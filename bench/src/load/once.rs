//! One request on a connection of its own, for measuring how soon a server answers at all.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::{Request, frame};
use crate::Outcome;

/// An answer: its header section and its body, as text.
pub(crate) struct Reply {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    /// The value of a header field.
    pub(crate) fn field(&self, name: &str) -> Outcome<&str> {
        let found = self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then_some(value.trim())
        });
        found.ok_or_else(|| format!("no {name} in {}", self.head).into())
    }

    /// The value of a field of a form in the page.
    pub(crate) fn value(&self, name: &str) -> Outcome<&str> {
        let after = self.body.split(&format!("name=\"{name}\" value=\"")).nth(1);
        let value = after.and_then(|rest| rest.split('"').next());
        value.ok_or_else(|| format!("the page has no field {name}").into())
    }
}

/// Sends `request` and checks its answer.
pub(crate) fn exchange_once(address: SocketAddr, request: &Request) -> Outcome<Reply> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let body = request.body.as_deref().unwrap_or_default();
    let length = match &request.body {
        None => String::new(),
        Some(body) => format!("Content-Length: {}\r\n", body.len()),
    };
    write!(stream, "{}{length}\r\n{body}", request.head)?;
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer)?;
        bytes.extend_from_slice(&buffer[..read]);
        if let Some(frame) = frame::parse(&bytes)? {
            let head = std::str::from_utf8(&bytes[..frame.body.start])?.to_owned();
            let body = std::str::from_utf8(&bytes[frame.body])?.to_owned();
            let good = frame.status == request.status && body.contains(&request.needs);
            if good {
                return Ok(Reply { head, body });
            }
            return Err(format!("{}: {body}", frame.status).into());
        }
        if read == 0 {
            return Err("the server closed the connection before it answered".into());
        }
    }
}
