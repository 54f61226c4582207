//! `keyhaven user`: people, known to the whole instance.

use anyhow::Result;
use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::json;

use super::caller::{Ask, Caller};
use super::members::{Disabling, Paging, given, present};
use super::names;
use super::print::Printer;
use super::profile::Profile;

const FIELDS: &[&str] = &["id", "email", "name", "created_at", "disabled_at"];

const INVITATIONS: &[&str] = &["id", "email", "organization", "role", "created_at", "expires_at"];

/// Verbs on people.
#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Create a user.
    Create(Create),
    /// List users, oldest first.
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a user.
    Show {
        /// The user's id or address.
        user: String,
    },
    /// Change a user.
    Update(Update),
    /// Invite somebody: prints the link to send to their address.
    Invite(Invite),
    /// List invitations that were not accepted yet.
    Invitations {
        /// Only those into this organization: id, slug or name.
        #[arg(long)]
        org: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Withdraw an invitation: its link opens nothing any more.
    WithdrawInvitation {
        /// Its id.
        invitation: String,
    },
    /// Make a user choose a new password: the old one and every session end.
    RequireReset {
        /// The user's id or address.
        user: String,
    },
    /// List a user's sign-ins, failed ones included, newest first.
    SignIns {
        /// The user's id or address.
        user: String,
        #[command(flatten)]
        paging: Paging,
    },
    /// What claims tell about a user.
    #[command(subcommand)]
    Profile(Profile),
    /// Delete a user with every membership and grant.
    Delete {
        /// The user's id or address.
        user: String,
    },
}

/// Who a new user is.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// The address.
    #[arg(long)]
    email: String,
    /// The name people see.
    #[arg(long)]
    name: String,
}

/// Whom to invite.
#[derive(Debug, Args)]
pub(super) struct Invite {
    /// The address.
    #[arg(long)]
    email: String,
    /// The organization they join: id, slug or name.
    #[arg(long)]
    org: Option<String>,
    /// As what: owner, admin or member.
    #[arg(long, requires = "org")]
    role: Option<String>,
}

/// What changes.
#[derive(Debug, Args)]
pub(super) struct Update {
    /// The user's id or address.
    user: String,
    /// A new address.
    #[arg(long)]
    email: Option<String>,
    /// A new name.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    disabling: Disabling,
}

impl User {
    pub(super) async fn run(self, caller: &Caller, printer: &Printer) -> Result<()> {
        match self {
            Self::Create(new) => {
                let body = json!({ "email": new.email, "name": new.name });
                printer.item(&caller.ask(Ask::post(&["users"], body)).await?, FIELDS)
            }
            Self::List { paging } => {
                printer.list(&paging.list(caller, Ask::get(&["users"])).await?, FIELDS)
            }
            Self::Show { user } => {
                let id = names::user(caller, &user).await?;
                printer.item(&caller.ask(Ask::get(&["users", &id])).await?, FIELDS)
            }
            Self::Update(update) => {
                let id = names::user(caller, &update.user).await?;
                let disabled = update.disabling.choice();
                let body = given(
                    json!({ "email": update.email, "name": update.name, "disabled": disabled }),
                )?;
                printer.item(&caller.ask(Ask::patch(&["users", &id], body)).await?, FIELDS)
            }
            Self::Invite(invite) => {
                let organization = names::maybe_organization(caller, invite.org.as_deref()).await?;
                let body = json!({
                    "email": invite.email, "organization": organization, "role": invite.role,
                });
                let made = caller.ask(Ask::post(&["invitations"], present(body))).await?;
                printer.item(&made, &["id", "email", "link", "expires_at"])?;
                printer.shown_once(true)
            }
            Self::Invitations { org, paging } => {
                let org = names::maybe_organization(caller, org.as_deref()).await?;
                let ask = Ask::get(&["invitations"]).with("organization", org.as_deref());
                printer.list(&paging.list(caller, ask).await?, INVITATIONS)
            }
            Self::WithdrawInvitation { invitation } => {
                caller.ask(Ask::delete(&["invitations", &invitation])).await?;
                printer.done("The invitation is gone.", &json!({ "withdrawn": invitation }))
            }
            Self::RequireReset { user } => {
                let id = names::user(caller, &user).await?;
                let ask = Ask::new(Method::POST, &["users", &id, "require-reset"]);
                caller.ask(ask).await?;
                printer.done("A new password is required.", &json!({ "required": id }))
            }
            Self::SignIns { user, paging } => {
                let id = names::user(caller, &user).await?;
                let page = paging.list(caller, Ask::get(&["users", &id, "sign-ins"])).await?;
                printer.list(&page, &["at", "what", "actor", "detail"])
            }
            Self::Profile(verb) => verb.run(caller, printer).await,
            Self::Delete { user } => {
                let id = names::user(caller, &user).await?;
                caller.ask(Ask::delete(&["users", &id])).await?;
                printer.done("The user is gone.", &json!({ "deleted": id }))
            }
        }
    }
}
