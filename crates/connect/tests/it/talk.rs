//! Whole conversations with the fake provider: what goes well, and what each failure means.

use std::collections::BTreeMap;
use std::time::Duration;

use keyhaven_connect::callback::{self, Answer, BadCallback};
use keyhaven_connect::egress::Egress;
use keyhaven_connect::provider::{Grant, Pkce, Provider};
use keyhaven_connect::request::{App, Code, Consent, Ended, Renewal, Stamp, authorization_url};
use keyhaven_connect::response::{Lifetime, TokenReply};
use keyhaven_connect::send::{Client, Trust};
use keyhaven_connect::talk;
use keyhaven_connect::verdict::{Acted, Class, Verdict};
use keyhaven_fake_provider::{Act, Endpoint, Fake, Gate, Reuse, Rules, Wire};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::{Seconds, Timestamp};
use url::Url;

use crate::server::Server;

/// A provider, a client that may reach it, and an app registered at it.
struct World {
    fake: Fake,
    client: Client,
    provider: Provider,
    secret: Secret,
    vars: BTreeMap<String, String>,
}

const BACK: &str = "https://kh.example/connections/callback";

impl World {
    async fn new(rules: Rules) -> Self {
        let fake = Fake::start(rules).await.expect("a free port");
        let egress = Egress::parse([fake.address().to_string().as_str()]).expect("an entry");
        let mut definition = fake.definition("fake");
        definition["grants"] = serde_json::json!({ "client_credentials": { "send_scope": true } });
        let provider = Provider::from_json(definition, &egress).expect("a provider");
        let client = Client::new(egress, &Trust::default()).expect("a client");
        let secret = Secret::from("fake-client-secret");
        Self { fake, client, provider, secret, vars: BTreeMap::new() }
    }

    fn app(&self) -> App<'_> {
        App {
            client_id: "fake-client",
            secret: Some(&self.secret),
            key: None,
            key_id: None,
            login: None,
            vars: &self.vars,
        }
    }

    /// Consent at the fake, read as a callback.
    fn consent(&self) -> Result<Answer, BadCallback> {
        let scopes = ["read".to_owned(), "write".to_owned()];
        let consent = Consent {
            redirect_uri: BACK,
            scopes: &scopes,
            state: "st",
            challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            pkce: Pkce::S256,
            nonce: None,
            extra: &[],
        };
        let url = authorization_url(&self.provider, &self.app(), &consent).expect("a URL");
        let back = Url::parse(&self.fake.consent(&url).expect("a redirect")).expect("a URL");
        let params: Vec<_> = back.query_pairs().into_owned().collect();
        callback::read(&self.provider, &self.app(), &params)
    }

    async fn exchange(&self, verifier: &str) -> Result<TokenReply, Verdict> {
        let Ok(Answer::Code { code, .. }) = self.consent() else { panic!("no consent") };
        let verifier = Secret::from(verifier);
        let code = Code {
            code: &code,
            redirect_uri: BACK,
            verifier: Some(&verifier),
            state: "st",
            scopes: &[],
        };
        talk::exchange(&self.client, &self.provider, &self.app(), &code, &stamp()).await
    }

    async fn refresh(&self, token: &str) -> Result<TokenReply, Verdict> {
        let token = Secret::from(token);
        let renewal = Renewal { token: &token, redirect_uri: BACK, scopes: &[] };
        talk::refresh(&self.client, &self.provider, &self.app(), &renewal, &stamp()).await
    }

    /// One refresh that meets `act`.
    async fn refresh_meeting(&self, act: Act) -> Result<TokenReply, Verdict> {
        let (_, refresh) = self.fake.grant("account-1", "read");
        self.fake.next(Endpoint::Token, act);
        self.refresh(&refresh).await
    }
}

/// RFC 7636 Appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn stamp() -> Stamp {
    Stamp { now: Timestamp(1_000_000), jti: "jti".into() }
}

fn refresh_of(reply: &TokenReply) -> &str {
    reply.main.refresh.as_ref().map_or("", Secret::reveal)
}

