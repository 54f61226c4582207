//! Claims from the userinfo endpoint (OpenID Connect Core §5.3.2): believed only if they are about
//! the person of the ID token, since an access token may have been swapped.

use super::{Profile, id_token};
use crate::jose::claims::ClaimSet;

/// What the endpoint adds to what the ID token said. Identity stays the ID token's.
pub fn merge(body: &[u8], known: Profile) -> Result<Profile, &'static str> {
    let told = id_token::profile(&ClaimSet::parse(body)?)?;
    if told.subject != known.subject {
        return Err("userinfo is about another subject");
    }
    let email_verified =
        if known.email.is_some() { known.email_verified } else { told.email_verified };
    Ok(Profile {
        subject: known.subject,
        email_verified,
        email: known.email.or(told.email),
        name: known.name.or(told.name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(email: Option<&str>) -> Profile {
        let email = email.map(str::to_owned);
        Profile { subject: "s".into(), email, email_verified: false, name: None }
    }

    #[test]
    fn a73_another_subject_is_refused() {
        let other = br#"{"sub":"t","email":"ada@a.test"}"#;
        assert_eq!(merge(other, known(None)), Err("userinfo is about another subject"));
        assert_eq!(merge(br#"{"email":"x"}"#, known(None)), Err("sub is missing or not a string"));
    }

    #[test]
    fn it_adds_what_the_id_token_left_out_and_overrules_nothing() {
        let body = br#"{"sub":"s","email":"ada@a.test","email_verified":true,"name":"Ada"}"#;
        let merged = merge(body, known(None)).unwrap();
        assert_eq!(merged.email.as_deref(), Some("ada@a.test"));
        assert!(merged.email_verified);
        let merged = merge(body, known(Some("eve@a.test"))).unwrap();
        assert_eq!(merged.email.as_deref(), Some("eve@a.test"));
        assert!(!merged.email_verified, "another address's verification says nothing");
    }
}
