//! Every noun is created, listed, shown, changed and deleted.

use serde_json::json;

use super::{Instance, text};

fn names(page: &serde_json::Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().filter_map(|item| item["name"].as_str()).collect()
}

#[test]
fn an_organization_goes_by_id_slug_and_name() {
    let instance = Instance::begun();
    let made = instance.json(&["org", "create", "--name", "North", "--slug", "n"]);
    for name in [&text(&made, "id"), "n", "North"] {
        assert_eq!(instance.json(&["org", "show", name]), made);
    }
    let list = instance.json(&["org", "list"]);
    assert_eq!(names(&list), ["Acme Health", "North"]);
    let changed = instance.json(&["org", "update", "n", "--name", "South", "--disable"]);
    assert_eq!((text(&changed, "name"), changed["disabled_at"].is_i64()), ("South".into(), true));
    assert_eq!(instance.json(&["org", "delete", "South"]), json!({ "deleted": made["id"] }));
    assert_eq!(names(&instance.json(&["org", "list"])), ["Acme Health"]);
}

#[test]
fn a_project_goes_by_id_slug_and_name_within_its_organization() {
    let instance = Instance::begun();
    let org = ["--org", "Acme Health"];
    let made = instance.json(&[&["project", "create", "--name", "Live Data"], &org[..]].concat());
    assert_eq!(text(&made, "slug"), "live-data");
    for name in [&text(&made, "id"), "live-data", "Live Data"] {
        assert_eq!(instance.json(&[&["project", "show", name], &org[..]].concat()), made);
    }
    let update = ["project", "update", "live-data", "--name", "Live"];
    assert_eq!(text(&instance.json(&[&update[..], &org].concat()), "name"), "Live");
    assert_eq!(names(&instance.json(&[&["project", "list"], &org[..]].concat())), ["Live"]);
    instance.json(&[&["project", "delete", "Live"], &org[..]].concat());
    assert!(names(&instance.json(&[&["project", "list"], &org[..]].concat())).is_empty());
}

#[test]
fn a_group_has_a_bio_and_members() {
    let instance = Instance::begun();
    let org = ["--org", "acme-health"];
    let create = ["group", "create", "--name", "Up", "--bio", "up north"];
    let made = instance.json(&[&create[..], &org].concat());
    assert_eq!(text(&made, "bio"), "up north");
    let bare = instance.json(&[&["group", "update", "Up", "--bio", ""], &org[..]].concat());
    assert_eq!(bare["bio"], json!(null));

    let ada = instance.json(&["user", "create", "--email", "ada@example.com", "--name", "Ada"]);
    let id = text(&ada, "id");
    instance.json(&[&["member", "add", "ada@example.com", "--role", "owner"], &org[..]].concat());
    instance.json(&[&["member", "add", &id, "--group", "Up"], &org[..]].concat());
    let list = instance.json(&[&["member", "list", "--group", "Up"], &org[..]].concat());
    assert_eq!(list, json!({ "items": [{ "user": id }] }));
    let members = instance.json(&[&["member", "list"], &org[..]].concat());
    assert_eq!(members["items"][0]["role"], "owner");
    instance.json(&[&["member", "remove", &id, "--group", "Up"], &org[..]].concat());
    instance.json(&[&["group", "delete", "Up"], &org[..]].concat());
    let groups = instance.json(&[&["group", "list"], &org[..]].concat());
    assert_eq!(groups, json!({ "items": [] }));
}

#[test]
fn a_user_goes_by_id_and_address() {
    let instance = Instance::begun();
    let made = instance.json(&["user", "create", "--email", "Ada@Example.com", "--name", "Ada"]);
    assert_eq!(instance.json(&["user", "show", "ada@example.com"]), made);
    let changed = instance.json(&["user", "update", &text(&made, "id"), "--name", "Countess"]);
    assert_eq!(text(&changed, "name"), "Countess");
    assert_eq!(names(&instance.json(&["user", "list"])), ["Countess"]);
    instance.json(&["user", "delete", "ada@example.com"]);
    let refused = instance.refused(&["user", "show", "ada@example.com"]);
    assert!(text(&refused, "title").contains("there is no user ada@example.com"), "{refused}");
}

