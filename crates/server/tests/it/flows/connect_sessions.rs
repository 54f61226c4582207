//! An invitation to connect: a page that says who asks, and a link that works once and not for long.

use keyhaven_fake_provider::{Act, Consent, Endpoint, Gate};
use serde_json::{Value, json};

use crate::harness::{Connector, ISSUER, Place, REACHABLE, Server, path_of, the};

on_every_engine![
    an_invitation_leads_to_a_connection_and_back,
    two_flows_of_one_link_that_end_at_once_make_one_connection,
];

async fn invite(server: &Server, connector: &Connector, more: Value) -> Value {
    let mut body = json!({ "connector": connector.id });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let admin = connector.admin(server).await;
    server.post("/v1/connect-sessions").bearer(&admin).json(body).await.expect(201)
}

/// Follows the link as a browser does; where the browser ends.
async fn follow(server: &Server, connector: &Connector, link: &str) -> String {
    let (back, flow) = consent(server, connector, link).await;
    let done = server.get(path_of(&back)).header("cookie", &flow).send().await;
    done.header("location").to_owned()
}

/// Follows the link to the provider and agrees; the way back, and the cookie of the flow.
async fn consent(server: &Server, connector: &Connector, link: &str) -> (String, String) {
    let page = server.get(link).send().await;
    assert_eq!(page.status, 200, "{}", page.text());
    let cookie = page.header("set-cookie").split(';').next().expect("a pair").to_owned();
    let text = page.text();
    let token = text.split_once("name=\"form_token\" value=\"").expect("a token").1;
    let token = token.split('"').next().expect("a value").to_owned();
    let ask = server.post(link).header("cookie", &cookie).header("origin", ISSUER);
    let sent = ask.form(&[("form_token", &token)]).await;
    assert_eq!(sent.status, 303, "{}", sent.text());
    server.present.pass_millis(1);
    let flow = sent.header("set-cookie").split(';').next().expect("a pair").to_owned();
    let back = connector.fake.consent(sent.header("location")).expect("consent");
    (back, flow)
}

async fn two_flows_of_one_link_that_end_at_once_make_one_connection(place: Place) {
    let server = Server::on(&place, REACHABLE).await;
    let connector = server.a_connector().await;
    let made = invite(&server, &connector, json!({})).await;
    let link = path_of(&the(&made["url"])).to_owned();
    connector.fake.sign_in("account-1");
    let first = consent(&server, &connector, &link).await;
    connector.fake.sign_in("account-2");
    let second = consent(&server, &connector, &link).await;
    let late = consent(&server, &connector, &link).await;
    // Both codes are at the provider before either is answered: neither can see the other's end.
    let gate = Gate::default();
    connector.fake.always(Endpoint::Token, Some(Act::WaitFor(gate.clone())));
    let end = async |(back, flow): &(String, String)| {
        let done = server.get(path_of(back)).header("cookie", flow).send().await;
        assert_eq!(done.status, 302, "{}", done.text());
        done.header("location").to_owned()
    };
    let opened = async {
        while connector.fake.requests(Endpoint::Token) < 2 {
            tokio::task::yield_now().await;
        }
        gate.open();
    };
    let (one, other, ()) = tokio::join!(end(&first), end(&second), opened);
    let mut ends = [one, other];
    ends.sort();
    let [done, failed] = ["done", "failed"].map(|page| format!("{ISSUER}/connect/{page}"));
    assert_eq!(ends, [done, failed.clone()]);
    assert_eq!(connector.connections(&server).await.len(), 1);
    // A flow that comes back later is told so before its code is spent.
    let exchanges = connector.fake.exchanges();
    assert_eq!(end(&late).await, failed);
    assert_eq!(connector.fake.exchanges(), exchanges);
    assert_eq!(connector.connections(&server).await.len(), 1);
}

async fn an_invitation_leads_to_a_connection_and_back(place: Place) {
    let server = Server::on(&place, REACHABLE).await;
    let connector = server.a_connector().await;
    let ada = server.a_person("ada@example.test").await;
    let made = invite(
        &server,
        &connector,
        json!({
            "user": ada.id.to_string(), "external_id": "customer-42", "labels": ["reports"],
            "purpose": "Import the reports you <choose>", "account": "ada@work",
            "return_url": "https://hub.example/apps?tab=1",
        }),
    )
    .await;
    assert_eq!((&made["status"], the(&made["id"]).len()), (&json!("open"), 36), "{made}");
    let link = path_of(&the(&made["url"])).to_owned();
    let page = server.get(&link).send().await;
    let text = page.text();
    for part in ["North Health", "Fake provider", "ada@example.test", "ada@work", "hub.example"] {
        assert!(text.contains(part), "{part} is not said: {text}");
    }
    assert!(text.contains("reports you &#60;choose&#62;"), "{text}");
    assert!(!text.contains("<script"), "it works without a script");
    assert_eq!(page.header("cache-control"), "no-store");
    let end = follow(&server, &connector, &link).await;
    let id = connector.connections(&server).await.pop().expect("a connection");
    assert_eq!(end, format!("https://hub.example/apps?tab=1&connection={id}"));
    let shown = connector.shown(&server, &id).await;
    assert_eq!(
        (&shown["status"], &shown["external_id"]),
        (&json!("active"), &json!("customer-42"))
    );
    assert_eq!(
        (&shown["user"], &shown["labels"]),
        (&json!(ada.id.to_string()), &json!(["reports"]))
    );
    // It worked once.
    let again = server.get(&link).send().await;
    assert_eq!(again.status, 410, "{}", again.text());
    let rule = server.refusal().reason;
    assert_eq!(rule, "the invitation has led to a connection already");
    let path = format!("/v1/connect-sessions/{}", the(&made["id"]));
    let admin = connector.admin(&server).await;
    let told = server.get(&path).bearer(&admin).send().await.expect(200);
    assert_eq!((&told["status"], &told["connection"]), (&json!("done"), &json!(id)), "{told}");
    assert!(told.get("url").is_none(), "the link is shown once: {told}");
    // The same name again is the same connection, authorized anew.
    let made = invite(&server, &connector, json!({ "external_id": "customer-42" })).await;
    let end = follow(&server, &connector, path_of(&the(&made["url"]))).await;
    assert_eq!(end, format!("{ISSUER}/connect/done"));
    assert_eq!(connector.timeline(&server, &id).await, ["connected", "reconnected"]);
}

