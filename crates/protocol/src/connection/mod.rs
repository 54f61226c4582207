//! Connections: what other people's servers granted us, as rules over stored facts.
//!
//! States and their transitions, when to refresh, who may, what a failure means for the user, and
//! what a callback says. How one provider speaks OAuth is not here but in its provider file.

pub mod callback;
pub mod failure;
pub mod report;
pub mod serving;
pub mod state;
pub mod timing;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every one, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word it is stored and shown by.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Reads the word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == word)
            }
        }
    };
}
pub(crate) use words;

words! {
    /// How a provider lets a grant be renewed.
    Renewal {
        /// The refresh token stays the same: races are harmless.
        Static = "static",
        /// Every refresh token is spent once (RFC 9700 §4.14.2): one spender ever.
        Rotating = "rotating",
        /// The access token renews itself, while it lives.
        Exchange = "exchange",
        /// There is no refresh token: the credentials ask again (RFC 6749 §4.4).
        Remint = "remint",
        /// What there is does not renew.
        Never = "none",
    }
}

words! {
    /// What a connection holds.
    Method {
        /// An OAuth grant of a person (RFC 6749 §4.1).
        Oauth = "oauth",
        /// The connector's own authority (RFC 6749 §4.4).
        ClientCredentials = "client_credentials",
        /// A key that a person pasted.
        ApiKey = "api_key",
        /// A user name and a password.
        Basic = "basic",
        /// An assertion signed by the connector's key (RFC 7523 §2.1).
        JwtBearer = "jwt_bearer",
        /// A user name and a password that are exchanged for a token (RFC 6749 §4.3), for services
        /// that know nothing better.
        Password = "password",
    }
}

words! {
    /// Whose a connector's connections are.
    Sharing {
        /// Each its user's.
        Private = "private",
        /// The project's.
        Project = "project",
        /// The organization's.
        Organization = "organization",
    }
}

impl Sharing {
    /// Whether administrators, not users, begin and end connections.
    #[must_use]
    pub const fn is_of_a_team(self) -> bool {
        matches!(self, Self::Project | Self::Organization)
    }
}

impl Method {
    /// Whether a person goes through the provider's consent page.
    #[must_use]
    pub const fn asks_a_person(self) -> bool {
        matches!(self, Self::Oauth)
    }

    /// Whether the value a user typed is itself the token.
    #[must_use]
    pub const fn is_typed(self) -> bool {
        matches!(self, Self::ApiKey | Self::Basic)
    }
}
