//! `extra_ca`: a server behind the operator's own authority is believed where that is named, and not
//! where it is not.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyhaven_protocol::client::AuthMethod;
use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::jose::signing_key::SigningKey;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::harness::{AClient, Answer, Server, assertion, key_set};

/// Publishes a document by TLS under a certificate that only its own authority vouches for. Where it
/// is, and the certificate as PEM.
async fn publish(document: String) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let certificate = CertificateDer::from(made.cert.der().to_vec());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they belong together");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(acceptor.clone(), stream, document.clone()));
        }
    });
    let text = STANDARD.encode(made.cert.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    (format!("https://{address}/keys"), pem)
}

async fn answer(acceptor: TlsAcceptor, stream: TcpStream, document: String) {
    // A client that does not believe us ends the handshake.
    let Ok(mut stream) = acceptor.accept(stream).await else { return };
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        request.push(byte);
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/jwk-set+json\r\nContent-Length: {}\r\n\r\n",
        document.len()
    );
    let answer = [head, document].concat();
    // What the other side does with it is asserted there.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn token(server: &Server, uri: &str, key: &SigningKey) -> Answer {
    let client: AClient = server
        .a_client()
        .but(|client| {
            client.auth_method = AuthMethod::PrivateKeyJwt;
            client.keys_uri = Some(uri.to_owned());
        })
        .build()
        .await;
    let assertion = assertion(server, &client, key, json!({}));
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let form = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", kind),
        ("client_assertion", &assertion),
    ];
    server.post("/oauth2/token").form(&form).await
}

#[tokio::test]
async fn the_operators_own_authority_is_believed_where_it_is_named() {
    let key = SigningKey::generate(Algorithm::Es256).expect("a key");
    let (uri, pem) = publish(key_set(&key)).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, pem).expect("the folder is ours");
    // Settings of a test live as long as the program.
    let path: &'static str = Box::leak(path.display().to_string().into_boxed_str());
    let believing = Server::with(&[("egress_allow", "127.0.0.1"), ("extra_ca", path)]).await;
    token(&believing, &uri, &key).await.expect(200);
    let strict = Server::with(&[("egress_allow", "127.0.0.1")]).await;
    let refused = token(&strict, &uri, &key).await;
    let reason = "the client's published keys are not to be had";
    refused.refused(&strict, 401, "invalid_client", reason);
}
