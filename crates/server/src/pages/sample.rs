//! Every page once, as an example: rendered in a test, looked at in screenshots, searched for
//! barriers by axe. A view that is not listed here is not seen by any of them.

use askama::Template;

use super::{
    account, connect, consent, error, form_post, invitation, invited, logout, mail_code, notice,
    organizations, recovery, second_factor, sign_in, sign_up, upstream, welcome,
};

/// A view that shows what it looks like.
pub trait Sample: Template + Sized {
    /// The name of the page, as in its template.
    const NAME: &'static str;

    /// The page as most people meet it.
    fn sample() -> Self;

    /// The page in other states.
    fn others() -> Vec<(&'static str, Self)> {
        Vec::new()
    }
}

/// A long name without a place to break it.
pub const LONGEST: &str = "Rindfleischetikettierungsueberwachungsaufgabenuebertragungsgesetzesfolgen\
                           abschaetzungsverordnungen";

/// A rendered sample and its name.
pub type Rendered = (String, askama::Result<String>);

/// Every sample of every page.
#[must_use]
pub fn all() -> Vec<Rendered> {
    [
        of::<sign_in::SignIn>(),
        of::<sign_up::SignUp>(),
        of::<sign_up::Confirm>(),
        of::<second_factor::SecondFactor>(),
        of::<upstream::Leaving>(),
        of::<mail_code::MailCode>(),
        of::<recovery::Recover>(),
        of::<recovery::Reset>(),
        of::<notice::Notice>(),
        of::<welcome::Welcome>(),
        of::<invitation::Invitation>(),
        of::<organizations::Organizations>(),
        of::<account::Account>(),
        of::<account::naming::Naming>(),
        of::<account::email::Email>(),
        of::<account::authenticator::Authenticator>(),
        of::<account::Keys>(),
        of::<account::Apps>(),
        of::<account::passkeys::NewPasskey>(),
        of::<account::recovery_codes::RecoveryCodes>(),
        of::<account::password::Password>(),
        of::<connect::Connect>(),
        of::<invited::ConnectInvitation>(),
        of::<consent::Consent>(),
        of::<form_post::FormPost>(),
        of::<logout::Logout>(),
        of::<logout::LoggedOut>(),
        of::<error::ErrorPage>(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of<V: Sample>() -> Vec<Rendered> {
    let first = (V::NAME.to_owned(), V::sample().render());
    let others = V::others().into_iter();
    let others = others.map(|(state, view)| (format!("{}-{state}", V::NAME), view.render()));
    std::iter::once(first).chain(others).collect()
}
