//! The two settings of mail: where to hand it in, and whose name it bears.

use keyhaven_protocol::secret::Secret;
use lettre::message::Mailbox;
use url::{Host, Url};

use crate::config::Setting;

/// Where mail is handed in: `smtps://user:password@host:465` or `smtp://…?tls=required`.
#[derive(Clone, Debug)]
pub struct Smtp(pub Secret);

impl Setting for Smtp {
    /// Passwords and letters do not travel in the clear, except on this machine.
    fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|_| "expected smtps://user:password@host".to_owned())?;
        let host = url.host().ok_or("the URL has no host")?;
        let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value);
        match (url.scheme(), tls.as_deref()) {
            ("smtps", None) | ("smtp", Some("required")) => {}
            ("smtp", None) if is_loopback(&host) => {}
            ("smtp", None | Some("opportunistic")) => {
                return Err(
                    "plain smtp is for loopback only; use smtps or ?tls=required".to_owned()
                );
            }
            ("smtp" | "smtps", _) => return Err("tls may only be required".to_owned()),
            _ => return Err("expected smtps:// or smtp://".to_owned()),
        }
        Ok(Self(Secret::from(text)))
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        // Not a special scheme, so the library leaves addresses as text.
        Host::Domain(name) => {
            let bare = name.trim_start_matches('[').trim_end_matches(']');
            *name == "localhost"
                || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Ipv4(v4) => v4.is_loopback(),
        Host::Ipv6(v6) => v6.is_loopback(),
    }
}

/// Whose name letters bear: `Name <address>` or an address.
#[derive(Clone, Debug)]
pub struct Sender(pub Mailbox);

impl Setting for Sender {
    fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| "expected Name <address>".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_travels_encrypted_except_on_this_machine() {
        for text in [
            "smtps://u:p@mail.test:465",
            "smtp://u:p@mail.test:587?tls=required",
            "smtp://127.0.0.1:25",
            "smtp://localhost:2525",
            "smtp://[::1]:25",
        ] {
            assert!(Smtp::parse(text).is_ok(), "{text}");
        }
        let plain = "plain smtp is for loopback only; use smtps or ?tls=required";
        for text in
            ["smtp://mail.test", "smtp://u:p@mail.test?tls=opportunistic", "smtp://10.0.0.1"]
        {
            assert_eq!(Smtp::parse(text).err().as_deref(), Some(plain), "{text}");
        }
        for text in ["https://mail.test", "smtps://mail.test?tls=none", "mail.test", ""] {
            assert!(Smtp::parse(text).is_err(), "{text}");
        }
    }
}
