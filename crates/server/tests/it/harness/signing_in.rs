//! Steps of a sign-in at the level of operations: a browser, a sign-in under way, what comes next.

use keyhaven::operations::Failure;
use keyhaven::operations::sign_in::{self, Next, Opened, Visitor};
use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::sign_in::Method;
use keyhaven_store::Plan;
use keyhaven_store::pending_sign_ins::PendingSignIn;
use keyhaven_store::sessions::SignedIn;
use std::sync::Arc;

use super::a_person::APerson;
use super::{Server, a_browsers_origin};
use keyhaven::app::Origin;

/// A browser in which somebody is signing in.
pub(crate) struct ABrowser {
    pub(crate) cookie: Secret,
    pub(crate) handle: Secret,
    pub(crate) pending: PendingSignIn,
    origin: Origin,
}

impl ABrowser {
    pub(crate) fn visitor(&self) -> Visitor<'_> {
        Visitor {
            browser: &self.cookie,
            device: None,
            agent: "a test",
            session: None,
            origin: &self.origin,
        }
    }
}

impl Server {
    /// A browser at the sign-in page.
    pub(crate) async fn a_browser(&self) -> ABrowser {
        let cookie = sign_in::new_browser(self.app());
        let (to, origin) = (Continuation::default(), a_browsers_origin());
        let begun = sign_in::begin(self.app(), &cookie, to, &origin).await;
        self.browser_with(cookie, begun.expect("a sign-in begins")).await
    }

    async fn browser_with(&self, cookie: Secret, handle: Secret) -> ABrowser {
        let pending = sign_in::find(self.app(), handle.reveal(), &cookie).await;
        let pending = pending.expect("the sign-in is under way");
        ABrowser { cookie, handle, pending, origin: a_browsers_origin() }
    }

    /// A browser in which the person has shown a password, and what comes next.
    pub(crate) async fn after_a_password(&self, person: &APerson) -> Next {
        let browser = self.a_browser().await;
        let found = self.app().store.find_person(person.id).await.expect("storage works");
        let found = found.expect("the person is there");
        let shown = sign_in::complete_first_factor(
            self.app(),
            &browser.pending,
            &found,
            Method::Password,
            Plan::default(),
            browser.visitor(),
        );
        shown.await.expect("the password counts")
    }

    /// A browser in which a second factor is asked for.
    pub(crate) async fn at_the_second_factor(&self, person: &APerson) -> ABrowser {
        let Next::SecondFactor { handle, browser, .. } = self.after_a_password(person).await else {
            panic!("no second factor is asked for")
        };
        self.browser_with(browser, handle).await
    }

    /// The person behind a session.
    pub(crate) async fn signed_in(&self, opened: &Opened) -> Arc<SignedIn> {
        let app = self.app();
        let found = keyhaven::operations::sessions::recognise_session(app, opened.token.reveal());
        found.await.expect("the session counts")
    }
}

/// The private reason of a refusal.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, Failure>) -> String {
    match outcome {
        Err(Failure::Refused(refused)) => refused.refusal.reason.into_owned(),
        other => panic!("a refusal was expected: {other:?}"),
    }
}
