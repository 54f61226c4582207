//! What people call things: an organization by id, slug or name, a group or project by id or name,
//! a user by id or address. A name that several things have is refused, not guessed.

use anyhow::{Result, bail};
use keyhaven_protocol::id::{GroupId, ProjectId, UserId};
use serde_json::Value;

use super::caller::{Ask, Caller};
use super::refused::Refused;

/// How many things are looked through for a name.
const MOST: usize = 10_000;

/// The organization's id.
pub(super) async fn organization(caller: &Caller, text: &str) -> Result<String> {
    match caller.ask(Ask::get(&["organizations", text])).await {
        Ok(found) => Ok(id(&found)),
        Err(error) if is_not_found(&error) => {
            let all = caller.list(Ask::get(&["organizations"]), MOST, None).await?;
            match named(&all, &["name"], text).as_slice() {
                [only] => Ok(id(only)),
                [] => bail!("there is no organization {text}; see: keyhaven org list"),
                _ => bail!("several organizations are called {text}: use the slug or the id"),
            }
        }
        Err(error) => Err(error),
    }
}

/// The organization's id, where one was given.
pub(super) async fn maybe_organization(
    caller: &Caller,
    text: Option<&str>,
) -> Result<Option<String>> {
    match text {
        None => Ok(None),
        Some(text) => organization(caller, text).await.map(Some),
    }
}

/// The id of a group of `organization`.
pub(super) async fn group(caller: &Caller, organization: &str, text: &str) -> Result<String> {
    if GroupId::parse(text).is_some() {
        return Ok(text.to_owned());
    }
    let all = caller.list(Ask::get(&["organizations", organization, "groups"]), MOST, None).await?;
    match named(&all, &["name"], text).as_slice() {
        [only] => Ok(id(only)),
        [] => bail!("there is no group {text} in this organization"),
        _ => bail!("several groups are called {text}: use the id"),
    }
}

/// The id of a project of `organization`.
pub(super) async fn project(caller: &Caller, organization: &str, text: &str) -> Result<String> {
    if ProjectId::parse(text).is_some() {
        return Ok(text.to_owned());
    }
    let path = ["organizations", organization, "projects"];
    let all = caller.list(Ask::get(&path), MOST, None).await?;
    let of_slug = named(&all, &["slug"], text);
    let found = if of_slug.is_empty() { named(&all, &["name"], text) } else { of_slug };
    match found.as_slice() {
        [only] => Ok(id(only)),
        [] => bail!("there is no project {text} in this organization"),
        _ => bail!("several projects are called {text}: use the slug or the id"),
    }
}

/// The user's id.
pub(super) async fn user(caller: &Caller, text: &str) -> Result<String> {
    if UserId::parse(text).is_some() {
        return Ok(text.to_owned());
    }
    let found = caller.ask(Ask::get(&["users"]).with("email", Some(text))).await?;
    match found["items"].as_array().map(Vec::as_slice) {
        Some([only]) => Ok(id(only)),
        _ => bail!("there is no user {text}; see: keyhaven user list"),
    }
}

/// A slug made of a name, for those who did not choose one.
pub(super) fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(63);
    slug.trim_end_matches('-').to_owned()
}

fn named<'a>(page: &'a Value, members: &[&str], text: &str) -> Vec<&'a Value> {
    let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is = |item: &&Value| members.iter().any(|member| item[*member].as_str() == Some(text));
    items.iter().filter(is).collect()
}

fn id(item: &Value) -> String {
    item["id"].as_str().unwrap_or_default().to_owned()
}

fn is_not_found(error: &anyhow::Error) -> bool {
    let refused = error.downcast_ref::<Refused>();
    refused.is_some_and(|refused| refused.status == 404)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_made_of_what_a_slug_may_have() {
        assert_eq!(slug_of("Acme Health, Inc."), "acme-health-inc");
        assert_eq!(slug_of("bench"), "bench");
        assert_eq!(slug_of("Ünïted"), "n-ted");
        assert_eq!(slug_of("日本"), "");
    }
}
