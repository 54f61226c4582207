//! `keyhaven member`: who belongs to an organization and as what; with `--group`, who is in one of
//! its groups.

use anyhow::{Result, bail};
use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::json;

use super::caller::{Ask, Caller};
use super::members::Paging;
use super::names;
use super::print::Printer;

const FIELDS: &[&str] = &["user", "role", "created_at"];
const COLUMNS: &[&str] = &["user.id", "user.email", "user.name", "role", "created_at"];
const ROLES: [&str; 3] = ["owner", "admin", "member"];

/// Verbs on memberships.
#[derive(Debug, Subcommand)]
pub(super) enum Member {
    /// Add a user to an organization, or a member to a group.
    Add {
        #[command(flatten)]
        place: Place,
        /// The user's id or address.
        user: String,
        /// What the user may do in the organization [default: member].
        #[arg(long, value_parser = ROLES, conflicts_with = "group")]
        role: Option<String>,
    },
    /// List who belongs to it.
    List {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        paging: Paging,
    },
    /// Change a member's role.
    Update {
        #[command(flatten)]
        place: Place,
        /// The user's id or address.
        user: String,
        /// What the user may do in the organization.
        #[arg(long, value_parser = ROLES)]
        role: String,
    },
    /// Remove a member.
    Remove {
        #[command(flatten)]
        place: Place,
        /// The user's id or address.
        user: String,
    },
}

/// Where people belong.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// The organization: id, slug or name.
    #[arg(long)]
    org: String,
    /// A group of it: id or name.
    #[arg(long)]
    group: Option<String>,
}

impl Place {
    /// The path of its members.
    async fn path(&self, caller: &Caller) -> Result<Vec<String>> {
        let org = names::organization(caller, &self.org).await?;
        let mut path = vec!["organizations".to_owned(), org.clone()];
        if let Some(group) = &self.group {
            path.push("groups".to_owned());
            path.push(names::group(caller, &org, group).await?);
        }
        path.push("members".to_owned());
        Ok(path)
    }
}

impl Member {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        let place = self.place();
        let (path, in_group) = (place.path(caller).await?, place.group.is_some());
        let all: Vec<&str> = path.iter().map(String::as_str).collect();
        match self {
            Self::List { paging, .. } => {
                let page = paging.list(caller, Ask::get(&all)).await?;
                printer.list(&page, if in_group { &["user"] } else { COLUMNS })
            }
            Self::Add { user, role, .. } => {
                let id = names::user(caller, &user).await?;
                if in_group {
                    let one = [all.as_slice(), &[&id]].concat();
                    caller.ask(Ask::new(Method::PUT, &one)).await?;
                    return printer.done("The member is in the group.", &json!({ "user": id }));
                }
                let role = role.as_deref().unwrap_or("member");
                let body = json!({ "user": id, "role": role });
                printer.item(&caller.ask(Ask::post(&all, body)).await?, FIELDS)
            }
            Self::Update { .. } if in_group => bail!("a group has no roles: leave --group out"),
            Self::Update { user, role, .. } => {
                let id = names::user(caller, &user).await?;
                let one = [all.as_slice(), &[&id]].concat();
                let now = caller.ask(Ask::patch(&one, json!({ "role": role }))).await?;
                printer.item(&now, FIELDS)
            }
            Self::Remove { user, .. } => {
                let id = names::user(caller, &user).await?;
                caller.ask(Ask::delete(&[all.as_slice(), &[&id]].concat())).await?;
                printer.done("No member any more.", &json!({ "removed": id }))
            }
        }
    }

    const fn place(&self) -> &Place {
        match self {
            Self::Add { place, .. }
            | Self::List { place, .. }
            | Self::Update { place, .. }
            | Self::Remove { place, .. } => place,
        }
    }
}
