//! A69: every route of `/v1`, taken from the OpenAPI document so that none can be forgotten, with
//! the ids of another tenant's objects. The answer must be that for ids nobody has.

use axum::http::Method;
use keyhaven::api;
use serde_json::{Value, json};

use crate::house::{Answer, House, of};

/// Ids for every path parameter.
struct Ids {
    organization: String,
    project: String,
    group: String,
    user: String,
    client: String,
    secret: String,
}

impl Ids {
    async fn of_a_tenant(house: &House, slug: &str) -> Self {
        let organization = house.organization(slug).await;
        let root = format!("/v1/organizations/{organization}");
        let body = json!({"name": "P", "slug": "p"});
        let project = house.post(&format!("{root}/projects"), body).await.expect(201).text("id");
        let body = json!({"name": "G"});
        let group = house.post(&format!("{root}/groups"), body).await.expect(201).text("id");
        let user = house.user(&format!("someone@{slug}.test")).await;
        let body = json!({"user": user, "role": "member"});
        house.post(&format!("{root}/members"), body).await.expect(201);
        let body = json!({"name": "C", "organization": organization});
        let client = house.post("/v1/clients", body).await.expect(201).text("client_id");
        let secrets = house.get(&format!("/v1/clients/{client}/secrets")).await.expect(200);
        let secret = secrets.body["items"][0]["id"].as_str().unwrap().to_owned();
        Self { organization, project, group, user, client, secret }
    }

    fn of_nobody() -> Self {
        let nobody = "01920000-0000-7000-8000-000000000000".to_owned();
        Self {
            organization: nobody.clone(),
            project: nobody.clone(),
            group: nobody.clone(),
            user: nobody.clone(),
            client: nobody.clone(),
            secret: nobody,
        }
    }

    fn fill(&self, path: &str) -> String {
        path.replace("{organization}", &self.organization)
            .replace("{project}", &self.project)
            .replace("{group}", &self.group)
            .replace("{user}", &self.user)
            .replace("{client}", &self.client)
            .replace("{secret}", &self.secret)
            .replace("{grant}", "01920000-0000-7000-8000-00000000000a")
            .replace("{code}", "KH-0000-0000")
    }
}

/// Method, path and example body of every operation.
fn every_route() -> Vec<(Method, String, Option<Value>)> {
    let document = serde_json::to_value(api::openapi()).unwrap();
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
            let body = schema.as_str().map(|reference| {
                let name = reference.rsplit('/').next().unwrap();
                document["components"]["schemas"][name]["example"].clone()
            });
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            routes.push((method, path.clone(), body));
        }
    }
    routes
}

/// What a caller can tell: status and the problem, less what is new in every answer.
fn visible(mut answer: Answer) -> (u16, Value) {
    if let Some(body) = answer.body.as_object_mut() {
        body.remove("code");
        body.remove("instance");
    }
    (answer.status.as_u16(), answer.body)
}

#[tokio::test]
async fn a69_an_object_of_another_tenant_looks_like_one_that_does_not_exist() {
    let house = House::new().await;
    let own = house.organization("own").await;
    let foreign = Ids::of_a_tenant(&house, "foreign").await;
    let mut tried = 0;
    for (method, path, body) in every_route() {
        if !path.contains('{') {
            continue;
        }
        let theirs = foreign.fill(&path);
        let nobodys = Ids::of_nobody().fill(&path);
        let known = house.send_as(of(&own), method.clone(), &theirs, body.clone(), &[]).await;
        let unknown = house.send_as(of(&own), method.clone(), &nobodys, body, &[]).await;
        assert_eq!(known.status.as_u16(), 404, "{method} {path}: {}", known.body);
        assert_eq!(visible(known), visible(unknown), "{method} {path}");
        tried += 1;
    }
    assert!(tried >= 30, "only {tried} routes were tried");
    house.get(&format!("/v1/organizations/{}", foreign.organization)).await.expect(200);
    house.get(&format!("/v1/clients/{}", foreign.client)).await.expect(200);
}

#[tokio::test]
async fn a69_lists_hold_nothing_of_another_tenant() {
    let house = House::new().await;
    let own = house.organization("own").await;
    let foreign = Ids::of_a_tenant(&house, "foreign").await;
    for path in ["/v1/organizations", "/v1/users", "/v1/clients", "/v1/grants", "/v1/audit"] {
        let answer = house.send_as(of(&own), Method::GET, path, None, &[]).await.expect(200);
        let text = answer.body.to_string();
        for id in [&foreign.organization, &foreign.user, &foreign.client] {
            assert!(!text.contains(id.as_str()), "{path}: {text}");
        }
    }
    for path in ["/v1/clients", "/v1/grants", "/v1/audit"] {
        let path = format!("{path}?organization=foreign");
        house.send_as(of(&own), Method::GET, &path, None, &[]).await.expect(404);
    }
}

#[tokio::test]
async fn what_belongs_to_the_instance_is_closed_to_administrators_of_a_tenant() {
    let house = House::new().await;
    let own = house.organization("own").await;
    let instance = house.post("/v1/clients", json!({"name": "I"})).await.expect(201);
    let path = format!("/v1/clients/{}", instance.text("client_id"));
    house.send_as(of(&own), Method::GET, &path, None, &[]).await.expect(404);
    let body = Some(json!({"name": "X", "slug": "x"}));
    house.send_as(of(&own), Method::POST, "/v1/organizations", body, &[]).await.expect(403);
    let body = Some(json!({"name": "X", "email": "x@x.test"}));
    house.send_as(of(&own), Method::POST, "/v1/users", body, &[]).await.expect(403);
    house.send_as(of(&own), Method::GET, "/v1/instance", None, &[]).await.expect(403);
    let path = format!("/v1/organizations/{own}");
    house.send_as(of(&own), Method::DELETE, &path, None, &[]).await.expect(403);
    let body = Some(json!({"disabled": true}));
    house.send_as(of(&own), Method::PATCH, &path, body, &[]).await.expect(403);
}

#[tokio::test]
async fn a71_nothing_is_made_for_another_tenant() {
    let house = House::new().await;
    let own = house.organization("own").await;
    let foreign = Ids::of_a_tenant(&house, "foreign").await;
    let refused = async |body: Value, pointer: &str| {
        let answer =
            house.send_as(of(&own), Method::POST, "/v1/clients", Some(body), &[]).await.expect(400);
        assert_eq!(answer.fault(), (pointer, "is not there"));
    };
    refused(json!({"name": "X", "organization": foreign.organization}), "/organization").await;
    refused(json!({"name": "X", "organization": "foreign"}), "/organization").await;
    refused(json!({"name": "X", "groups": [foreign.group]}), "/groups/0").await;
    let path = format!("/v1/organizations/{own}/members");
    let body = Some(json!({"user": foreign.user, "role": "owner"}));
    let answer = house.send_as(of(&own), Method::POST, &path, body, &[]).await.expect(400);
    assert_eq!(answer.fault(), ("/user", "is not there"));
    let made = house
        .send_as(of(&own), Method::POST, "/v1/clients", Some(json!({"name": "X"})), &[])
        .await
        .expect(201);
    assert_eq!(made.text("organization"), own);
}
