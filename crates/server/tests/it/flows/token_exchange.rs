//! RFC 8693 towards a connection: a program acts for a user, and gets no more than the user's token
//! could have asked for.

use keyhaven_fake_provider::{Act, Endpoint};
use serde_json::{Value, json};

use crate::harness::{AClient, APerson, Answer, Place, REACHABLE, Server, path_of, the};

on_every_engine![a_program_gets_the_outside_token_of_the_user_it_acts_for];

pub(crate) const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// A program, and an app whose users it acts for.
struct Cast {
    connector: crate::harness::Connector,
    ada: APerson,
    program: AClient,
    token: String,
}

async fn cast(server: &Server) -> Cast {
    let connector = server.a_connector().await;
    let ada = server.a_person("ada@example.test").await;
    let program = server.a_client().grants(&[EXCHANGE]).scopes("connection:token").build().await;
    let app = server.a_client().app().scopes("openid connection:token").build().await;
    let mut browser = server.a_window_of(&ada).await;
    let scope = [("scope", "openid connection:token")];
    let token = browser.tokens(server, &app, &scope).await.access;
    Cast { connector, ada, program, token }
}

impl Cast {
    async fn connect(&self, server: &Server) -> String {
        let session = server.a_session(&self.ada).await;
        let path = format!("/connectors/{}/oauth/authorize", self.connector.id);
        let started = server.get(&path).bearer(session.token.reveal()).send().await;
        let cookie = started.header("set-cookie").split(';').next().expect("a pair").to_owned();
        let url = the(&started.expect(200)["authorizationUrl"]);
        let back = self.connector.fake.consent(&url).expect("consent");
        let done = server.get(path_of(&back)).header("cookie", &cookie).send().await;
        assert_eq!(done.status, 302);
        self.connector.connections(server).await.pop().expect("a connection")
    }

    async fn exchange(&self, server: &Server, change: &[(&str, &str)]) -> Answer {
        let mut form = vec![
            ("grant_type", EXCHANGE),
            ("subject_token", self.token.as_str()),
            ("subject_token_type", ACCESS_TOKEN),
            ("audience", self.connector.id.as_str()),
        ];
        for (name, value) in change {
            form.retain(|(known, _)| known != name);
            form.push((name, value));
        }
        server.post("/oauth2/token").basic(&self.program).form(&form).await
    }
}

/// An exchange that goes well.
pub(crate) async fn an_exchange() -> Answer {
    let server = Server::with_providers().await;
    let cast = cast(&server).await;
    cast.connect(&server).await;
    cast.exchange(&server, &[]).await
}

async fn a_program_gets_the_outside_token_of_the_user_it_acts_for(place: Place) {
    let server = Server::on(&place, REACHABLE).await;
    let cast = cast(&server).await;
    let nothing = cast.exchange(&server, &[]).await;
    nothing.refused(&server, 400, "invalid_target", "the user has no connection there");
    let connection = cast.connect(&server).await;
    let answer = cast.exchange(&server, &[]).await;
    let body = answer.expect(200);
    assert_eq!(body["access_token"], cast.connector.access(&server, &connection).await);
    assert_eq!(body["issued_token_type"], ACCESS_TOKEN);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["scope"], "read");
    assert!(body["expires_in"].as_i64().is_some_and(|left| left > 3_000), "{body}");
    assert!(body.get("refresh_token").is_none(), "{body}");
    assert_eq!(answer.header("cache-control"), "no-store");
    let path = "/v1/audit?action=connection.token_read";
    let read = server.get(path).bearer(&cast.connector.admin(&server).await).send().await;
    let read = read.expect(200);
    let items = read["items"].as_array().expect("a list");
    let by_user: Vec<&Value> =
        items.iter().filter(|item| item["actor"] == format!("user:{}", cast.ada.id)).collect();
    assert_eq!(by_user.len(), 1, "{read}");
    assert!(by_user[0].to_string().contains(&cast.program.id), "the client is named: {read}");
}

