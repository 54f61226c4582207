//! `auth.info`: who is signed in and where they may go, in the field names of both shapes.

use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::id::ProjectId;
use keyhaven_store::people::{Person, Place, ProjectName};
use keyhaven_store::projects::Project;
use keyhaven_store::{Error, Outcome};
use serde::{Serialize, Serializer};

use super::{Holder, No, acting};
use crate::app::{App, Origin, Shared};
use crate::http::rpc;
use crate::operations::Failure;

/// What accounts of this server are called where the family tells kinds of accounts apart.
const ACCOUNT_TYPE: &str = "free";

#[derive(Serialize)]
struct Info<'a> {
    #[serde(serialize_with = "shown")]
    user_id: keyhaven_protocol::id::UserId,
    user_email: &'a str,
    user_display_name: &'a str,
    is_admin: bool,
    active_organization_id: String,
    gram_account_type: &'static str,
    organization_override: bool,
    has_active_subscription: bool,
    whitelisted: bool,
    trial: Option<()>,
    organizations: Vec<Organization<'a>>,
}

#[derive(Serialize)]
struct Organization<'a> {
    #[serde(serialize_with = "shown")]
    id: keyhaven_protocol::id::OrganizationId,
    name: &'a str,
    slug: &'a str,
    #[serde(serialize_with = "shown")]
    organization_id: keyhaven_protocol::id::OrganizationId,
    organization_name: &'a str,
    organization_slug: &'a str,
    account_type: &'static str,
    projects: Vec<ProjectOf<'a>>,
}

#[derive(Serialize)]
struct ProjectOf<'a> {
    #[serde(serialize_with = "shown")]
    id: ProjectId,
    name: &'a str,
    slug: &'a str,
    #[serde(serialize_with = "shown")]
    project_id: ProjectId,
    project_name: &'a str,
    project_slug: &'a str,
}

fn shown<T: std::fmt::Display, S: Serializer>(id: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// `auth.info`.
pub async fn show_session_info(State(app): State<Shared>, holder: Holder) -> Response {
    match look(&app, &holder).await {
        Ok(None) => rpc::ok(&holder.token, &describe(&holder.signed_in.person, &holder)),
        Ok(Some(person)) => rpc::ok(&holder.token, &describe(&person, &holder)),
        Err(no) => no.told(&app, &holder.origin),
    }
}

/// The family promises every organization at least one project; one without gets it here. `Some` is
/// the person as they are after that.
async fn look(app: &App, holder: &Holder) -> Result<Option<Person>, No> {
    acting(&holder.signed_in)?;
    let person = &holder.signed_in.person;
    if person.memberships.iter().filter(|place| is_open(place)).all(|it| !it.projects.is_empty()) {
        return Ok(None);
    }
    for place in person.memberships.iter().filter(|it| is_open(it) && it.projects.is_empty()) {
        make_default_project(app, place, &holder.origin).await.map_err(Failure::from)?;
    }
    let person = app.store.find_person(person.user.id).await.map_err(Failure::from)?;
    Ok(person)
}

async fn make_default_project(app: &App, place: &Place, origin: &Origin) -> Result<(), Error> {
    let project = Project {
        id: ProjectId(app.id()),
        organization: place.organization,
        name: "Default".into(),
        slug: "default".into(),
        created_at: app.clock.now(),
    };
    match app.store.create_project(&project, app.act("system", origin)).await? {
        Outcome::Done | Outcome::Taken(_) | Outcome::Absent => Ok(()),
        other => Err(Error::broken(format!("the first project ended as {other:?}"))),
    }
}

const fn is_open(place: &Place) -> bool {
    place.disabled_at.is_none()
}

fn describe<'a>(person: &'a Person, holder: &Holder) -> Info<'a> {
    let active = holder.signed_in.session.organization;
    let organizations = person.memberships.iter().filter(|place| is_open(place));
    Info {
        user_id: person.user.id,
        user_email: &person.user.email,
        user_display_name: &person.user.name,
        is_admin: person.administrator_since.is_some(),
        active_organization_id: active.map(|id| id.to_string()).unwrap_or_default(),
        gram_account_type: ACCOUNT_TYPE,
        organization_override: false,
        has_active_subscription: false,
        whitelisted: true,
        trial: None,
        organizations: organizations.map(organization).collect(),
    }
}

fn organization(place: &Place) -> Organization<'_> {
    Organization {
        id: place.organization,
        name: &place.name,
        slug: &place.slug,
        organization_id: place.organization,
        organization_name: &place.name,
        organization_slug: &place.slug,
        account_type: ACCOUNT_TYPE,
        projects: place.projects.iter().map(project).collect(),
    }
}

fn project(project: &ProjectName) -> ProjectOf<'_> {
    ProjectOf {
        id: project.id,
        name: &project.name,
        slug: &project.slug,
        project_id: project.id,
        project_name: &project.name,
        project_slug: &project.slug,
    }
}
