//! A real Envoy with `docs/forward-auth/envoy.yaml`.

use std::process::Command;

use serde_json::json;

use super::{Places, Proxy, in_front_of, keeps_the_rules, packaged};
use crate::harness::Server;

const DOCUMENTED: &str = include_str!("../../../../../docs/forward-auth/envoy.yaml");

fn envoy(places: &Places) -> Command {
    let file = places.write("envoy.yaml", &places.with_addresses(DOCUMENTED));
    let mut command = Command::new(packaged("envoy"));
    command.arg("-c").arg(file).args(["--concurrency", "1", "--disable-hot-restart"]);
    command.args(["--log-level", "warn"]);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envoy_lets_through_whom_we_know_and_tells_refusals_apart() {
    let server = Server::start().await;
    let front = in_front_of(&server).await;
    let proxy = Proxy::start(front.address, envoy).await;
    keeps_the_rules(&server, &proxy).await;
    let limits = json!([{"name": "burst", "limit": 2, "window": 60}]);
    let key = server.a_key(json!({"rate_limits": limits})).await;
    let answer = proxy.get(Some(&key.text)).await;
    assert_eq!(answer.field("ratelimit"), Some("\"burst\";r=1;t=30"));
}