#[tokio::test]
async fn whoever_may_not_exchange_is_refused_by_the_rule_that_says_so() {
    let server = Server::with_providers().await;
    let mut cast = cast(&server).await;
    cast.connect(&server).await;
    let request = "invalid_request";
    let no_type = cast.exchange(&server, &[("subject_token_type", "urn:x")]).await;
    no_type.refused(&server, 400, request, "subject_token_type is not the access token's");
    let garbage = cast.exchange(&server, &[("subject_token", "nonsense")]).await;
    garbage.refused(&server, 400, request, "the subject token is not accepted");
    let target = cast.exchange(&server, &[("audience", "https://api.test")]).await;
    target.refused(&server, 400, "invalid_target", "audience is not a connector's id");
    // A token of the user's that was never meant to open connections.
    let app = server.a_client().app().build().await;
    let mut browser = server.a_window_of(&cast.ada).await;
    let weak = browser.tokens(&server, &app, &[("scope", "openid")]).await.access;
    let weak = cast.exchange(&server, &[("subject_token", &weak)]).await;
    weak.refused(&server, 400, request, "the subject token is not accepted");
    let session = server.a_session(&cast.ada).await;
    let session = cast.exchange(&server, &[("subject_token", session.token.reveal())]).await;
    session.refused(&server, 400, request, "the subject token is not accepted");
    let machine = cast.connector.token_for(&server, "connector:read keyhaven:admin").await;
    let machine = cast.exchange(&server, &[("subject_token", &machine)]).await;
    machine.refused(&server, 400, request, "the subject token is not accepted");
    // Off by default: a client without the grant, and one of another tenant.
    let granted = cast.program.clone();
    cast.program = server.a_client().scopes("connection:token").build().await;
    let unlisted = cast.exchange(&server, &[]).await;
    let rule = "grant type is not registered for this client";
    unlisted.refused(&server, 400, "unauthorized_client", rule);
    let south = server.an_organization("South", "south").await;
    let foreign = server.a_client().of(south).grants(&[EXCHANGE]).scopes("connection:token");
    cast.program = foreign.build().await;
    let crossed = cast.exchange(&server, &[]).await;
    crossed.refused(&server, 400, request, "the subject token is another tenant's");
    cast.program = granted;
    cast.exchange(&server, &[]).await.expect(200);
}

#[tokio::test]
async fn a_dead_grant_and_an_outage_are_told_apart() {
    let server = Server::with_providers().await;
    let cast = cast(&server).await;
    cast.connector.fake.change(|rules| rules.lifetime = Some(60));
    let connection = cast.connect(&server).await;
    server.present.pass(61);
    cast.connector.fake.next(Endpoint::Token, Act::Html(500));
    let down = cast.exchange(&server, &[]).await;
    assert_eq!(down.expect(503)["error"], "temporarily_unavailable");
    let wait: u64 = down.header("retry-after").parse().expect("a number");
    server.present.pass(wait);
    cast.connector.fake.end_all_grants();
    let dead = cast.exchange(&server, &[]).await;
    dead.refused(&server, 400, "invalid_target", "the connection needs its user");
    let body = dead.expect(400);
    assert_eq!(body["reason"], "grant_revoked", "{body}");
    let path = format!("/connections/{connection}/reconnect");
    assert_eq!(path_of(&the(&body["reconnect_url"])), path);
}

#[tokio::test]
async fn the_metadata_lists_the_grant_and_no_other_door_takes_it() {
    let server = Server::with_providers().await;
    let described = server.get("/.well-known/oauth-authorization-server").send().await.expect(200);
    let listed = described["grant_types_supported"].as_array().expect("a list");
    assert!(listed.contains(&json!(EXCHANGE)), "{described}");
    let cast = cast(&server).await;
    let body = json!({
        "grant_type": EXCHANGE, "client_id": cast.program.id, "client_secret": cast.program.secret,
    });
    let elsewhere = server.post("/oauth2/token").json(body).await;
    assert_eq!(elsewhere.status / 100, 4, "{}", elsewhere.text());
    assert!(!elsewhere.text().contains("access_token\":"), "{}", elsewhere.text());
}
