//! What scripts rely on: one document, an exit code, a sentence that names what is wrong.

use std::process::Output;

use serde_json::Value;

use super::{Instance, text};

#[test]
fn every_command_prints_one_document() {
    let instance = Instance::begun();
    let (client, _) = instance.client(&["--org", "acme-health"]);
    let lines: &[&[&str]] = &[
        &["org", "list"],
        &["org", "show", "acme-health"],
        &["project", "list", "--org", "acme-health"],
        &["group", "list", "--org", "acme-health"],
        &["member", "list", "--org", "acme-health"],
        &["user", "list"],
        &["upstream", "list"],
        &["sign-in-policy", "show", "--org", "acme-health"],
        &["domain", "list", "--org", "acme-health"],
        &["client", "list"],
        &["client", "list", "--org", "acme-health"],
        &["client", "show", &client],
        &["client", "secret", "list", &client],
        &["client", "revoke", &client],
        &["grant", "list"],
        &["grant", "list", "--client", &client],
        &["token", "inspect", "kh_access_x"],
        &["signing-key", "list"],
        &["audit", "list"],
        &["config"],
        &["openapi"],
        &["reference", "configuration"],
        &["reference", "cli"],
        &["reference", "providers"],
    ];
    for line in lines {
        assert!(instance.json(line).is_object(), "{line:?}");
    }
}

#[test]
fn an_unknown_name_is_named_and_ends_with_1() {
    let instance = Instance::begun();
    for (line, sentence) in [
        (&["org", "show", "nope"][..], "there is no organization nope"),
        (&["client", "create", "--org", "nope", "--name", "x"], "there is no organization nope"),
        (&["project", "show", "p", "--org", "acme-health"], "there is no project p"),
        (&["group", "delete", "g", "--org", "acme-health"], "there is no group g"),
        (&["client", "show", "kh_client_x"], "No such client."),
        (&["grant", "revoke", "x"], "No such grant."),
        (&["explain", "KH-0000-0000"], "No such refusal."),
    ] {
        let output = instance.run(line);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{line:?}");
        assert!(told.starts_with(&format!("keyhaven: {sentence}")), "{line:?}: {told}");
        assert!(instance.refused(line).is_object(), "{line:?}");
    }
}

#[test]
fn a_refusal_names_the_member() {
    let instance = Instance::begun();
    let refused = instance.refused(&["client", "create", "--name", "x", "--access-ttl", "1d"]);
    assert_eq!(refused["errors"][0]["pointer"], "/access_ttl", "{refused}");
    let taken = instance.refused(&["org", "create", "--name", "Acme Health"]);
    assert_eq!(text(&taken, "detail"), "This slug is taken.");
}

#[test]
fn a_refusal_of_the_command_line_can_be_explained() {
    let instance = Instance::begun();
    let refused = instance.refused(&["client", "create", "--name", "x", "--access-ttl", "1d"]);
    let explained = instance.json(&["explain", &text(&refused, "code")]);
    assert_eq!(text(&explained, "error"), "invalid_request");
    assert!(text(&explained, "reason").contains("/access_ttl"), "{explained}");
}

#[test]
fn a_line_that_is_not_understood_ends_with_2() {
    let instance = Instance::empty();
    let output: Output = instance.run(&["org", "crate", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    let told: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert!(text(&told, "title").contains("crate"), "{told}");
}

#[test]
fn a_mistyped_directory_does_not_become_an_instance() {
    let instance = Instance::empty();
    let refused = instance.refused(&["org", "list"]);
    assert!(text(&refused, "title").starts_with("there is no instance in"), "{refused}");
    assert_eq!(std::fs::read_dir(instance.outside()).unwrap().count(), 0);
}

#[test]
fn tables_have_a_line_for_each_thing_and_no_colours_in_a_pipe() {
    let instance = Instance::begun();
    let output = String::from_utf8(instance.run(&["org", "list"]).stdout).unwrap();
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines.len(), 2, "{output}");
    assert!(lines[0].starts_with("id") && lines[1].contains("acme-health"), "{output}");
    assert!(!output.contains('\u{1b}'), "{output:?}");
}

#[test]
fn a_list_goes_on_where_it_ended() {
    let instance = Instance::begun();
    instance.json(&["org", "create", "--name", "B"]);
    let first = instance.json(&["org", "list", "--limit", "1"]);
    let rest = instance.json(&["org", "list", "--cursor", &text(&first, "next")]);
    assert_eq!(first["items"][0]["slug"], "acme-health");
    assert_eq!(rest["items"][0]["slug"], "b");
    assert_eq!(rest["next"], Value::Null);
}