#[tokio::test]
async fn a_user_connects_is_recognised_and_leaves() {
    let world = World::new(Rules::default()).await;
    world.fake.sign_in("account-7");
    let reply = world.exchange(VERIFIER).await.expect("tokens");
    assert_eq!(reply.main.lifetime, Lifetime::Ends(Seconds(3600)));
    let scopes = reply.main.scopes.clone().expect("scopes");
    assert_eq!(scopes, ["read", "write"]);
    let account = talk::find_account(&world.client, &world.provider, &world.app(), &reply).await;
    let account = account.expect("an answer").expect("an account");
    assert_eq!(
        (account.id.as_str(), account.label.as_deref()),
        ("account-7", Some("account-7@fake.example"))
    );
    let base = talk::api_base(&world.provider, &world.app(), &reply).expect("a base");
    assert_eq!(base.map(|url| url.path().to_owned()).as_deref(), Some("/api/"));
    let ended = Ended {
        access: Some(&reply.main.access),
        refresh: reply.main.refresh.as_ref(),
        account_id: None,
    };
    let outcome =
        talk::revoke(&world.client, &world.provider, &world.app(), &ended, &stamp()).await;
    assert_eq!(outcome.expect("a way"), Ok(()));
    assert_eq!((world.fake.live_grants(), world.fake.exchanges()), (0, 1));
}

#[tokio::test]
async fn a_wrong_verifier_is_refused() {
    let world = World::new(Rules::default()).await;
    let verdict = world.exchange("another-verifier").await.expect_err("refused");
    assert_eq!((verdict.class, verdict.acted), (Class::GrantDead, Acted::No));
}

#[tokio::test]
async fn a_redirect_from_another_issuer_is_refused() {
    let world = World::new(Rules::default()).await;
    world.fake.next(Endpoint::Authorize, Act::WrongIssuer);
    assert_eq!(world.consent().expect_err("refused"), BadCallback("the issuer is another"));
}

#[tokio::test]
async fn a_refresh_token_turns_and_a_spent_one_ends_the_grant() {
    let world = World::new(Rules::default()).await;
    let first = world.exchange(VERIFIER).await.expect("tokens");
    let second = world.refresh(refresh_of(&first)).await.expect("tokens");
    assert_ne!(refresh_of(&first), refresh_of(&second));
    let verdict = world.refresh(refresh_of(&first)).await.expect_err("spent");
    assert_eq!(verdict.class, Class::GrantDead);
    let verdict = world.refresh(refresh_of(&second)).await.expect_err("ended");
    assert_eq!(verdict.class, Class::GrantDead);
    assert_eq!(world.fake.refreshes(), 3);
}

#[tokio::test]
async fn a_forgiving_provider_gives_the_lost_successor_again() {
    let world = World::new(Rules { reuse: Reuse::Forgive, ..Rules::default() }).await;
    let (_, refresh) = world.fake.grant("account-1", "read");
    world.fake.next(Endpoint::Token, Act::ActAndHangUp);
    let verdict = world.refresh(&refresh).await.expect_err("lost");
    assert_eq!((verdict.class, verdict.acted), (Class::Transient, Acted::Perhaps));
    assert!(world.refresh(&refresh).await.is_ok());
}

#[tokio::test]
async fn a_reply_that_is_lost_after_acting_may_be_a_rotation() {
    let world = World::new(Rules::default()).await;
    for act in [
        Act::ActAndHangUp,
        Act::ActAndBreakOff,
        Act::ActAndStatus(502),
        Act::ActAndStatus(504),
        Act::HangUp,
        Act::Huge(2 << 20),
        Act::Endless,
        Act::Html(200),
        Act::Empty(200),
    ] {
        let verdict = world.refresh_meeting(act.clone()).await.expect_err("lost");
        assert_eq!((verdict.class, verdict.acted), (Class::Transient, Acted::Perhaps), "{act:?}");
    }
}

