//! Making connections: TLS by rustls, the session settings our promises rest on, and a pause
//! after a failed try, so that a dead server is answered `Busy` at once and not stormed when it
//! comes back.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::Failure;
use super::link::Link;
use crate::Error;

/// Knows the way to the server.
pub(super) struct Connector {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    deadline: Duration,
    /// One try at a time; how many have failed in a row.
    failures: Mutex<u32>,
    /// Whether to wait before the next try.
    pausing: Arc<AtomicBool>,
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Reads only; a write is refused by the server.
    Read,
    /// Transactions.
    Write,
    /// Batches of appends: waits little for locks, since everyone behind waits too.
    Append,
}

impl Connector {
    /// Reads the URL. Errors never quote it.
    pub(super) fn new(url: &str, deadline: Duration) -> Result<Self, Error> {
        let mut config: Config = driver_url(url).parse().map_err(|_| Error::broken(UNREADABLE))?;
        if config.get_application_name().is_none() {
            config.application_name("keyhaven");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(deadline * 2 / 3);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(deadline * 2);
        }
        if config.get_hosts().len() > 1 {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        if config.get_ssl_mode() == SslMode::Prefer && config.get_hosts().iter().all(is_local) {
            config.ssl_mode(SslMode::Disable);
        }
        let tls = (config.get_ssl_mode() != SslMode::Disable).then(tls).transpose()?;
        Ok(Self { config, tls, deadline, failures: Mutex::default(), pausing: Arc::default() })
    }

    /// A connection with our session settings. One try at a time; while the server does not let
    /// us in, further tries fail at once until a growing pause has passed.
    pub(super) async fn link(&self, access: Access) -> Result<Link, Failure> {
        let mut failures = self.failures.lock().await;
        if self.pausing.load(Ordering::Acquire) {
            return Err(Failure::lost("the database cannot be reached; trying again shortly"));
        }
        match self.try_link(access).await {
            Ok(link) => {
                *failures = 0;
                Ok(link)
            }
            Err(failure) => {
                tracing::warn!(error = %failure.error, "no connection to the database");
                self.pause(FIRST_PAUSE * 2_u32.pow((*failures).min(3)));
                *failures += 1;
                Err(failure)
            }
        }
    }

    fn pause(&self, wait: Duration) {
        self.pausing.store(true, Ordering::Release);
        let pausing = Arc::clone(&self.pausing);
        tokio::spawn(async move {
            sleep(wait).await;
            pausing.store(false, Ordering::Release);
        });
    }

    /// A bare connection, for migrations.
    pub(super) async fn client(&self) -> Result<(Client, AbortHandle), Failure> {
        let failed = |error: tokio_postgres::Error| Failure::new("connecting", &error);
        let late = |_| Failure::lost("connecting: no answer in time");
        let limit = self.deadline * 2 / 3;
        match &self.tls {
            None => {
                let connected = timeout(limit, self.config.connect(NoTls)).await.map_err(late)?;
                let (client, connection) = connected.map_err(failed)?;
                Ok((client, tokio::spawn(drive(connection)).abort_handle()))
            }
            Some(tls) => {
                let connecting = Box::pin(self.config.connect(tls.clone()));
                let connected = timeout(limit, connecting).await.map_err(late)?;
                let (client, connection) = connected.map_err(failed)?;
                Ok((client, tokio::spawn(drive(connection)).abort_handle()))
            }
        }
    }

    async fn try_link(&self, access: Access) -> Result<Link, Failure> {
        let (client, task) = self.client().await?;
        let settings = self.settings(access);
        let setting = timeout(self.deadline * 2 / 3, client.batch_execute(&settings)).await;
        let set = setting.map_err(|_| Failure::lost("session settings: no answer in time"))?;
        set.map_err(|error| Failure::new("session settings", &error))?;
        Ok(Link::new(client, task))
    }

    /// Time-outs end a statement before its caller gives up. An acknowledged commit is durable,
    /// whatever the server's default; a stricter default stays.
    fn settings(&self, access: Access) -> String {
        let statement = (self.deadline * 4 / 5).as_millis();
        let lock = match access {
            Access::Append => self.deadline / 7,
            Access::Read | Access::Write => self.deadline / 2,
        };
        let lock = lock.as_millis();
        let read_only = if access == Access::Read { "on" } else { "off" };
        format!(
            "SET statement_timeout = {statement}; SET lock_timeout = {lock}; \
             SET idle_in_transaction_session_timeout = 10000; \
             SET default_transaction_isolation = 'read committed'; \
             SET default_transaction_read_only = {read_only}; \
             SELECT set_config('synchronous_commit', 'on', false) \
             WHERE current_setting('synchronous_commit') IN ('off', 'local')"
        )
    }
}

/// The pause after the first failed try; it doubles three times.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

const UNREADABLE: &str = "the PostgreSQL URL does not parse; reserved characters in its user name \
                          or password must be percent-encoded, and TLS roots come from the system \
                          or from SSL_CERT_FILE";

/// The driver knows `require` and not libpq's `verify-full` and `verify-ca`; with us every TLS
/// connection verifies certificate and host name.
fn driver_url(url: &str) -> String {
    let Some((server, options)) = url.split_once('?') else { return url.to_owned() };
    let options = options
        .split('&')
        .map(|option| match option {
            "sslmode=verify-full" | "sslmode=verify-ca" => "sslmode=require",
            other => other,
        })
        .collect::<Vec<_>>();
    format!("{server}?{}", options.join("&"))
}

/// Whether no network lies between us and the host: there `prefer` means plain, since servers
/// commonly offer a certificate that nobody can verify.
fn is_local(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

fn tls() -> Result<MakeRustlsConnect, Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(Error::broken("no TLS root certificates: install them or set SSL_CERT_FILE"));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::broken)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

async fn drive<S, T>(connection: tokio_postgres::Connection<S, T>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    if let Err(error) = connection.await {
        tracing::debug!(error = %Failure::new("connection", &error).error, "connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(url: &str) -> Result<Connector, Error> {
        Connector::new(url, Duration::from_secs(1))
    }

    #[test]
    fn an_unreadable_url_is_refused_without_quoting_it() {
        let error = connector("postgres://u:hunter2@h:port/d?what=hunter2").err().expect("refused");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn tls_is_left_out_only_where_asked_or_where_there_is_no_network() {
        let plain = |url| connector(url).expect("reads").tls.is_none();
        assert!(plain("postgres://u@localhost/d"));
        assert!(plain("postgres://u@127.0.0.1:5432/d?sslmode=prefer"));
        assert!(plain("postgres://u@db.example/d?sslmode=disable"));
        assert!(plain("postgres:///d?host=/run/postgresql&user=u"));
    }

    #[test]
    fn names_of_stricter_modes_are_understood() {
        for mode in ["verify-full", "verify-ca", "require"] {
            let url = driver_url(&format!("postgres://u@h/d?sslmode={mode}&connect_timeout=3"));
            assert_eq!(url, "postgres://u@h/d?sslmode=require&connect_timeout=3");
        }
    }
}
