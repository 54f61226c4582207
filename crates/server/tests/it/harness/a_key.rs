//! An API key as a test needs it, made as administrators make one.

use keyhaven_protocol::scope::Scopes;
use serde_json::{Value, json};

use super::{Answer, Server, the};

/// A key and its text.
#[derive(Clone, Debug)]
pub(crate) struct AKey {
    pub(crate) id: String,
    pub(crate) text: String,
}

impl Server {
    /// A token that administers the test's organization.
    pub(crate) async fn an_administrator(&self) -> String {
        self.a_token_for("keyhaven:admin").await
    }

    /// A token of an API behind us, which may charge.
    pub(crate) async fn a_meter(&self) -> String {
        self.a_token_for("keyhaven:usage").await
    }

    async fn a_token_for(&self, scope: &str) -> String {
        let scopes = Scopes::parse(scope).expect("a scope");
        let client = self.a_client().but(|client| client.scopes = scopes).build().await;
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        let answer = self.post("/oauth2/token").basic(&client).form(&form).await;
        the(&answer.expect(200)["access_token"])
    }

    /// A key with these members; `label` and `scopes` are there unless the test says otherwise.
    pub(crate) async fn a_key(&self, members: Value) -> AKey {
        let mut body = json!({"label": "A test's"});
        if members.get("parent").is_none() {
            body["scopes"] = json!("read write");
        }
        for (name, value) in members.as_object().expect("members") {
            body[name] = value.clone();
        }
        let token = self.an_administrator().await;
        let made = self.post("/v1/keys").bearer(&token).json(body).await.expect(201);
        AKey { id: the(&made["id"]), text: the(&made["secret"]) }
    }

    /// A check of a key.
    pub(crate) async fn check(&self, text: &str, need: Value) -> Answer {
        self.post("/v1/check").json(json!({"credential": text, "need": need})).await
    }

    /// A charge of a key.
    pub(crate) async fn charge(&self, meter: &str, key: &AKey, amount: &str, unit: &str) -> Answer {
        let body = json!({"credential": key.text, "cost": {"amount": amount, "unit": unit}});
        self.meter(meter, "charge", body).await
    }

    /// Something done to a key's budgets, under a name of its own.
    pub(crate) async fn meter(&self, meter: &str, deed: &str, body: Value) -> Answer {
        let name = self.app.id().to_string();
        let post = self.post(&format!("/v1/usage/{deed}")).bearer(meter);
        post.header("idempotency-key", name).json(body).await
    }
}

/// Refused as `/v1` refuses what concerns a checked credential: the word for programs and the rule.
#[track_caller]
pub(crate) fn refused(answer: &Answer, server: &Server, status: u16, word: &str, reason: &str) {
    let body = answer.expect(status);
    let refusal = server.refusal();
    assert_eq!(body["reason"], word, "{body}");
    assert_eq!(refusal.reason, reason);
}

/// The S256 challenge of a verifier.
pub(crate) fn challenge_of(verifier: &str) -> String {
    use base64::Engine as _;
    let digest = keyhaven_protocol::secret::Digest::of(verifier.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest.0)
}
