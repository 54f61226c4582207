//! Handing letters in by SMTP (RFC 5321), with TLS by rustls.

use std::time::Duration;

use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::{Smtp, Unsent};

/// For one whole exchange. Shorter than a node keeps a letter to itself.
const DEADLINE: Duration = Duration::from_secs(20);

/// A mail server that takes letters from us.
pub(super) struct Courier(AsyncSmtpTransport<Tokio1Executor>);

impl Courier {
    pub(super) fn new(smtp: &Smtp) -> anyhow::Result<Self> {
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(smtp.0.reveal())?;
        Ok(Self(transport.timeout(Some(DEADLINE)).build()))
    }

    pub(super) async fn send(&self, message: Message) -> Result<(), Unsent> {
        match tokio::time::timeout(DEADLINE, self.0.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_permanent() => Err(Unsent::Never(error.to_string())),
            Ok(Err(error)) => Err(Unsent::Later(error.to_string())),
            Err(_) => Err(Unsent::Later("the mail server took too long".to_owned())),
        }
    }
}
