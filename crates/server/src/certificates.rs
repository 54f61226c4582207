//! The certificates an operator brings: what the public listener proves itself with, and the
//! authorities that requests of ours believe beside the system's.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::config::Config;
use crate::http::tls::Tls;

/// What the public listener proves itself with, if it speaks TLS itself.
pub fn of_listener(config: &Config) -> Result<Option<Arc<Tls>>> {
    let (certificate, key) = match (&config.tls_certificate.0, &config.tls_key.0) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => bail!("tls_certificate needs tls_key"),
        (None, Some(_)) => bail!("tls_key needs tls_certificate"),
    };
    if config.issuer.0.as_ref().is_some_and(|issuer| !issuer.is_https()) {
        bail!("issuer: this server speaks TLS (tls_certificate), so its URL begins with https://");
    }
    Tls::open(certificate, key).map(Some)
}

/// The certificates of `extra_ca`.
pub fn extra_authorities(config: &Config) -> Result<Vec<CertificateDer<'static>>> {
    let Some(path) = &config.extra_ca.0 else { return Ok(Vec::new()) };
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<_, _>>)
        .with_context(|| format!("extra_ca {}", path.display()))?;
    if found.is_empty() {
        bail!("extra_ca {}: there is no certificate in it", path.display());
    }
    Ok(found)
}
