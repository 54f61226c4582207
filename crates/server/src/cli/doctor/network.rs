//! The issuer as clients reach it, and the addresses of the two listeners.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use super::Finding;
use crate::cli::caller;
use crate::config::Config;

const PATIENCE: Duration = Duration::from_secs(3);

/// What answered under the issuer.
enum Answer {
    /// This issuer.
    Ours,
    /// Something else.
    Other(String),
    /// Nobody.
    Nobody(String),
}

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let issuer = config.issuer_for(config.listen);
    let answer = ask(issuer.as_str()).await;
    let served = matches!(answer, Answer::Ours);
    vec![
        judge_issuer(config, issuer.as_str(), answer),
        address("listen", config.listen, served),
        address("operator_listen", config.operator_listen, served),
    ]
}

async fn ask(issuer: &str) -> Answer {
    let Ok(http) = caller::client() else { return Answer::Nobody("no HTTP client".into()) };
    let url = format!("{issuer}/.well-known/oauth-authorization-server");
    let response = match http.get(url).timeout(PATIENCE).send().await {
        Ok(response) => response,
        Err(error) => return Answer::Nobody(caller::unreached(issuer, &error).to_string()),
    };
    let status = response.status();
    match response.json::<Value>().await {
        Ok(document) if document["issuer"] == issuer => Answer::Ours,
        Ok(document) => Answer::Other(match document["issuer"].as_str() {
            Some(other) => format!("the server there calls itself {other}"),
            None => format!("what answers there is no authorization server ({status})"),
        }),
        Err(_) => {
            Answer::Other(format!("what answers there is no authorization server ({status})"))
        }
    }
}

fn judge_issuer(config: &Config, issuer: &str, answer: Answer) -> Finding {
    const CHECK: &str = "issuer";
    if config.issuer.0.is_none() && !config.listen.ip().is_loopback() {
        let detail = format!("not set, although {} is open to others", config.listen);
        return Finding::failure(CHECK, detail, "set issuer to the https URL clients use");
    }
    match answer {
        Answer::Ours => Finding::ok(CHECK, format!("{issuer} answers as itself")),
        Answer::Other(detail) => {
            let fix = "point that URL at this server, or correct the setting `issuer`";
            Finding::failure(CHECK, format!("{issuer}: {detail}"), fix)
        }
        Answer::Nobody(detail) => {
            let fix = "fine while the server is stopped; else start it, or correct the proxy";
            Finding::warning(CHECK, detail, fix)
        }
    }
}

fn address(setting: &'static str, address: SocketAddr, served: bool) -> Finding {
    match std::net::TcpListener::bind(address) {
        Ok(_) => Finding::ok(setting, format!("{address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse && served => {
            Finding::ok(setting, format!("{address} is served by Keyhaven"))
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let detail = format!("{address} is taken, and not by a server with this issuer");
            Finding::failure(setting, detail, format!("stop what listens there, or set {setting}"))
        }
        Err(error) => {
            let fix = format!("set {setting} to an address of this machine");
            Finding::failure(setting, format!("{address}: {error}"), fix)
        }
    }
}
