//! `/openapi.json` and `/docs`.

use std::collections::HashSet;

use axum::http::Method;

use crate::harness::Server;
use crate::house::{House, request};

#[tokio::test]
async fn every_operation_is_documented() {
    let house = House::new().await;
    let answer = house.send_raw(request(Method::GET, "/openapi.json", None, &[])).await.expect(200);
    assert_eq!(answer.body["openapi"], "3.1.0");
    let mut names = HashSet::new();
    for (path, item) in answer.body["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let at = format!("{method} {path}");
            let id = operation["operationId"].as_str().unwrap();
            assert!(names.insert(id.to_owned()), "{id} twice");
            assert!(operation["summary"].is_string(), "{at}: summary");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{at}: tag");
            // A door refuses in the words of its family.
            let is_native = path.starts_with("/v1/");
            // A proxy reads the status of forward-auth, not its body; a check has its own refusals.
            let problems: &[&str] = match path.as_str() {
                _ if !is_native => &[],
                "/v1/forward-auth" => &[],
                "/v1/check" => &["400", "401", "403", "503"],
                _ => &["400", "401", "403", "429", "500", "503"],
            };
            for status in problems {
                let problem =
                    &operation["responses"][status]["content"]["application/problem+json"];
                assert!(problem["example"].is_object(), "{at}: {status}");
            }
            if let Some(body) = operation.get("requestBody") {
                let content = body["content"].as_object().unwrap().values().next().unwrap();
                let reference = content["schema"]["$ref"].as_str();
                let name = reference.unwrap().rsplit('/').next().unwrap();
                let schema = &answer.body["components"]["schemas"][name];
                assert!(schema["example"].is_object(), "{at}: {name} has no example");
            }
        }
    }
    assert!(names.contains("rotate_client_secret"));
    assert!(answer.body["security"][0].get("administrator").is_some());
}

#[tokio::test]
async fn every_described_door_is_open() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").send().await.expect(200);
    let mut doors = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        if path.starts_with("/v1/") {
            continue;
        }
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["x-sdk-name"].is_string(), "{path}: what SDKs call it");
            let path = path.replace(['{', '}'], "");
            let answer = server.ask(&method.to_uppercase(), &path).send().await;
            assert!(![404, 405].contains(&answer.status), "{method} {path}: {}", answer.status);
            doors += 1;
        }
    }
    assert!(doors >= 5, "{doors}");
}

#[tokio::test]
async fn the_reference_page_loads_nothing_but_our_stylesheet() {
    let house = House::new().await;
    let page = house.send_raw(request(Method::GET, "/docs", None, &[])).await.expect(200);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self'"), "{policy}");
    let style = house.send_raw(request(Method::GET, "/docs/style.css", None, &[])).await;
    assert_eq!(style.expect(200).headers["content-type"], "text/css; charset=utf-8");
}
