//! Certificates: only authorities we trust, only for the name we asked for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use keyhaven_connect::egress::Egress;
use keyhaven_connect::failure::{Failure, FailureKind};
use keyhaven_connect::send::{Client, Reply, Resolver, Trust};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::server::post;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// A TLS server for `idp.corp`, and the certificate that vouches for it.
async fn idp() -> (SocketAddr, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["idp.corp".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .expect("a key pair");
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(socket).await else { return };
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(OK).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (address, certificate)
}

async fn call(
    trust: Vec<CertificateDer<'static>>,
    name: &str,
    address: SocketAddr,
) -> Result<Reply, Failure> {
    let egress = Egress::parse([name]).expect("entries");
    let table = HashMap::from([(name.to_owned(), vec![address.ip()])]);
    let client = Client::new(egress, &Trust { extra: trust })
        .expect("a client")
        .resolving_by(Resolver::Fixed(Arc::new(table)));
    let url = Url::parse(&format!("https://{name}:{}/token", address.port())).expect("a URL");
    post(&client, url).await
}

#[tokio::test]
async fn a_server_vouched_for_by_the_operators_authority_is_spoken_to() {
    let (address, certificate) = idp().await;
    let reply = call(vec![certificate], "idp.corp", address).await.expect("a reply");
    assert_eq!((reply.status, reply.body.as_slice()), (200, &b"{}"[..]));
}

#[tokio::test]
async fn a_server_nobody_vouches_for_gets_not_one_byte_of_the_request() {
    let (address, _) = idp().await;
    let failure = call(Vec::new(), "idp.corp", address).await.expect_err("untrusted");
    assert_eq!(failure, Failure::before(FailureKind::NoTls));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (address, certificate) = idp().await;
    let failure = call(vec![certificate], "other.corp", address).await.expect_err("another name");
    assert_eq!(failure, Failure::before(FailureKind::NoTls));
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_gets_not_one_byte_of_the_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let failure = call(Vec::new(), "idp.corp", address).await.expect_err("no TLS");
    assert_eq!(failure, Failure::before(FailureKind::NoTls));
}
