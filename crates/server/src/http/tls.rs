//! TLS on the public listener: certificate and key from two files, taken anew when they change.
//! A pair that cannot be read or does not belong together leaves the one in use where it is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// What the server proves itself with.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<ServerConfig>,
}

/// When each file was written, and how long it is.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and the key of that one; both PEM.
    ///
    /// # Errors
    /// When a file cannot be read, holds nothing of its kind, or the two do not belong together.
    pub fn open(certificate: &Path, key: &Path) -> Result<Arc<Self>> {
        let current = ArcSwap::from_pointee(read(certificate, key)?);
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Ok(Arc::new(Self { certificate, key, current }))
    }

    /// Shakes hands. A client that does not speak TLS gets no answer.
    pub(super) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.current.load_full()).accept(stream).await
    }

    /// Watches the files for as long as it is polled.
    pub async fn keep_current(&self) {
        let mut seen = self.stamp();
        loop {
            tokio::time::sleep(LOOK).await;
            let now = self.stamp();
            if now == seen {
                continue;
            }
            seen = now;
            match read(&self.certificate, &self.key) {
                Ok(config) => {
                    self.current.store(Arc::new(config));
                    tracing::info!(certificate = %self.certificate.display(), "took the new certificate");
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "the new certificate is not usable; the old one stays");
                }
            }
        }
    }

    fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key].map(|path| {
            let about = std::fs::metadata(path).ok()?;
            Some((about.modified().ok()?, about.len()))
        })
    }
}

fn read(certificate: &Path, key: &Path) -> Result<ServerConfig> {
    let about = || certificate.display().to_string();
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<_, _>>)
        .with_context(about)?;
    if chain.is_empty() {
        bail!("{}: there is no certificate in it", certificate.display());
    }
    let key = PrivateKeyDer::from_pem_file(key).with_context(|| key.display().to_string())?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("tls_certificate and tls_key")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
