//! What one does to one's own account: who sent the form, whether they proved who they are a moment
//! ago, and how the account page says that it is done.

use axum::response::{IntoResponse as _, Response};

use crate::app::Shared;
use crate::http::browser::SignedInUser;
use crate::http::page::{self, Early};
use crate::http::same_origin::Posted;
use crate::operations::Failure;
use crate::operations::factors::require_fresh;

/// The account page.
pub const ACCOUNT: &str = "/account";

/// Who sent a form of the account.
pub async fn sender(app: &Shared, posted: &Posted) -> Result<SignedInUser, Early> {
    let user = SignedInUser::of(app, posted.browser.clone()).await;
    user.map_err(|nobody| nobody.into_response().into())
}

/// Lets those pass who proved who they are a moment ago; the others sign in again and come back to
/// `path`.
pub fn asked_lately(app: &Shared, user: &SignedInUser, path: &str) -> Result<(), Early> {
    match require_fresh(app, &user.signed_in) {
        Ok(()) => Ok(()),
        Err(Failure::Refused(_)) => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("again", "yes").append_pair("continue", path);
            Err(page::see_other(&format!("/login?{}", query.finish())).into())
        }
        Err(failure) => Err(refused(app, user, failure)),
    }
}

/// The account page, which says what was done.
#[must_use]
pub fn done(what: &str) -> Response {
    page::see_other(&format!("{ACCOUNT}?done={what}"))
}

/// The error page, for what no form can say.
pub fn refused(app: &Shared, user: &SignedInUser, failure: Failure) -> Early {
    page::refused(app, failure, &user.browser.origin).into()
}

/// What was done, in words. The query chooses one of ours and adds none.
#[must_use]
pub fn said(what: &str) -> Option<&'static str> {
    Some(match what {
        "ready" => "Your account is ready.",
        "password" => "Your password is changed. Your other browsers and devices are signed out.",
        "name" => "Your name is changed.",
        "session-named" => "The name of the session is changed.",
        "address-asked" => "Open the link that was sent to the new address.",
        "address" => "Your address is changed. Your other browsers and devices are signed out.",
        "authenticator" => {
            "The authenticator app is set up. You need it from the next sign-in on; your other \
             browsers and devices are signed out."
        }
        "no-authenticator" => {
            "The authenticator app is removed. Your other browsers and devices are signed out."
        }
        "passkey" => "The passkey is added. Your other browsers and devices are signed out.",
        "no-passkey" => "The passkey is removed. Your other browsers and devices are signed out.",
        "linked" => "The other account is linked. Your other browsers and devices are signed out.",
        "unlinked" => {
            "The other account is unlinked. Your other browsers and devices are signed out."
        }
        "ended" => "That session is signed out.",
        "others-ended" => "All your other browsers and devices are signed out.",
        _ => return None,
    })
}