#[test]
fn a_client_is_made_as_its_flags_say() {
    let instance = Instance::begun();
    instance.json(&["group", "create", "--org", "acme-health", "--name", "Up"]);
    let made = instance.json(&[
        "client",
        "create",
        "--org",
        "acme-health",
        "--name",
        "Billing",
        "--grant",
        "client_credentials",
        "--grant",
        "refresh_token",
        "--scope",
        "read",
        "--scope",
        "write",
        "--group",
        "Up",
        "--redirect-uri",
        "https://a.example/cb",
        "--profile",
        "oidc-compat",
        "--token-format",
        "opaque",
        "--audience",
        "https://api.example",
        "--access-ttl",
        "5m",
    ]);
    let id = text(&made, "client_id");
    assert!(text(&made, "client_secret").starts_with("kh_secret_"));
    assert_eq!(made["grant_types"], json!(["client_credentials", "refresh_token"]));
    let read = |name: &str| text(&made, name);
    assert_eq!(read("scope"), "read write");
    assert_eq!(read("profile"), "oidc-compat");
    assert_eq!(read("token_format"), "opaque");
    assert_eq!(read("audience"), "https://api.example");
    assert_eq!(made["access_ttl"], 300);
    assert_eq!(made["groups"].as_array().unwrap().len(), 1);

    let shown = instance.json(&["client", "show", &id]);
    assert_eq!(shown["client_secret"], json!(null), "a secret is shown once");
    let update =
        ["client", "update", &id, "--clear", "audience", "--clear", "groups", "--scope", "a"];
    let changed = instance.json(&update);
    assert_eq!((&changed["audience"], &changed["groups"]), (&json!(null), &json!([])));
    assert_eq!(text(&changed, "scope"), "a");
    instance.json(&["client", "delete", &id]);
    assert_eq!(instance.json(&["client", "list"]), json!({ "items": [] }));
}

#[test]
fn a_client_without_an_organization_belongs_to_the_instance() {
    let instance = Instance::empty();
    let made =
        instance.json(&["client", "create", "--name", "Operator", "--scope", "keyhaven:admin"]);
    assert_eq!(made["organization"], json!(null));
    let public = instance.json(&[
        "client",
        "create",
        "--name",
        "App",
        "--public",
        "--grant",
        "refresh_token",
    ]);
    assert_eq!((&public["auth_method"], &public["client_secret"]), (&json!("none"), &json!(null)));
}

#[test]
fn a_secret_rotates_with_an_overlap() {
    let instance = Instance::begun();
    let (id, first) = instance.client(&["--org", "acme-health"]);
    let rotated = instance.json(&["client", "secret", "rotate", &id, "--overlap", "1h"]);
    assert_ne!(text(&rotated, "client_secret"), first);
    let list = instance.json(&["client", "secret", "list", &id]);
    let secrets = list["items"].as_array().unwrap();
    assert_eq!(secrets.len(), 2);
    let ends = secrets[0]["expires_at"].as_i64().unwrap();
    let made = secrets[1]["created_at"].as_i64().unwrap();
    assert_eq!(ends - made, 3_600);
    let third = instance.refused(&["client", "secret", "rotate", &id]);
    assert!(text(&third, "detail").contains("Two secrets are live already"), "{third}");
    instance.json(&["client", "secret", "delete", &id, &text(&secrets[0], "id")]);
    let left = instance.json(&["client", "secret", "list", &id]);
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
}

#[test]
fn signing_keys_rotate_now_or_once_everybody_has_the_next() {
    let instance = Instance::begun();
    let states = || {
        let list = instance.json(&["signing-key", "list"]);
        let keys = list["items"].as_array().unwrap().clone();
        keys.iter().map(|key| text(key, "state")).collect::<Vec<_>>()
    };
    assert_eq!(states(), ["signs"]);
    let next = instance.json(&["signing-key", "rotate"]);
    assert_eq!(next["items"][0]["state"], "next");
    let again = instance.refused(&["signing-key", "rotate"]);
    assert!(text(&again, "detail").contains("published already"), "{again}");
    assert_eq!(states(), ["next", "signs"]);
    instance.json(&["signing-key", "rotate", "--now", "--alg", "ES256"]);
    assert_eq!(states(), ["signs", "next", "retired"]);
}