#[tokio::test]
async fn what_will_pass_is_told_from_what_will_not() {
    let world = World::new(Rules::default()).await;
    let refuse = |status, code: &str| Act::Refuse(status, code.into(), "words".into());
    for (act, class) in [
        (Act::Html(503), Class::Transient),
        (Act::Html(403), Class::Transient),
        (Act::RetryAfter(429, 7), Class::Transient),
        (refuse(500, "invalid_grant"), Class::Transient),
        (refuse(400, "invalid_grant"), Class::GrantDead),
        (refuse(200, "invalid_grant"), Class::GrantDead),
        (refuse(400, "invalid_scope"), Class::Scopes),
        (refuse(401, "invalid_client"), Class::Client),
        (refuse(400, "invalid_request"), Class::Unclear),
    ] {
        let verdict = world.refresh_meeting(act.clone()).await.expect_err("refused");
        assert_eq!((verdict.class, verdict.acted), (class, Acted::No), "{act:?}");
    }
    let waiting = world.refresh_meeting(Act::RetryAfter(503, 9)).await.expect_err("later");
    assert_eq!(waiting.retry_after, Some(Seconds(9)));
}

#[tokio::test]
async fn values_of_wrong_types_are_no_tokens() {
    let world = World::new(Rules::default()).await;
    let verdict = world.refresh_meeting(Act::ActAndWrongTypes).await.expect_err("no token");
    assert_eq!((verdict.class, verdict.acted), (Class::Unclear, Acted::Perhaps));
}

#[tokio::test]
async fn a_reply_without_a_refresh_token_leaves_the_old_one() {
    let world = World::new(Rules { reuse: Reuse::Static, ..Rules::default() }).await;
    let reply = world.refresh_meeting(Act::ActAndNoRefreshToken).await.expect("tokens");
    assert!(reply.main.refresh.is_none());
}

#[tokio::test]
async fn forms_and_instants_are_read_like_anything_else() {
    for wire in [Wire::Form, Wire::JsonEpoch] {
        let world = World::new(Rules { wire, clock_ahead: 86_400, ..Rules::default() }).await;
        let reply = world.exchange(VERIFIER).await.expect("tokens");
        assert_eq!(reply.main.lifetime, Lifetime::Ends(Seconds(3600)), "{wire:?}");
    }
    let world = World::new(Rules::default()).await;
    assert!(world.refresh_meeting(Act::ActAndForm).await.is_ok());
}

#[tokio::test]
async fn a_wrong_secret_is_the_connectors_fault() {
    let mut world = World::new(Rules::default()).await;
    world.secret = Secret::from("another");
    let verdict = world.exchange(VERIFIER).await.expect_err("refused");
    assert_eq!(verdict.class, Class::Client);
}

#[tokio::test]
async fn a_token_without_a_user_is_asked_for_again() {
    let world = World::new(Rules::default()).await;
    let asked = (Grant::ClientCredentials, &["read".to_owned()][..]);
    let reply = talk::remint(&world.client, &world.provider, &world.app(), asked, &stamp()).await;
    let reply = reply.expect("tokens");
    assert!(reply.main.refresh.is_none());
    assert_eq!(world.fake.remints(), 1);
}

#[tokio::test]
async fn a_gate_holds_a_request_until_it_opens() {
    let world = World::new(Rules::default()).await;
    let gate = Gate::default();
    let mut held = Box::pin(world.refresh_meeting(Act::WaitFor(gate.clone())));
    let waited = tokio::time::timeout(Duration::from_millis(50), held.as_mut()).await;
    assert!(waited.is_err());
    gate.open();
    assert!(held.await.is_ok());
}

/// A provider all of whose URLs lead to one server that always says the same.
async fn told(reply: &str, edit: impl FnOnce(&mut serde_json::Value, &str)) -> (Server, World) {
    let mut world = World::new(Rules::default()).await;
    let length = reply.len();
    let head = format!("HTTP/1.1 200 OK\nContent-Length: {length}\n\n{reply}");
    let server = Server::saying(&head).await;
    let url = format!("http://{}", server.address);
    let mut definition = world.fake.definition("told");
    definition["token"]["url"] = format!("{url}/token").into();
    edit(&mut definition, &url);
    let egress = world_egress(&world, &server);
    world.provider = Provider::from_json(definition, &egress).expect("a provider");
    world.client = Client::new(egress, &Trust::default()).expect("a client");
    (server, world)
}

