//! Choosing the organization one works in.

use askama::Template;

use super::parts::{Form, letter};
use super::sample::Sample;

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
        vec![("none", Self { form: Form::sample(), organizations: Vec::new() })]
    }
}
