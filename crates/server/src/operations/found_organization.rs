//! A person who belongs nowhere makes an organization of their own: they own it, it has a first
//! project, and their session acts there from then on.

use keyhaven_protocol::id::{OrganizationId, ProjectId};
use keyhaven_protocol::slug::parse_slug;
use keyhaven_store::memberships::Role;
use keyhaven_store::organizations::Organization;
use keyhaven_store::projects::Project;
use keyhaven_store::sessions::SignedIn;
use keyhaven_store::{Error, Outcome};

use super::Failure;
use crate::app::{App, Origin};

/// How often a slug that is taken is varied.
const ATTEMPTS: usize = 4;

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Founded {
    /// The organization is there and the session acts in it.
    Done(OrganizationId),
    /// The person belongs to one already.
    BelongsAlready,
}

/// Makes the organization.
pub async fn found_organization(
    app: &App,
    signed_in: &SignedIn,
    name: &str,
    origin: &Origin,
) -> Result<Founded, Failure> {
    if !signed_in.person.memberships.is_empty() {
        return Ok(Founded::BelongsAlready);
    }
    let user = signed_in.person.user.id;
    let act = || app.act(format!("user:{user}"), origin);
    for attempt in 0..ATTEMPTS {
        let organization = Organization {
            id: OrganizationId(app.id()),
            name: name.to_owned(),
            slug: slug(app, name, attempt),
            created_at: app.clock.now(),
            disabled_at: None,
        };
        let project = Project {
            id: ProjectId(app.id()),
            organization: organization.id,
            name: "Default".into(),
            slug: "default".into(),
            created_at: organization.created_at,
        };
        match app
            .store
            .found_organization(&organization, &project, user, Role::Owner, act())
            .await?
        {
            Outcome::Done => {
                let to = Some(organization.id);
                let project = Some(project.id);
                app.store.switch_scope(&signed_in.session, to, project, act()).await?;
                return Ok(Founded::Done(organization.id));
            }
            Outcome::Taken("slug") => continue,
            Outcome::Taken(_) => return Ok(Founded::BelongsAlready),
            other => return Err(Error::broken(format!("founding ended as {other:?}")).into()),
        }
    }
    Err(Error::busy("no free slug was found").into())
}

/// The name in small letters and hyphens; varied when that is taken, made up when nothing is left.
fn slug(app: &App, name: &str, attempt: usize) -> String {
    let mut slug = String::new();
    for char in name.to_lowercase().chars() {
        if char.is_ascii_alphanumeric() {
            slug.push(char);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(30);
    let slug = slug.trim_matches('-');
    if attempt == 0 && parse_slug(slug).is_ok() {
        return slug.to_owned();
    }
    let tail = &app.id().simple()[24..];
    if slug.is_empty() { format!("org-{tail}") } else { format!("{slug}-{tail}") }
}
