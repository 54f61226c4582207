//! The PostgreSQL floor: every request is one prepared INSERT in its own transaction, the way most
//! servers store a token.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio_postgres::{Client, NoTls, Statement};

use crate::Outcome;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS floor_tokens (
    id BIGSERIAL PRIMARY KEY, hash BYTEA NOT NULL, client TEXT NOT NULL, scopes TEXT NOT NULL,
    issued_at BIGINT NOT NULL, expires_at BIGINT NOT NULL)";
const INSERT: &str = "INSERT INTO floor_tokens (hash, client, scopes, issued_at, expires_at)
    VALUES ($1, $2, $3, $4, $5)";

struct Pool {
    clients: Vec<(Client, Statement)>,
    next: AtomicUsize,
    random: SystemRandom,
}

pub(super) async fn router(database: &str, connections: usize) -> Outcome<Router> {
    let mut clients = Vec::with_capacity(connections);
    for _ in 0..connections.max(1) {
        let (client, connection) = tokio_postgres::connect(database, NoTls).await?;
        let _driving = tokio::spawn(connection);
        client.batch_execute(TABLE).await?;
        let insert = client.prepare(INSERT).await?;
        clients.push((client, insert));
    }
    let pool = Arc::new(Pool { clients, next: AtomicUsize::new(0), random: SystemRandom::new() });
    Ok(Router::new().route("/", post(issue)).with_state(pool))
}

async fn issue(State(pool): State<Arc<Pool>>, _body: Bytes) -> Result<Json<Value>, StatusCode> {
    let token = pool.issue().await.map_err(|_error| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 900 })))
}

impl Pool {
    async fn issue(&self) -> Outcome<String> {
        let mut secret = [0; 32];
        self.random.fill(&mut secret)?;
        let token = URL_SAFE_NO_PAD.encode(secret);
        let hash = digest::digest(&digest::SHA256, token.as_bytes());
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64;
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let (client, insert) = &self.clients[turn % self.clients.len()];
        client.execute(insert, &[&hash.as_ref(), &"bench", &"read", &now, &(now + 900)]).await?;
        Ok(token)
    }
}
