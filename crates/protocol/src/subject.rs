//! Who a person is towards a client (OpenID Connect Core §8): the user's id, or, for pairwise
//! clients, a name that clients of different sectors cannot compare. The same for their session, which
//! would otherwise tell such clients that they speak of one person.

use aws_lc_rs::hmac;

use crate::id::{GrantId, UserId};
use crate::jose::base64url;
use crate::relying_party::{RelyingParty, SubjectType};

/// The instance's key for pairwise names. Made once and kept for ever: a new one would give every
/// person a new name at every pairwise client.
#[derive(Clone)]
pub struct PairwiseKey(hmac::Key);

impl std::fmt::Debug for PairwiseKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PairwiseKey(•••)")
    }
}

impl PairwiseKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

/// The `sub` of `user` at a client.
#[must_use]
pub fn of(user: UserId, party: &RelyingParty, key: &PairwiseKey) -> String {
    match party.subject_type {
        SubjectType::Public => user.to_string(),
        SubjectType::Pairwise => named(key, &[party.sector().as_bytes(), &user.0.0]),
    }
}

/// The `sid` of a session at a client.
#[must_use]
pub fn session_of(session: GrantId, party: &RelyingParty, key: &PairwiseKey) -> String {
    match party.subject_type {
        SubjectType::Public => session.to_string(),
        SubjectType::Pairwise => named(key, &[b"session", party.sector().as_bytes(), &session.0.0]),
    }
}

/// No part but the last, of 16 bytes, has a line feed, so different parts never read the same.
fn named(key: &PairwiseKey, parts: &[&[u8]]) -> String {
    base64url::encode(hmac::sign(&key.0, &parts.join(b"\n".as_slice())).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;

    const USER: UserId = UserId(Id::v7(1, [1; 10]));
    const OTHER: UserId = UserId(Id::v7(1, [2; 10]));

    fn party(uri: &str) -> RelyingParty {
        RelyingParty {
            subject_type: SubjectType::Pairwise,
            redirect_uris: vec![uri.to_owned()],
            ..RelyingParty::default()
        }
    }

    #[test]
    fn a_public_subject_is_the_users_id() {
        let key = PairwiseKey::new(&[7; 32]);
        assert_eq!(of(USER, &RelyingParty::default(), &key), USER.to_string());
    }

    #[test]
    fn a_pairwise_subject_depends_on_user_sector_and_key() {
        let key = PairwiseKey::new(&[7; 32]);
        let here = of(USER, &party("https://a.test/cb"), &key);
        assert_eq!(here, of(USER, &party("https://a.test/another"), &key));
        assert_ne!(here, of(USER, &party("https://b.test/cb"), &key));
        assert_ne!(here, of(OTHER, &party("https://a.test/cb"), &key));
        assert_ne!(here, of(USER, &party("https://a.test/cb"), &PairwiseKey::new(&[8; 32])));
        assert!(!here.contains(&USER.to_string()));
    }

    #[test]
    fn a_pairwise_session_cannot_be_compared_either() {
        let key = PairwiseKey::new(&[7; 32]);
        let session = GrantId(Id::v7(2, [3; 10]));
        let public = RelyingParty::default();
        assert_eq!(session_of(session, &public, &key), session.to_string());
        let here = session_of(session, &party("https://a.test/cb"), &key);
        assert_eq!(here, session_of(session, &party("https://a.test/another"), &key));
        assert_ne!(here, session_of(session, &party("https://b.test/cb"), &key));
        assert_ne!(here, of(UserId(session.0), &party("https://a.test/cb"), &key));
        assert!(!here.contains(&session.to_string()));
    }
}
