//! A55 and §11 of the vault over HTTP: definitions, redirects, learnt hosts and poisoned headers that
//! would make us call inside the house, or send a secret elsewhere. No connection is made.

use keyhaven_fake_provider::{Act, Endpoint, Rules};
use serde_json::{Value, json};

use crate::harness::{ISSUER, Server, path_of, the};

/// Places that are not the public internet, in every spelling, and schemes that are not https.
const INSIDE: [&str; 28] = [
    "https://127.0.0.1/x",
    "https://127.1/x",
    "https://2130706433/x",
    "https://0x7f000001/x",
    "https://0177.0.0.1/x",
    "https://0.0.0.0/x",
    "https://10.0.0.1/x",
    "https://100.64.0.1/x",
    "https://169.254.169.254/x",
    "https://172.16.0.1/x",
    "https://192.168.1.1/x",
    "https://198.18.0.1/x",
    "https://224.0.0.1/x",
    "https://255.255.255.255/x",
    "https://[::1]/x",
    "https://[::]/x",
    "https://[::ffff:127.0.0.1]/x",
    "https://[::ffff:a9fe:a9fe]/x",
    "https://[64:ff9b::a9fe:a9fe]/x",
    "https://[fc00::1]/x",
    "https://[fe80::1]/x",
    "https://[2002:7f00:1::]/x",
    "https://localhost/x",
    "https://localhost./x",
    "http://provider.example/x",
    "https://provider.example:8443/x",
    "https://user@provider.example/x",
    "ftp://provider.example/x",
];

async fn an_administrator(server: &Server) -> String {
    let client = server.a_client().scopes("keyhaven:admin").build().await;
    let form = [("grant_type", "client_credentials"), ("scope", "keyhaven:admin")];
    the(&server.post("/oauth2/token").basic(&client).form(&form).await.expect(200)["access_token"])
}

/// A definition whose only fault is one URL.
fn definition(place: &str, url: &str) -> Value {
    let good = |path: &str| format!("https://provider.example/{path}");
    let mut definition = json!({
        "key": "inside", "name": "Inside", "facts": { "urls": "own" },
        "authorize": { "url": good("authorize") },
        "token": { "url": good("token") },
        "revoke": { "url": good("revoke") },
        "account": { "url": good("me"), "id": "/sub" },
        "api": { "base": good("api/") },
    });
    let (table, member) = place.split_once('.').expect("two words");
    definition[table][member] = json!(url);
    definition
}

#[tokio::test]
async fn a55_no_url_of_a_definition_may_lead_inside() {
    let server = Server::start().await;
    let admin = an_administrator(&server).await;
    let path = format!("/v1/organizations/{}/providers/inside", server.organization);
    let put = async |definition: Value| {
        let ask = server.ask("PUT", &path).bearer(&admin);
        ask.json(json!({ "definition": definition })).await
    };
    let places =
        ["authorize.url", "token.url", "refresh.url", "revoke.url", "account.url", "api.base"];
    for place in places {
        for url in INSIDE {
            let answer = put(definition(place, url)).await;
            assert_eq!(answer.status, 400, "{place} {url}: {}", answer.text());
        }
    }
    put(definition("token.url", "https://provider.example/token")).await.expect(200);
}

#[tokio::test]
async fn a55_no_webhook_may_lead_inside() {
    let server = Server::start().await;
    let admin = an_administrator(&server).await;
    let path = format!("/v1/organizations/{}/webhook-endpoints", server.organization);
    for url in INSIDE {
        let answer = server.post(&path).bearer(&admin).json(json!({ "url": url })).await;
        assert_eq!(answer.status, 400, "{url}: {}", answer.text());
    }
}

