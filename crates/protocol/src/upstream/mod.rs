//! Signing in with another OpenID provider (OpenID Connect Core §3.1, Discovery §4): what we send it
//! and what of its word we believe. Fetching is not here, nor which of our users somebody is.
//!
//! Who somebody is is (issuer, subject) and nothing else: an address is a claim about a mailbox, and
//! mailboxes change hands.

pub mod admission;
pub mod authorization;
pub mod callback;
pub mod github;
pub mod id_token;
pub mod metadata;
pub mod preset;
pub mod token_response;
pub mod userinfo;

/// What a provider says of a person. Only `subject` identifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The provider's name for the person, never reassigned (OpenID Connect Core §2).
    pub subject: String,
    /// An address, if one was told.
    pub email: Option<String>,
    /// Whether the provider says that the address is the person's.
    pub email_verified: bool,
    /// A name to show, if one was told.
    pub name: Option<String>,
}

/// The longest `sub` (OpenID Connect Core §2).
const MAX_SUBJECT: usize = 255;
