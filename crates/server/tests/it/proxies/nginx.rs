//! A real nginx with `docs/forward-auth/nginx.conf`.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::{Places, Proxy, in_front_of, keeps_the_rules};
use crate::harness::Server;

const DOCUMENTED: &str = include_str!("../../../../../docs/forward-auth/nginx.conf");

fn nginx(places: &Places) -> Command {
    let here = places.folder.path().display();
    let documented = places.with_addresses(DOCUMENTED).replace("listen ", "listen 127.0.0.1:");
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let paths = paths.map(|name| format!("{name}_temp_path {here}/{name};")).concat();
    let whole = format!(
        "daemon off; master_process off; pid {here}/pid; error_log {here}/error.log warn;
         events {{}}
         http {{ access_log off; {paths} {documented} }}"
    );
    let mut command = Command::new(program());
    command.arg("-e").arg(places.folder.path().join("start.log"));
    command.arg("-c").arg(places.write("nginx.conf", &whole));
    command
}

fn program() -> &'static str {
    let usual = "/usr/sbin/nginx";
    if Path::new(usual).exists() { usual } else { "nginx" }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_lets_through_whom_we_know_and_tells_refusals_apart() {
    let server = Server::start().await;
    let front = in_front_of(&server).await;
    let proxy = Proxy::start(front.address, nginx).await;
    keeps_the_rules(&server, &proxy).await;
    let limits = json!([{"name": "burst", "limit": 2, "window": 60}]);
    let key = server.a_key(json!({"rate_limits": limits})).await;
    let answer = proxy.get(Some(&key.text)).await;
    assert_eq!(answer.field("ratelimit"), Some("\"burst\";r=1;t=30"));
}
