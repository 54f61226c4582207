//! What is known of an OAuth client when a rule decides about it (RFC 6749 §2).

use crate::id::{ClientId, OrganizationId};
use crate::relying_party::{Demand, RelyingParty};
use crate::scope::Scopes;
use crate::secret::Digest;
use crate::time::{Seconds, Timestamp};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word on the wire and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Reads the word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

words! {
    /// Which set of rules a client lives under. Exactly one.
    Profile {
        /// Code with PKCE S256 always; the default.
        Strict = "strict",
        /// Confidential only; PKCE optional but checked whenever sent.
        OidcCompat = "oidc-compat",
        /// FAPI 2.0: PAR, sender-constrained tokens, `private_key_jwt`.
        Fapi2 = "fapi2",
    }
}

words! {
    /// How a client proves who it is at the token endpoint. Exactly one.
    AuthMethod {
        /// HTTP Basic (RFC 6749 §2.3.1).
        Basic = "client_secret_basic",
        /// Secret in the form body (RFC 6749 §2.3.1).
        Post = "client_secret_post",
        /// Signed assertion (RFC 7523 §2.2).
        PrivateKeyJwt = "private_key_jwt",
        /// A public client: no proof.
        None = "none",
    }
}

words! {
    /// What an access token is made of.
    TokenFormat {
        /// `at+jwt` (RFC 9068): verified without a look-up.
        Jwt = "jwt",
        /// A reference that only we can resolve.
        Opaque = "opaque",
    }
}

/// One live client secret: two may live at once for rotation.
#[derive(Clone, Debug)]
pub struct ClientSecret {
    /// SHA-256 of the secret's text.
    pub digest: Digest,
    /// When it stops working; `None` until it is rotated out.
    pub expires_at: Option<Timestamp>,
}

/// Whether a client may act at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Active,
    /// An administrator disabled it.
    Disabled,
    /// Its organization is disabled.
    OrganizationDisabled,
}

/// A client as the rules see it.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// `id` as the `client_id` parameter, kept because every token carries it.
    pub public_id: String,
    /// The owning organization; `None` for one that belongs to the instance.
    pub organization: Option<OrganizationId>,
    /// The name people see.
    pub name: String,
    /// Whether it may act.
    pub standing: Standing,
    /// Its set of rules.
    pub profile: Profile,
    /// How it authenticates.
    pub auth_method: AuthMethod,
    /// Live secrets.
    pub secrets: Vec<ClientSecret>,
    /// The signature algorithm its assertions must use, as registered (RFC 7591 §2).
    pub assertion_alg: Option<String>,
    /// Its published keys as a JWK Set (RFC 7517 §5), for `private_key_jwt`.
    pub keys: Option<String>,
    /// Where it publishes its keys instead (RFC 7591 §2).
    pub keys_uri: Option<String>,
    /// Grant types it may use.
    pub grant_types: Vec<String>,
    /// Scopes it may ask for.
    pub scopes: Scopes,
    /// The audience of its access tokens; `None` means the issuer.
    pub audience: Option<String>,
    /// What its access tokens are made of.
    pub token_format: TokenFormat,
    /// The algorithm of its JWT access tokens (`ES256`, `EdDSA`, `PS256`, `RS256`).
    pub token_alg: String,
    /// Lifetime of its access tokens.
    pub access_ttl: Seconds,
    /// A refresh family ends when unused this long.
    pub refresh_idle: Seconds,
    /// A refresh family ends this long after it began, used or not.
    pub refresh_absolute: Seconds,
    /// How long a spent refresh token still answers with its successor.
    pub refresh_grace: Seconds,
    /// Tokens it got for itself before this instant are dead.
    pub not_before: Timestamp,
    /// What it registered to sign people in.
    pub party: RelyingParty,
}

impl Client {
    /// Whether the client can keep a secret (RFC 6749 §2.1).
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.auth_method != AuthMethod::None
    }

    /// Whether its authorization requests must be pushed first (RFC 9126 §6).
    #[must_use]
    pub fn must_push(&self) -> bool {
        self.party.pushed_requests == Demand::Required || self.profile == Profile::Fapi2
    }

    /// Whether its access tokens must be bound to a key (RFC 9449 §5.2).
    #[must_use]
    pub fn must_bind(&self) -> bool {
        self.party.dpop == Demand::Required || self.profile == Profile::Fapi2
    }

    /// Whether the client lists this grant type.
    #[must_use]
    pub fn may_use(&self, grant_type: &str) -> bool {
        self.grant_types.iter().any(|known| known == grant_type)
    }
}
