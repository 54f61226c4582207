//! A real Caddy with `docs/forward-auth/Caddyfile`.

use std::process::Command;

use super::{Places, Proxy, in_front_of, keeps_the_rules};
use crate::harness::Server;

const DOCUMENTED: &str = include_str!("../../../../../docs/forward-auth/Caddyfile");

fn caddy(places: &Places) -> Command {
    let documented = places.with_addresses(DOCUMENTED);
    let whole = format!("{{\n\tadmin off\n\tdefault_bind 127.0.0.1\n}}\n{documented}");
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]);
    command.arg(places.write("Caddyfile", &whole));
    // It keeps certificates and a copy of its configuration at home.
    for home in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(home, places.folder.path());
    }
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn caddy_lets_through_whom_we_know_and_tells_refusals_apart() {
    let server = Server::start().await;
    let front = in_front_of(&server).await;
    let proxy = Proxy::start(front.address, caddy).await;
    keeps_the_rules(&server, &proxy).await;
}
