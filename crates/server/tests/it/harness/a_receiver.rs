//! Where an organization is told by webhooks: keeps every message, and answers as the test says.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;

use super::{Connector, Server, the};

/// A running receiver.
pub(crate) struct AReceiver {
    address: SocketAddr,
    memory: Shared,
}

type Shared = Arc<Mutex<Memory>>;

#[derive(Default)]
struct Memory {
    next: VecDeque<StatusCode>,
    always: Option<StatusCode>,
    messages: Vec<Message>,
}

/// What arrived.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) timestamp: String,
    pub(crate) signature: String,
    pub(crate) text: String,
}

impl Message {
    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// What happened.
    pub(crate) fn event(&self) -> String {
        the(&self.document()["type"])
    }
}

impl AReceiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let memory = Shared::default();
        let routes = Router::new().route("/hooks", post(receive)).with_state(memory.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, memory }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hooks", self.address)
    }

    /// Answers the next message with this status.
    pub(crate) fn next(&self, status: u16) {
        let status = StatusCode::from_u16(status).expect("a status");
        lock(&self.memory).next.push_back(status);
    }

    /// Answers every message with this status.
    pub(crate) fn always(&self, status: u16) {
        lock(&self.memory).always = Some(StatusCode::from_u16(status).expect("a status"));
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        lock(&self.memory).messages.clone()
    }

    /// What it was told happened, in the order of arrival.
    pub(crate) fn events(&self) -> Vec<String> {
        self.messages().iter().map(Message::event).collect()
    }

    /// Waits until so many messages have arrived.
    pub(crate) async fn has(&self, count: usize) {
        while self.messages().len() < count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Registers it for these events of the connector's organization; the secret.
    pub(crate) async fn join(
        &self,
        server: &Server,
        connector: &Connector,
        events: &[&str],
    ) -> String {
        let path = format!("/v1/organizations/{}/webhook-endpoints", server.organization);
        let body = serde_json::json!({ "url": self.url(), "events": events });
        let made = server.post(&path).bearer(&connector.admin(server).await).json(body).await;
        the(&made.expect(201)["secret"])
    }
}

async fn receive(State(memory): State<Shared>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let mut memory = lock(&memory);
    memory.messages.push(Message {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        text: String::from_utf8_lossy(&body).into_owned(),
    });
    memory.next.pop_front().or(memory.always).unwrap_or(StatusCode::NO_CONTENT)
}

fn lock(memory: &Shared) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// What webhooks would be told since the last call, in order: the events and their bodies. Nothing is
    /// sent.
    pub(crate) async fn announced(&self) -> Vec<(String, Value)> {
        let (store, now) = (&self.app().store, self.app().clock.now());
        let mut announced = Vec::new();
        loop {
            // Of each connection the first that waits.
            let taken = store.take_deliveries(now, now, 100).await.expect("commits");
            if taken.is_empty() {
                return announced;
            }
            for delivery in taken {
                store.forget_delivery(&delivery).await.expect("commits");
                let body = serde_json::from_str(&delivery.body).expect("JSON");
                announced.push((delivery.event, body));
            }
        }
    }
}