#[tokio::test]
async fn a55_a_token_endpoint_that_redirects_is_not_followed() {
    for status in [301, 302, 307, 308] {
        let server = Server::with_providers().await;
        let none = || json!({});
        let connector = server.a_connector_at("one", Rules::default(), none(), none()).await;
        let elsewhere = server.a_connector_at("other", Rules::default(), none(), none()).await;
        let connection = connector.connect(&server).await;
        let to = format!("{}/token", elsewhere.fake.url());
        for endpoint in [Endpoint::Token, Endpoint::Revoke] {
            connector.fake.always(endpoint, Some(Act::Redirect(status, to.clone())));
        }
        server.present.pass(3_600);
        let answer = connector.token(&server, &connection).await;
        assert!(matches!(answer.status, 424 | 503), "{status}: {}", answer.text());
        let status = the(&connector.shown(&server, &connection).await["status"]);
        assert_ne!(status, "needs_reauth", "{status}");
        let path = format!("/v1/connections/{connection}");
        let admin = connector.admin(&server).await;
        assert_eq!(server.ask("DELETE", &path).bearer(&admin).send().await.status, 204);
        server.start_jobs();
        while connector.fake.requests(Endpoint::Revoke) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(elsewhere.fake.requests(Endpoint::Token), 0, "{status}: it was followed");
    }
}

/// A provider that says in its callback which of its hosts an account is at.
fn with_regions(fake: &str) -> Value {
    let host = fake.strip_prefix("http://").expect("a URL");
    json!({
        "vars": { "region": {
            "pattern": "^[a-z0-9.:-]{1,64}$", "title": "Region", "from": "callback",
        } },
        "hosts": [host],
        "callback": { "capture": { "region": "region" } },
        "token": { "url": "http://{region}/token", "auth": "basic" },
    })
}

#[tokio::test]
async fn a_host_learnt_from_a_callback_gets_a_secret_only_if_it_is_the_provider_s() {
    let server = Server::with_providers().await;
    let none = || json!({});
    let elsewhere = server.a_connector_at("other", Rules::default(), none(), none()).await;
    let connector = server.a_connector_at("one", Rules::default(), none(), none()).await;
    let mut defined = connector.fake.definition("one");
    for (name, value) in with_regions(connector.fake.url()).as_object().expect("an object") {
        defined[name] = value.clone();
    }
    let path = format!("/v1/organizations/{}/providers/one", server.organization);
    let put = server.ask("PUT", &path).bearer(&connector.admin(&server).await);
    put.json(json!({ "definition": defined })).await.expect(200);
    let arrive = async |region: &str| {
        let back = connector.fake.consent(&connector.start(&server).await).expect("consent");
        let path = format!("{}&region={region}", path_of(&back));
        server.get(&path).send().await.header("location").to_owned()
    };
    let theirs = elsewhere.fake.address().to_string();
    for region in [theirs.as_str(), "evil.example", "127.0.0.1", "127.0.0.1.evil.example"] {
        let to = arrive(region).await;
        assert!(to.contains("oauth_error="), "{region}: {to}");
    }
    assert_eq!(elsewhere.fake.requests(Endpoint::Token), 0, "a secret went elsewhere");
    assert_eq!(connector.fake.requests(Endpoint::Token), 0, "and no code was spent");
    let own = connector.fake.address().to_string();
    let to = arrive(&own).await;
    assert!(to.starts_with("https://hub.example/account/"), "{to}");
    assert_eq!(connector.fake.exchanges(), 1);
}

#[tokio::test]
async fn a_poisoned_host_header_poisons_no_url() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let bearer = connector.token_for(&server, "connector:read").await;
    let path = format!("/connectors/{}/oauth/authorize", connector.id);
    let mut asked = server.get(&path).bearer(&bearer);
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "host=evil.example"),
        ("origin", "https://evil.example"),
    ] {
        asked = asked.header(name, value);
    }
    let url = the(&asked.send().await.expect(200)["authorizationUrl"]);
    assert!(!url.contains("evil"), "{url}");
    let back = connector.fake.consent(&url).expect("consent");
    assert!(back.starts_with(ISSUER), "{back}");
}

#[tokio::test]
async fn a_return_address_in_a_callback_leads_to_no_stranger() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    for evil in [
        "https://evil.example",
        "https://hub.example.evil.example",
        "https://hub.example@evil.example",
        "//evil.example",
        "https:evil.example",
        "https://hub.example:444",
        "javascript:alert(1)",
    ] {
        let back = connector.fake.consent(&connector.start(&server).await).expect("consent");
        let evil: String = form_urlencoded::byte_serialize(evil.as_bytes()).collect();
        let path = format!("{}&baseUrl={evil}", path_of(&back));
        let answer = server.get(&path).send().await;
        let to = answer.header("location");
        let ours = to.starts_with("https://hub.example/") || to.starts_with(ISSUER);
        assert!(answer.status == 400 || ours, "{evil}: {} {to}", answer.status);
    }
}