#[test]
fn a_client_signs_people_in_as_its_flags_say() {
    let instance = Instance::begun();
    let create = ["client", "create", "--org", "acme-health", "--name", "Portal"];
    let grants = ["--grant", "authorization_code", "--redirect-uri", "https://a.example/cb"];
    let flags = [
        "--post-logout-redirect-uri",
        "https://a.example/bye",
        "--backchannel-logout-uri",
        "https://a.example/out",
        "--subject-type",
        "pairwise",
        "--sector",
        "a.example",
        "--userinfo-alg",
        "ES256",
        "--pushed-requests",
        "required",
        "--dpop",
        "required",
        "--default-max-age",
        "1h",
    ];
    let made = instance.json(&[&create[..], &grants, &flags].concat());
    let sign_in = &made["sign_in"];
    assert_eq!(sign_in["post_logout_redirect_uris"], json!(["https://a.example/bye"]));
    assert_eq!(text(sign_in, "backchannel_logout_uri"), "https://a.example/out");
    assert_eq!(text(sign_in, "subject_type"), "pairwise");
    assert_eq!((text(sign_in, "pushed_requests"), text(sign_in, "dpop")).0, "required");
    assert_eq!(sign_in["default_max_age"], 3_600);

    let id = text(&made, "client_id");
    let update = ["client", "update", &id, "--clear", "userinfo-alg", "--consent", "trusted"];
    let changed = &instance.json(&update)["sign_in"];
    assert_eq!((&changed["userinfo_alg"], &changed["consent"]), (&json!(null), &json!("trusted")));
    assert_eq!(text(changed, "sector"), "a.example", "what is not named stays");
    let refused = instance.refused(&["client", "update", &id, "--client-uri", "http://a.example"]);
    assert_eq!(refused["errors"][0]["pointer"], "/sign_in/client_uri");
}

#[test]
fn a_profile_is_changed_claim_by_claim() {
    let instance = Instance::begun();
    instance.json(&["user", "create", "--email", "ada@example.com", "--name", "Ada"]);
    let update = ["user", "profile", "update", "ada@example.com"];
    let claims = [
        "--claim",
        "given_name=Ada",
        "--claim",
        "address.country=GB",
        "--claim",
        "phone_number=+44 20 7946 0000",
        "--claim",
        "phone_number_verified=true",
    ];
    instance.json(&[&update[..], &claims].concat());
    let more = ["--clear", "given_name", "--claim", "address.locality=London"];
    let changed = instance.json(&[&update[..], &more].concat());
    let expected = json!({
        "address": { "country": "GB", "locality": "London" },
        "phone_number": "+44 20 7946 0000", "phone_number_verified": true,
    });
    assert_eq!(changed, expected);
    assert_eq!(instance.json(&["user", "profile", "show", "ada@example.com"]), expected);
    let refused = instance.refused(&[&update[..], &["--claim", "picture=ftp://x"]].concat());
    assert_eq!(refused["errors"][0]["pointer"], "/picture");
    let consents = ["consent", "list", "--user", "ada@example.com"];
    assert_eq!(instance.json(&consents), json!({ "items": [] }));
}

#[test]
fn an_invitation_is_listed_until_it_is_withdrawn() {
    let instance = Instance::begun();
    let invite = |words: &[&str]| instance.json(&[&["user", "invite", "--email"], words].concat());
    let into = invite(&["Ada@example.com", "--org", "Acme Health", "--role", "admin"]);
    let alone = invite(&["bob@example.com"]);
    assert!(text(&into, "link").contains("/invitation#kh_once_"), "{into}");
    let listed = |words: &[&str]| {
        let page = instance.json(&[&["user", "invitations"], words].concat());
        let items = page["items"].as_array().unwrap().clone();
        items.iter().map(|item| text(item, "id")).collect::<Vec<_>>()
    };
    let (first, second) = (text(&into, "id"), text(&alone, "id"));
    assert_eq!(listed(&["--org", "acme-health"]), [first.as_str()]);
    let mut all = listed(&[]);
    all.sort();
    assert_eq!(all, [first.as_str(), second.as_str()]);
    let shown = &instance.json(&["user", "invitations", "--org", "acme-health"])["items"][0];
    assert_eq!((&shown["email"], &shown["role"]), (&json!("ada@example.com"), &json!("admin")));
    assert!(shown.get("link").is_none(), "a link is shown once: {shown}");

    let withdrawn = instance.json(&["user", "withdraw-invitation", &first]);
    assert_eq!(withdrawn, json!({ "withdrawn": first }));
    assert_eq!(listed(&[]), [second]);
    let refused = instance.refused(&["user", "withdraw-invitation", &first]);
    assert_eq!(refused["status"], 404, "{refused}");
}
