//! From a vetted URL to a connection: resolve once, vet every address, connect to one of them.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{io, mem};

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use super::Resolver;
use crate::egress::Egress;
use crate::failure::{Failure, FailureKind};

/// How long one address may take before the next is tried, and how many are tried.
const PER_ADDRESS: Duration = Duration::from_secs(2);
const MOST_ADDRESSES: usize = 4;

/// A connection to a vetted address of the URL's host.
pub(super) async fn connect(
    egress: &Egress,
    resolver: &Resolver,
    url: &Url,
) -> Result<TcpStream, Failure> {
    let refused = |rule| Failure::before(FailureKind::Refused(rule));
    let port = url.port_or_known_default().ok_or_else(|| refused("URL has no port"))?;
    let addresses = match url.host() {
        Some(Host::Domain(name)) => resolver.resolve(name).await,
        Some(Host::Ipv4(v4)) => vec![IpAddr::V4(v4)],
        Some(Host::Ipv6(v6)) => vec![IpAddr::V6(v6)],
        None => return Err(refused("URL has no host")),
    };
    if addresses.is_empty() {
        return Err(Failure::before(FailureKind::Unresolved));
    }
    // One bad address among good ones is how a rebinding name looks: all of them must pass.
    for &address in &addresses {
        egress.vet_address(url, address).map_err(refused)?;
    }
    for address in alternating(addresses).into_iter().take(MOST_ADDRESSES) {
        let attempt = TcpStream::connect(SocketAddr::new(address, port));
        if let Ok(Ok(stream)) = tokio::time::timeout(PER_ADDRESS, attempt).await {
            // Requests are one write; waiting for more would only be slow.
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
    }
    Err(Failure::before(FailureKind::Unconnected))
}

/// The resolver's order with the families taking turns, so that one that leads nowhere does not use
/// up the attempts (RFC 8305 §4).
fn alternating(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let begins_with_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (v6, v4): (Vec<_>, Vec<_>) = addresses.into_iter().partition(IpAddr::is_ipv6);
    let (mut first, mut second) = (v6.into_iter(), v4.into_iter());
    if !begins_with_v6 {
        mem::swap(&mut first, &mut second);
    }
    let mut order = Vec::with_capacity(first.len() + second.len());
    loop {
        match (first.next(), second.next()) {
            (None, None) => return order,
            pair => order.extend(pair.0.into_iter().chain(pair.1)),
        }
    }
}

/// Whom we believe, made up at the first use: a server that calls nobody does not read hundreds of
/// certificates at its start.
pub(super) struct Tls {
    own: RootCertStore,
    made: OnceLock<Option<Arc<rustls::ClientConfig>>>,
}

impl Tls {
    /// The system's authorities and these.
    pub(super) fn trusting(extra: &[CertificateDer<'static>]) -> Result<Self, rustls::Error> {
        let mut own = RootCertStore::empty();
        for certificate in extra {
            own.add(certificate.clone())?;
        }
        Ok(Self { own, made: OnceLock::new() })
    }

    fn connector(&self) -> Option<TlsConnector> {
        let made = self.made.get_or_init(|| self.make().ok().map(Arc::new));
        made.as_ref().map(|config| TlsConnector::from(Arc::clone(config)))
    }

    fn make(&self) -> Result<rustls::ClientConfig, rustls::Error> {
        let mut roots = self.own.clone();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A resumed session would tell the other side that two organizations share a server.
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }
}

/// TLS where the URL says https; the egress rules have already decided whether it may say http.
pub(super) async fn secure(tls: &Tls, socket: TcpStream, url: &Url) -> Result<Stream, Failure> {
    if url.scheme() == "http" {
        return Ok(Stream::Plain(socket));
    }
    let no_tls = || Failure::before(FailureKind::NoTls);
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host).map_err(|_| no_tls())?;
    let connector = tls.connector().ok_or_else(no_tls)?;
    let stream = connector.connect(name, socket).await.map_err(|_| no_tls())?;
    Ok(Stream::Tls(Box::new(stream)))
}

/// A connection with or without TLS.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_in_the_resolvers_order() {
        let parse = |list: &[&str]| -> Vec<IpAddr> {
            list.iter().map(|text| text.parse().expect(text)).collect()
        };
        let mixed = parse(&["2606::1", "2606::2", "2606::3", "1.1.1.1"]);
        assert_eq!(alternating(mixed), parse(&["2606::1", "1.1.1.1", "2606::2", "2606::3"]));
        let v4_first = parse(&["1.1.1.1", "1.1.1.2", "2606::1"]);
        assert_eq!(alternating(v4_first), parse(&["1.1.1.1", "2606::1", "1.1.1.2"]));
    }
}
