//! `keyhaven user profile`: what claims tell about a person.

use anyhow::Result;
use axum::http::Method;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use keyhaven_protocol::person;
use serde_json::{Map, Value, json};

use super::caller::{Ask, Caller};
use super::names;
use super::print::Printer;

/// The claims a profile keeps.
fn fields() -> Vec<&'static str> {
    person::profile_claims().collect()
}

/// Verbs on profiles.
#[derive(Debug, Subcommand)]
pub(super) enum Profile {
    /// Show a user's profile.
    Show {
        /// The user's id or address.
        user: String,
    },
    /// Change claims of a user. Claims that are not named stay.
    Update(Update),
}

/// What changes.
#[derive(Debug, Args)]
pub(super) struct Update {
    /// The user's id or address.
    user: String,
    /// A claim and its value, such as given_name=Ada or address.country=GB. Repeat for several.
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = parse_claim,
          required_unless_present = "clear")]
    claims: Vec<(String, String)>,
    /// Forget a claim. Repeat for several.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(person::profile_names()))]
    clear: Vec<String>,
}

impl Profile {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::Show { user } => {
                let id = names::user(caller, &user).await?;
                let profile = caller.ask(Ask::get(&["users", &id, "profile"])).await?;
                printer.item(&profile, &fields())
            }
            Self::Update(update) => {
                let id = names::user(caller, &update.user).await?;
                let path = ["users", id.as_str(), "profile"];
                let mut profile = caller.ask(Ask::get(&path)).await?;
                if let Some(members) = profile.as_object_mut() {
                    update.apply(members);
                }
                let ask = Ask::new(Method::PUT, &path).body(profile);
                printer.item(&caller.ask(ask).await?, &fields())
            }
        }
    }
}

impl Update {
    fn apply(&self, members: &mut Map<String, Value>) {
        for name in &self.clear {
            match name.strip_prefix("address.") {
                None => drop(members.remove(name)),
                Some(part) => {
                    if let Some(Value::Object(address)) = members.get_mut("address") {
                        address.remove(part);
                    }
                }
            }
        }
        for (name, value) in &self.claims {
            match name.strip_prefix("address.") {
                None => drop(members.insert(name.clone(), typed(name, value))),
                Some(part) => {
                    let address = members.entry("address").or_insert_with(|| json!({}));
                    address[part] = json!(value);
                }
            }
        }
        if members.get("address").and_then(Value::as_object).is_some_and(Map::is_empty) {
            members.remove("address");
        }
    }
}

fn typed(name: &str, value: &str) -> Value {
    match (name, value) {
        ("phone_number_verified", "true") => Value::Bool(true),
        ("phone_number_verified", "false") => Value::Bool(false),
        _ => Value::String(value.to_owned()),
    }
}

fn parse_claim(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let settable: Vec<_> = person::profile_names().filter(|known| *known != "address").collect();
    if settable.contains(&name) {
        return Ok((name.to_owned(), value.to_owned()));
    }
    Err(format!("'{name}' is no claim of a profile: {}", settable.join(", ")))
}
