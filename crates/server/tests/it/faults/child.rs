//! A server in a process of its own, for what can only be done to a process: signals and limits.
//! The child is this test binary, asked to run the one test below, which then serves.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;

use axum::routing::get;
use keyhaven::config::{Loaded, Sources};
use keyhaven::http::stop::Stop;
use keyhaven::http::turned_away::problem;
use keyhaven::serve::{Ended, Served, Signals, bind, serve};
use keyhaven::telemetry::metrics::Metrics;
use keyhaven::telemetry::per_route::Routes;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::small_server::routes;

const ASKED: &str = "SMALL_SERVER_CHILD";
const SAYS: &str = "serving on ";

/// A child that serves.
pub(crate) struct Process {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts a child after `before`, a line of shell.
    pub(crate) async fn start(before: &str) -> Self {
        let binary = std::env::current_exe().unwrap();
        let line =
            format!("{before}\nexec \"$0\" --exact faults::child::serves_when_asked --nocapture");
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(line)
            .arg(binary)
            .env(ASKED, "yes")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().expect("the child says where it serves");
            if let Some((_, address)) = line.split_once(SAYS) {
                break address.trim().parse().unwrap();
            }
        };
        // Keeps the pipe open, so that the child can go on writing.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, address }
    }

    /// Sends a signal by its name.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("the child runs").to_string();
        let sent = Command::new("sh").arg("-c").arg(format!("kill -s {name} {id}")).status().await;
        assert!(sent.unwrap().success());
    }

    /// How the child ended.
    pub(crate) async fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().await.unwrap().code()
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how the parent asks; not a setting")]
fn serves_when_asked() {
    if std::env::var_os(ASKED).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(serve_small());
    runtime.shutdown_background();
    std::process::exit(match ended {
        Ended::Finished => 0,
        Ended::GraceOver => 3,
        Ended::Hurried => 4,
    });
}

async fn serve_small() -> Ended {
    let flags =
        [("listen", "127.0.0.1:0"), ("operator_listen", "127.0.0.1:0"), ("shutdown_grace", "60")];
    let flags: BTreeMap<_, _> = flags.map(|(key, text)| (key.to_owned(), text.to_owned())).into();
    let config = Loaded::read(&Sources { flags, ..Sources::default() }).unwrap().config;
    let bound = bind(&config).await.unwrap();
    let stop = Stop::new();
    let signals = Signals::new().unwrap();
    println!("{SAYS}{}", bound.public_address);
    let served = Served {
        routes: routes().route("/slow", get(answer_after_the_stop).with_state(stop.clone())),
        operator: Routes::new(),
        render: problem,
        metrics: Metrics::new().unwrap(),
        seed: [3; 16],
        tls: None,
    };
    serve(bound, &config, served, &stop, signals.drive(stop.clone())).await
}

/// Answers only once the server was asked to stop.
async fn answer_after_the_stop(stop: axum::extract::State<Stop>) -> &'static str {
    stop.asked().await;
    "finished"
}
