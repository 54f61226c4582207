//! What one client may take: bytes, fields, seconds, streams and connections (V13.1.2, V4.2).
//! Every number is a parameter, so a test can wait milliseconds for what takes seconds in service.

use std::time::Duration;

/// The limits of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first byte (or the opening of the connection) to the end of the header section.
    pub header_read: Duration,
    /// From the end of the header section to the end of the body.
    pub body_read: Duration,
    /// From the end of the header section to the answer; also for a client that reads no answer.
    pub request: Duration,
    /// Between two requests of one connection.
    pub idle: Duration,
    /// How long a refused client may finish sending, so that it reads the refusal and not a reset.
    pub linger: Duration,
    /// Bytes of the request target.
    pub target: usize,
    /// Bytes of all header fields.
    pub header: usize,
    /// Number of header fields.
    pub fields: usize,
    /// Bytes of a request body.
    pub body: usize,
    /// Bytes of a request body that is passed on while it arrives.
    pub passed_on: usize,
    /// How long such a body may take in all; between its pieces it has no longer than any other.
    pub passed_on_for: Duration,
    /// Open HTTP/2 streams of one connection.
    pub streams: u32,
    /// HTTP/2 streams a client may reset before we looked at them (rapid reset, CVE-2023-44487).
    pub early_resets: usize,
    /// HTTP/2 streams we may reset for a client's errors (RUSTSEC-2024-0003).
    pub error_resets: usize,
    /// Open connections.
    pub connections: usize,
    /// Open connections of one IPv4 address or IPv6 /64.
    pub connections_per_address: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_read: Duration::from_secs(5),
            body_read: Duration::from_secs(10),
            request: Duration::from_secs(15),
            idle: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            target: 16 * 1024,
            header: 16 * 1024,
            fields: 64,
            body: 64 * 1024,
            passed_on: 10 * 1024 * 1024,
            passed_on_for: Duration::from_secs(600),
            streams: 100,
            early_resets: 20,
            error_resets: 100,
            connections: 10_000,
            connections_per_address: 1_000,
        }
    }
}