#[tokio::test]
async fn an_invitation_that_led_nowhere_may_be_used_again() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let made = invite(&server, &connector, json!({})).await;
    let link = path_of(&the(&made["url"])).to_owned();
    connector.fake.change(|rules| rules.consent = Consent::Deny);
    assert_eq!(follow(&server, &connector, &link).await, format!("{ISSUER}/connect/failed"));
    connector.fake.change(|rules| rules.consent = Consent::Approve);
    assert_eq!(follow(&server, &connector, &link).await, format!("{ISSUER}/connect/done"));
    for path in ["/connect/done", "/connect/failed"] {
        assert_eq!(server.get(path).send().await.status, 200);
    }
}

#[tokio::test]
async fn an_invitation_is_for_whom_it_is_for_and_not_for_long() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let ada = server.a_person("ada@example.test").await;
    let user = json!({ "user": ada.id.to_string(), "lifetime": 60 });
    let made = invite(&server, &connector, user).await;
    let link = path_of(&the(&made["url"])).to_owned();
    let rule = async |cookie: Option<String>, link: &str| {
        let ask = server.get(link);
        let ask = match &cookie {
            Some(cookie) => ask.header("cookie", cookie),
            None => ask,
        };
        assert_eq!(ask.send().await.status, 410);
        server.refusal().reason.clone()
    };
    let eve = server.a_session(&server.a_person("eve@example.test").await).await;
    let eve = format!("__Host-sid={}", eve.token.reveal());
    assert_eq!(rule(Some(eve), &link).await, "somebody else is signed in here");
    assert_eq!(rule(None, "/connect/nonsense").await, "not an invitation of ours");
    let unknown = format!("{}/connect/{}", ISSUER, link.rsplit('/').next().expect("a token"));
    assert_eq!(server.get(path_of(&unknown)).send().await.status, 200);
    server.present.pass(60);
    assert_eq!(rule(None, &link).await, "the invitation is over");
    let made = invite(&server, &connector, json!({})).await;
    let path = format!("/v1/connect-sessions/{}", the(&made["id"]));
    let admin = connector.admin(&server).await;
    assert_eq!(server.ask("DELETE", &path).bearer(&admin).send().await.status, 204);
    let link = path_of(&the(&made["url"])).to_owned();
    assert_eq!(rule(None, &link).await, "the invitation is over");
    let forged = server.post(&link).header("origin", "https://evil.example").form(&[]).await;
    assert_eq!(forged.status, 403);
}

#[tokio::test]
async fn an_invitation_leads_to_configured_origins_only() {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let admin = connector.admin(&server).await;
    for (member, value) in [
        ("return_url", json!("https://hub.example.evil.example/")),
        ("return_url", json!("javascript:alert(1)")),
        ("user", json!("ada")),
        ("external_id", json!("two words")),
        ("lifetime", json!(59)),
        ("purpose", json!("two\nlines")),
        ("connection", json!("019a2b3c-4d5e-7f60-8123-456789abcdef")),
    ] {
        let mut body = json!({ "connector": connector.id });
        body[member] = value;
        let ask = server.post("/v1/connect-sessions").bearer(&admin);
        let refused = ask.json(body.clone()).await.expect(400);
        assert_eq!(refused["errors"][0]["pointer"], format!("/{member}"), "{body}: {refused}");
    }
    let south = server.an_organization("South", "south").await;
    let other = server.a_client().of(south).scopes("keyhaven:admin").build().await;
    let form = [("grant_type", "client_credentials"), ("scope", "keyhaven:admin")];
    let other = server.post("/oauth2/token").basic(&other).form(&form).await.expect(200);
    let body = json!({ "connector": connector.id });
    let ask = server.post("/v1/connect-sessions").bearer(&the(&other["access_token"]));
    assert_eq!(ask.json(body).await.status, 404, "a neighbour's connector");
}
