//! Delivers webhooks from the outbox: at least once, in the order of their subject, signed, with
//! bounded tries. A message that an endpoint does not take is tried for three days, and none is kept
//! longer: an endpoint that is gone cannot grow the outbox.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyhaven_connect::send::{Limits, Outgoing};
use keyhaven_protocol::connection::timing::backoff;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Seconds;
use keyhaven_store::Error;
use keyhaven_store::webhooks::{Delivery, Endpoint};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use url::Url;

use super::Round;
use crate::app::{App, Shared};

const BATCH: i64 = 16;
const AGAIN: Seconds = Seconds(60);

/// About three days with pauses of up to an hour.
const TRIES: i64 = 80;

/// No message is kept longer, whether or not it had its turn.
const KEPT: Seconds = Seconds(3 * 86_400);

/// Messages given up for their age per round.
const SLICE: i64 = 500;

const LIMITS: Limits = Limits { total: Duration::from_secs(10), body: 16 * 1024, types: &[] };

pub(super) struct Webhooks {
    pub(super) app: Shared,
}

impl Round for Webhooks {
    const NAME: &'static str = "webhooks";
    const PERIOD: Duration = Duration::from_millis(500);

    async fn round(&mut self) -> Result<(), Error> {
        let now = self.app.clock.now();
        let aged = self.app.store.forget_aged_deliveries(now.minus(KEPT), SLICE).await?;
        if aged > 0 {
            tracing::warn!(messages = aged, "webhooks are given up: no endpoint took them");
        }
        let taken = self.app.store.take_deliveries(now, now.plus(AGAIN), BATCH).await?;
        let mut under_way = JoinSet::new();
        for delivery in taken {
            under_way.spawn(Box::pin(deliver(self.app.clone(), delivery)));
        }
        let mut failed = None;
        while let Some(done) = under_way.join_next().await {
            if let Ok(Err(error)) = done {
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

async fn deliver(app: Shared, delivery: Delivery) -> Result<(), Error> {
    let Some((endpoint, secret)) = app.store.find_webhook_target(delivery.endpoint).await? else {
        return app.store.forget_delivery(&delivery).await;
    };
    let arrived = send(&app, &endpoint, &secret, &delivery).await;
    if arrived || delivery.attempts >= TRIES {
        if !arrived {
            tracing::warn!(endpoint = %endpoint.id, event = delivery.event, "a webhook is given up");
        }
        return app.store.forget_delivery(&delivery).await;
    }
    let dice = u64::from_be_bytes(app.dice.bytes());
    let at = app.clock.now().plus(backoff(delivery.attempts, None, dice));
    app.store.postpone_delivery(&delivery, at).await
}

async fn send(app: &App, endpoint: &Endpoint, secret: &Secret, delivery: &Delivery) -> bool {
    let Ok(url) = Url::parse(&endpoint.url) else { return false };
    let body = body(delivery);
    let now = app.clock.now().0;
    let id = delivery.message.to_string();
    let signature = sign(secret, &id, now, &body);
    let mut outgoing = Outgoing::post(url, "application/json", body.into_bytes());
    for (name, value) in [
        ("webhook-id", id),
        ("webhook-timestamp", now.to_string()),
        ("webhook-signature", signature),
    ] {
        if let Ok(value) = value.parse() {
            outgoing.headers.insert(name, value);
        }
    }
    match app.vault.client.send(outgoing, LIMITS).await {
        Ok(reply) => (200..300).contains(&reply.status),
        Err(failure) => {
            tracing::debug!(endpoint = %endpoint.id, why = failure.word(), "a webhook did not arrive");
            false
        }
    }
}

fn body(delivery: &Delivery) -> String {
    let data: Value = serde_json::from_str(&delivery.body).unwrap_or_default();
    json!({
        "id": delivery.message.to_string(),
        "type": delivery.event,
        "timestamp": delivery.created_at.0,
        "sequence": delivery.sequence,
        "data": data,
    })
    .to_string()
}

/// `v1,` and the HMAC-SHA256 of `id.timestamp.body` (the Standard Webhooks form). The key is what the
/// secret says in base64 after `whsec_`.
fn sign(secret: &Secret, id: &str, timestamp: i64, body: &str) -> String {
    let text = secret.reveal();
    let text = text.strip_prefix("whsec_").unwrap_or(text);
    let key = zeroize::Zeroizing::new(STANDARD.decode(text).unwrap_or_default());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
    let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}
