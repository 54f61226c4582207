//! A known device: a browser in which this person has signed in before keeps an allowance of its own,
//! so that strangers who guess cannot lock the owner out (A59). The cookie's value is sealed, says
//! who and until when, and opens nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyhaven_protocol::id::{Id, UserId};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::Error;
use keyhaven_store::seal::Place;

use crate::app::App;

/// How long a device stays known without signing in.
pub const KNOWN_FOR: Seconds = Seconds(180 * 86_400);

const PLACE: Place<'static> = Place { column: "cookie.device", row: b"" };

/// The device a cookie names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its own id: two devices of one person do not share an allowance.
    pub id: Id,
    /// Whose it is.
    pub user: UserId,
}

/// A cookie value that makes a browser a known device of `user`.
pub fn remember(app: &App, user: UserId) -> Result<Secret, Error> {
    let until = app.clock.now().plus(KNOWN_FOR);
    let plain = [app.id().0.as_slice(), &user.0.0, &until.0.to_be_bytes()].concat();
    let sealed = app.store.sealer().seal(PLACE, &plain, app.dice.bytes())?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(sealed)))
}

/// The device of a cookie value, while it is known. Whatever does not open is no device.
#[must_use]
pub fn recognise(app: &App, cookie: &Secret) -> Option<Device> {
    let sealed = URL_SAFE_NO_PAD.decode(cookie.reveal()).ok()?;
    let plain = app.store.sealer().open(PLACE, &sealed).ok()?;
    let (id, rest) = plain.split_first_chunk::<16>()?;
    let (user, until) = rest.split_first_chunk::<16>()?;
    let until = Timestamp(i64::from_be_bytes(until.try_into().ok()?));
    (app.clock.now() < until).then_some(Device { id: Id(*id), user: UserId(Id(*user)) })
}
