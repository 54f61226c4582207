//! How a value is read from text and shown again. Every kind of setting implements this one trait,
//! so file, environment and flags are read alike.

use std::net::SocketAddr;
use std::path::PathBuf;

use keyhaven_protocol::secret::Secret;

/// A value an operator can write.
pub trait Setting: Sized {
    /// How an array of the file becomes the text that [`Self::parse`] reads.
    const JOIN: fn(&[String]) -> String = by_commas;

    /// Reads the text; the error is a sentence that says what is expected.
    ///
    /// # Errors
    /// When the text is no such value.
    fn parse(text: &str) -> Result<Self, String>;
}

fn by_commas(items: &[String]) -> String {
    items.join(",")
}

impl Setting for String {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

impl Setting for PathBuf {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() { Err("expected a path".to_owned()) } else { Ok(Self::from(text)) }
    }
}

impl Setting for SocketAddr {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| "expected an address and port such as 127.0.0.1:8484".to_owned())
    }
}

impl Setting for Secret {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(Self::from(text))
    }
}
