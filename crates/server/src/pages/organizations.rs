//! Choosing the organization one works in.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use keyhaven_store::memberships::Role;
use keyhaven_store::people::Place;
use keyhaven_store::sessions::SignedIn;

use super::parts::{Alert, Form, letter};
use super::sample::{LONGEST, Sample};
use crate::app::Shared;
use crate::http::browser::SignedInUser;
use crate::http::page::{self, Page};
use crate::http::same_origin::Posted;
use crate::operations::sessions::{Switched, switch_scope};

/// `GET /organizations`
pub async fn show_organizations(user: SignedInUser) -> Page {
    page::render(&Organizations::of(&user.signed_in, Form::of(&user)))
}

/// `POST /organizations`: the session acts there from now on.
pub async fn switch_organization(State(app): State<Shared>, posted: Posted) -> Response {
    let user = match SignedInUser::of(&app, posted.browser).await {
        Ok(user) => user,
        Err(nobody) => return nobody.into_response(),
    };
    let (person, slug) = (&user.signed_in.person, posted.form.get("organization"));
    let place = person.memberships.iter().find(|place| Some(place.slug.as_str()) == slug);
    let switched = match place {
        None => Ok(Switched::NoSuchProject),
        Some(place) => {
            let (to, origin) = (Some(place.organization), &user.browser.origin);
            switch_scope(&app, &user.signed_in, to, None, origin).await
        }
    };
    match switched {
        Ok(Switched::Done) => page::see_other("/organizations"),
        Ok(Switched::Barred(_) | Switched::NoSuchProject) => {
            let alert = Alert::of(
                "You cannot work there now. Its owners may ask for another way to sign in.",
            );
            let view = Organizations::of(&user.signed_in, Form::of(&user).with(alert));
            page::render(&view).again().into_response()
        }
        Err(failure) => page::refused(&app, failure, &user.browser.origin),
    }
}

/// The chooser.
#[derive(Debug, Template)]
#[template(path = "organizations.html")]
pub struct Organizations {
    /// Its forms.
    pub form: Form,
    /// Where one belongs.
    pub organizations: Vec<Choice>,
}

/// An organization one belongs to.
#[derive(Debug)]
pub struct Choice {
    /// Its name in addresses.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What one is there.
    pub role: String,
    /// The project in use, if it is this one.
    pub project: String,
    /// Whether it is in use.
    pub is_active: bool,
}

impl Choice {
    /// The letter that stands for it.
    #[must_use]
    pub fn letter(&self) -> String {
        letter(&self.name)
    }
}

impl Organizations {
    pub(crate) const PLACE: &'static str = "organizations";

    fn of(signed_in: &SignedIn, form: Form) -> Self {
        let session = &signed_in.session;
        let choice = |place: &Place| {
            let is_active = session.organization == Some(place.organization);
            let project = place.projects.iter().find(|known| Some(known.id) == session.project);
            Choice {
                slug: place.slug.clone(),
                name: place.name.clone(),
                role: role(place.role).to_owned(),
                project: project
                    .filter(|_| is_active)
                    .map(|known| known.name.clone())
                    .unwrap_or_default(),
                is_active,
            }
        };
        let memberships = signed_in.person.memberships.iter();
        let organizations = memberships.filter(|place| place.disabled_at.is_none()).map(choice);
        Self { form, organizations: organizations.collect() }
    }
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Admin => "Administrator",
        Role::Member => "Member",
    }
}

impl Sample for Organizations {
    const NAME: &'static str = "organizations";

    fn sample() -> Self {
        let choice = |slug: &str, name: &str, role: &str, project: &str| Choice {
            slug: slug.to_owned(),
            name: name.to_owned(),
            role: role.to_owned(),
            project: project.to_owned(),
            is_active: !project.is_empty(),
        };
        let organizations = vec![
            choice("northwind", "Northwind Traders", "Owner", "Default project"),
            choice("contoso", "Contoso", "Member", ""),
            choice("fabrikam", "Fabrikam Research and Development Partners", "Administrator", ""),
        ];
        Self { form: Form::sample(), organizations }
    }

    fn others() -> Vec<(&'static str, Self)> {
        let mut long = Self::sample();
        long.organizations[1].name = LONGEST.to_owned();
        vec![("none", Self { form: Form::sample(), organizations: Vec::new() }), ("long", long)]
    }
}