fn world_egress(world: &World, server: &Server) -> Egress {
    let both = [world.fake.address().to_string(), server.address.to_string()];
    Egress::parse(both.iter().map(String::as_str)).expect("entries")
}

#[tokio::test]
async fn a_token_that_wants_an_upgrade_gets_one_more_call() {
    let (server, world) = told(r#"{"access_token":"at"}"#, |definition, url| {
        definition["upgrade"] = serde_json::json!({ "url": format!("{url}/longer") });
    })
    .await;
    assert_eq!(world.exchange(VERIFIER).await.expect("tokens").main.access.reveal(), "at");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_token_of_the_app_itself_is_fetched_before_each_call() {
    let reply = r#"{"access_token":"at","app_token":"app"}"#;
    let (server, world) = told(reply, |definition, url| {
        definition["prelude"] = serde_json::json!({
            "url": format!("{url}/app"), "params": { "id": "{client_id}" }, "token": "/app_token",
        });
    })
    .await;
    assert!(world.exchange(VERIFIER).await.is_ok());
    assert!(world.refresh("rt").await.is_ok());
    assert_eq!(server.connections(), 4);
}

#[tokio::test]
async fn what_a_reply_teaches_counts_for_the_api_at_once() {
    let reply = r#"{"access_token":"at","home":"eu"}"#;
    let (_server, world) = told(reply, |definition, url| {
        definition["vars"] =
            serde_json::json!({ "home": { "pattern": "^[a-z]+$", "from": "reply" } });
        definition["reply"] = serde_json::json!({ "capture": { "home": "/home" } });
        definition["api"]["base"] = format!("{url}/{{home}}/").into();
    })
    .await;
    let reply = world.exchange(VERIFIER).await.expect("tokens");
    let base = talk::api_base(&world.provider, &world.app(), &reply).expect("a base");
    assert_eq!(base.map(|url| url.path().to_owned()).as_deref(), Some("/eu/"));
}

#[tokio::test]
async fn a_grant_that_is_already_gone_is_as_good_as_ended() {
    for (status, method, auth, is_ended) in [
        (404, "DELETE", "bearer", true),
        (404, "POST", "client", false),
        (401, "POST", "bearer", true),
        (401, "POST", "client", false),
        (204, "POST", "client", true),
        (503, "DELETE", "bearer", false),
    ] {
        let mut world = World::new(Rules::default()).await;
        let server = Server::saying(&format!("HTTP/1.1 {status} x\nContent-Length: 0\n\n")).await;
        let egress = world_egress(&world, &server);
        let mut definition = world.fake.definition("gone");
        definition["revoke"] = serde_json::json!({
            "url": format!("http://{}/", server.address), "method": method, "auth": auth,
        });
        world.provider = Provider::from_json(definition, &egress).expect("a provider");
        world.client = Client::new(egress, &Trust::default()).expect("a client");
        let token = Secret::from("at");
        let ended = Ended { access: Some(&token), refresh: None, account_id: None };
        let outcome =
            talk::revoke(&world.client, &world.provider, &world.app(), &ended, &stamp()).await;
        assert_eq!(outcome.expect("a way").is_ok(), is_ended, "{status} {method} {auth}");
    }
}

#[tokio::test]
async fn the_control_page_obeys_and_counts() {
    let world = World::new(Rules::default()).await;
    let url = Url::parse(&format!("{}/control", world.fake.url())).expect("a URL");
    let orders = br#"{"account":"account-9","next":[["token",{"html":503}]]}"#.to_vec();
    let request = keyhaven_connect::send::Outgoing::post(url, "application/json", orders);
    let reply = world.client.send(request, keyhaven_connect::send::Limits::TOKEN).await;
    assert_eq!(reply.expect("a reply").status, 200);
    let verdict = world.exchange(VERIFIER).await.expect_err("unavailable");
    assert_eq!(verdict.status, Some(503));
    assert_eq!(world.fake.requests(Endpoint::Token), 1);
}
