//! A74: values that would send a secret elsewhere: a tenant variable with a path or a user in it, a
//! provider at a private address, a webhook to the inside, a return address that is not ours.

use keyhaven_fake_provider::Endpoint;
use serde_json::json;

use crate::harness::Server;

#[tokio::test]
async fn a74_a_variable_must_fit_its_pattern() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    for value in ["a.test/@e.test", "a@e.test", "e.test#", "e.test?", "", "a.b", "-a", "a\\b", "ä"]
    {
        let body = json!({
            "provider": "zendesk", "client_id": "x", "client_secret": "y",
            "vars": { "subdomain": value },
        });
        let answer = server.post("/v1/connectors").bearer(&connector.admin(&server).await);
        let answer = answer.json(body).await;
        assert_eq!(answer.status, 400, "{value:?}: {}", answer.text());
    }
}

#[tokio::test]
async fn a74_a_provider_inside_the_house_is_refused() {
    let server = Server::start().await;
    let admin = server.a_client().scopes("keyhaven:admin").build().await;
    let form = [("grant_type", "client_credentials"), ("scope", "keyhaven:admin")];
    let admin = server.post("/oauth2/token").basic(&admin).form(&form).await.expect(200);
    let admin = crate::harness::the(&admin["access_token"]);
    for url in [
        "https://10.0.0.1/token",
        "https://169.254.169.254/token",
        "https://[::1]/token",
        "http://provider.example/token",
        "https://user:pass@provider.example/token",
        "https://provider.example:22/token",
    ] {
        let definition = json!({
            "key": "inside", "name": "Inside", "facts": { "urls": "own" },
            "authorize": { "url": "https://provider.example/authorize" },
            "token": { "url": url },
        });
        let path = format!("/v1/organizations/{}/providers/inside", server.organization);
        let answer = server.ask("PUT", &path).bearer(&admin);
        let answer = answer.json(json!({ "definition": definition })).await;
        assert_eq!(answer.status, 400, "{url}: {}", answer.text());
    }
    let path = format!("/v1/organizations/{}/webhook-endpoints", server.organization);
    for url in ["http://hooks.example/", "https://10.1.2.3/", "https://localhost/", "ftp://x/"] {
        let answer = server.post(&path).bearer(&admin);
        assert_eq!(answer.json(json!({ "url": url })).await.status, 400, "{url}");
    }
}

#[tokio::test]
async fn a74_reserved_parameters_are_not_for_connectors() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let path = format!("/v1/connectors/{}", connector.id);
    for name in ["client_id", "redirect_uri", "response_type", "state", "code_challenge", "nonce"] {
        let body = json!({ "params": { name: "x" } });
        let answer = server.ask("PATCH", &path).bearer(&connector.admin(&server).await);
        assert_eq!(answer.json(body).await.status, 400, "{name}");
    }
}

#[tokio::test]
async fn a69_a_connection_of_another_tenant_looks_like_none() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let connection = connector.connect(&server).await;
    let other = server.an_organization("South", "south").await;
    let stranger = server.a_client().of(other).scopes("keyhaven:admin").build().await;
    let form = [("grant_type", "client_credentials"), ("scope", "keyhaven:admin")];
    let answer = server.post("/oauth2/token").basic(&stranger).form(&form).await;
    let stranger = crate::harness::the(&answer.expect(200)["access_token"]);
    let nobody = "019a2b3c-4d5e-7f60-8123-456789abcdef";
    let paths = |connector: &str, connection: &str| {
        [
            ("GET", format!("/v1/connectors/{connector}")),
            ("PATCH", format!("/v1/connectors/{connector}")),
            ("DELETE", format!("/v1/connectors/{connector}")),
            ("GET", format!("/v1/connectors/{connector}/counts")),
            ("POST", format!("/v1/connectors/{connector}/authorization")),
            ("GET", format!("/v1/connections/{connection}")),
            ("DELETE", format!("/v1/connections/{connection}")),
            ("GET", format!("/v1/connections/{connection}/timeline")),
            ("POST", format!("/v1/connections/{connection}/token")),
            ("POST", format!("/v1/connections/{connection}/authorization")),
        ]
    };
    let theirs = paths(&connector.id, &connection);
    for ((method, path), (_, none)) in theirs.iter().zip(paths(nobody, nobody)) {
        let ask = async |path: &str| {
            let mut body =
                server.ask(method, path).bearer(&stranger).json(json!({})).await.expect(404);
            for varying in ["code", "instance"] {
                body.as_object_mut().map(|object| object.remove(varying));
            }
            body
        };
        assert_eq!(ask(path).await, ask(&none).await, "{method} {path}");
    }
    assert_eq!(connector.fake.refreshes() + connector.fake.requests(Endpoint::Revoke), 0);
    connector.token(&server, &connection).await.expect(200);
}
