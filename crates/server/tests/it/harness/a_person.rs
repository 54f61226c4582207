//! A person as a test needs them: a user, a membership, a session.

use keyhaven::app::Origin;
use keyhaven::operations::sign_in::{self, Opened, Opening, Visitor};
use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::id::{OrganizationId, UserId};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::sign_in::{Demand, Method, Methods};
use keyhaven_store::memberships::Role;
use keyhaven_store::organizations::Power;
use keyhaven_store::passwords::PasswordChange;
use keyhaven_store::sign_in_policies::SignInPolicy;
use keyhaven_store::users::{User, UserEdit};
use keyhaven_store::{Outcome, Plan, people};

use super::Server;

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub(crate) struct APerson {
    pub(crate) id: UserId,
    pub(crate) email: String,
}

/// Where a test's browser is.
pub(crate) fn a_browsers_origin() -> Origin {
    Origin { address: std::net::Ipv4Addr::new(192, 0, 2, 7).into(), request: "a test".into() }
}

impl Server {
    /// A person who belongs to no organization.
    pub(crate) async fn a_stranger(&self, email: &str) -> APerson {
        let id = UserId(self.app().id());
        let user = User {
            id,
            email: email.into(),
            name: "Ada Lovelace".into(),
            created_at: self.app().clock.now(),
            disabled_at: None,
        };
        let outcome = self.app().store.create_user(&user, self.act()).await;
        assert_eq!(outcome.expect("storage works"), Outcome::Done);
        APerson { id, email: email.into() }
    }

    /// A member of the test's organization.
    pub(crate) async fn a_person(&self, email: &str) -> APerson {
        let person = self.a_stranger(email).await;
        self.join(&person, self.organization, Role::Member).await;
        person
    }

    /// Makes a person a member.
    pub(crate) async fn join(&self, person: &APerson, to: OrganizationId, role: Role) {
        let outcome = self.app().store.add_member(to, person.id, role, self.act()).await;
        assert_eq!(outcome.expect("storage works"), Outcome::Done);
    }

    /// A session of a person, as if they had shown a password.
    pub(crate) async fn a_session(&self, person: &APerson) -> Opened {
        self.a_session_by(person, Methods::of(Method::Password)).await
    }

    /// A session of a person who has shown these.
    pub(crate) async fn a_session_by(&self, person: &APerson, methods: Methods) -> Opened {
        let app = self.app();
        let found = app.store.find_person(person.id).await.expect("storage works");
        let found = found.expect("the person is there");
        let (browser, origin) = (sign_in::new_browser(app), a_browsers_origin());
        let visitor = Visitor {
            browser: &browser,
            device: None,
            agent: "a test",
            session: None,
            origin: &origin,
        };
        let continue_to = Continuation::default();
        let opening = Opening { person: &found, methods, continue_to, parent: None };
        sign_in::open(app, opening, Plan::default(), visitor).await.expect("a session")
    }

    /// Gives a person their first password.
    pub(crate) async fn set_password(&self, person: &APerson, password: &str) {
        let app = self.app();
        let phc = app.passwords.hash(&Secret::from(password), app.dice.bytes()).await;
        let phc = phc.expect("a hash");
        let change = PasswordChange { user: person.id, phc: &phc, was: None, keep: None };
        let outcome = app.store.change_password(change, Plan::default(), self.act()).await;
        assert_eq!(outcome.expect("storage works"), Outcome::Done);
    }

    /// Notes that a person has an authenticator app.
    pub(crate) async fn enrol_totp(&self, person: &APerson) {
        let enrol = people::enrolling(person.id, Method::Totp, self.app().clock.now());
        let outcome = self.app().store.note_factors(enrol, self.act()).await;
        assert_eq!(outcome.expect("storage works"), Outcome::Done);
    }

    /// Lets an organization ask this of those who act in it.
    pub(crate) async fn demand(&self, organization: OrganizationId, demand: Demand) {
        let store = &self.app().store;
        let policy = SignInPolicy { demand, ..SignInPolicy::default() };
        let outcome = store.decide_sign_in_policy(organization, &policy, self.act()).await;
        assert_eq!(outcome.expect("storage works"), Outcome::Done);
    }

    /// Disables or enables a person.
    pub(crate) async fn set_standing(&self, person: &APerson, standing: Power) {
        let edit = UserEdit { standing: Some(standing), ..UserEdit::default() };
        let outcome = self.app().store.update_user(person.id, edit, "{}", self.act()).await;
        assert_eq!(outcome.expect("storage works"), Outcome::Done);
    }
}
