//! A real Traefik with `docs/forward-auth/traefik-dynamic.yml`.

use std::process::Command;

use super::{Places, Proxy, in_front_of, keeps_the_rules, packaged};
use crate::harness::Server;

const DOCUMENTED: &str = include_str!("../../../../../docs/forward-auth/traefik-dynamic.yml");

fn traefik(places: &Places) -> Command {
    let file = places.write("dynamic.yml", &places.with_addresses(DOCUMENTED));
    let mut command = Command::new(packaged("traefik"));
    command.arg(format!("--entrypoints.web.address=127.0.0.1:{}", places.proxy));
    command.arg(format!("--providers.file.filename={}", file.display()));
    command.args(["--global.checknewversion=false", "--global.sendanonymoususage=false"]);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traefik_lets_through_whom_we_know_and_tells_refusals_apart() {
    let server = Server::start().await;
    let front = in_front_of(&server).await;
    let proxy = Proxy::start(front.address, traefik).await;
    keeps_the_rules(&server, &proxy).await;
}
