//! What a client that signs people in has registered beyond RFC 6749 (OpenID Connect Registration
//! §2, RP-Initiated Logout §3.1, Back-Channel Logout §2.2, RFC 9126 §6, RFC 9449 §5.2).

use crate::jose::algorithm::Algorithm;
use crate::redirect_uri::shown_host;
use crate::time::Seconds;

/// Whom `sub` names (OpenID Connect Core §8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SubjectType {
    /// The same name at every client.
    #[default]
    Public,
    /// A name of its own per sector.
    Pairwise,
}

/// Whether people are asked before a client gets anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConsentPolicy {
    /// Once per scope and resource.
    #[default]
    Ask,
    /// Never: the operator's own application.
    Trusted,
}

/// A demand that is made or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// As the client likes.
    #[default]
    Optional,
    /// Always.
    Required,
}

macro_rules! two_words {
    ($name:ident { $first:ident = $first_word:literal, $second:ident = $second_word:literal }) => {
        impl $name {
            /// The word on the wire and in the database.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    Self::$first => $first_word,
                    Self::$second => $second_word,
                }
            }

            /// Reads the word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word {
                    $first_word => Some(Self::$first),
                    $second_word => Some(Self::$second),
                    _ => None,
                }
            }
        }
    };
}

two_words!(SubjectType { Public = "public", Pairwise = "pairwise" });
two_words!(ConsentPolicy { Ask = "ask", Trusted = "trusted" });
two_words!(Demand { Optional = "optional", Required = "required" });

/// The settings of one client, as the rules see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// Where answers may go, byte for byte.
    pub redirect_uris: Vec<String>,
    /// Where a browser may go after logging out.
    pub post_logout_redirect_uris: Vec<String>,
    /// Where we tell it that a login ended.
    pub backchannel_logout_uri: Option<String>,
    /// Its home page.
    pub client_uri: Option<String>,
    /// Its picture.
    pub logo_uri: Option<String>,
    /// What it does with what it learns.
    pub policy_uri: Option<String>,
    /// Its terms.
    pub tos_uri: Option<String>,
    /// Whom `sub` names.
    pub subject_type: SubjectType,
    /// The sector of pairwise names, a host; `None` means that of its redirect URIs.
    pub sector: Option<String>,
    /// How its ID tokens are signed.
    pub id_token_alg: Algorithm,
    /// How its UserInfo is signed; `None` means plain JSON.
    pub userinfo_alg: Option<Algorithm>,
    /// The algorithm its request objects must use.
    pub request_object_alg: Option<Algorithm>,
    /// Whether its requests are pushed first (RFC 9126).
    pub pushed_requests: Demand,
    /// Whether its access tokens are bound to a key (RFC 9449).
    pub dpop: Demand,
    /// Whether people are asked.
    pub consent: ConsentPolicy,
    /// How old a login may be when the request does not say.
    pub default_max_age: Option<Seconds>,
    /// The resources it may ask for besides its own audience (RFC 8707).
    pub resources: Vec<String>,
}

impl Default for RelyingParty {
    fn default() -> Self {
        Self {
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            client_uri: None,
            logo_uri: None,
            policy_uri: None,
            tos_uri: None,
            subject_type: SubjectType::Public,
            sector: None,
            // What every OpenID Connect client can verify (OpenID Connect Core §15.1).
            id_token_alg: Algorithm::Rs256,
            userinfo_alg: None,
            request_object_alg: None,
            pushed_requests: Demand::Optional,
            dpop: Demand::Optional,
            consent: ConsentPolicy::Ask,
            default_max_age: None,
            resources: Vec::new(),
        }
    }
}

impl RelyingParty {
    /// Whether pairwise names are those of a sector that is the client's own: the host of its redirect
    /// URIs, or of the one of them that it names. Any other would let it ask for the names by which
    /// somebody else's client knows people (OpenID Connect Core §8.1).
    pub fn owns_its_sector(&self) -> Result<(), &'static str> {
        let mut hosts = self.redirect_uris.iter().map(|uri| shown_host(uri));
        match (&self.sector, self.subject_type) {
            (_, SubjectType::Public) => Ok(()),
            (Some(sector), _) if hosts.any(|host| host == sector) => Ok(()),
            (Some(_), _) => Err("is the host of one of the redirect URIs"),
            (None, _) if hosts.clone().all(|host| host == self.sector()) => Ok(()),
            (None, _) => Err("is needed: the redirect URIs have several hosts"),
        }
    }

    /// The sector of pairwise names.
    #[must_use]
    pub fn sector(&self) -> &str {
        match (&self.sector, self.redirect_uris.first()) {
            (Some(sector), _) => sector,
            (None, Some(uri)) => shown_host(uri),
            (None, None) => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Client, Profile};
    use crate::client_auth::tests::a_client;

    #[test]
    fn the_sector_is_registered_or_the_host_of_the_redirects() {
        let uris = vec!["https://a.test:8443/cb".to_owned()];
        let party = RelyingParty { redirect_uris: uris, ..RelyingParty::default() };
        assert_eq!(party.sector(), "a.test:8443");
        let party = RelyingParty { sector: Some("b.test".into()), ..party };
        assert_eq!(party.sector(), "b.test");
        assert_eq!(RelyingParty::default().sector(), "");
    }

    #[test]
    fn a_client_has_no_sector_but_a_host_of_its_own() {
        let check = |uris: &[&str], sector: Option<&str>, subject_type| {
            let redirect_uris = uris.iter().map(|&uri| uri.to_owned()).collect();
            let sector = sector.map(str::to_owned);
            let party =
                RelyingParty { redirect_uris, sector, subject_type, ..RelyingParty::default() };
            party.owns_its_sector()
        };
        let pairwise = SubjectType::Pairwise;
        let (one, other) = ("https://a.test/cb", "https://b.test/cb");
        assert_eq!(check(&[one, "https://a.test/2"], None, pairwise), Ok(()));
        assert_eq!(check(&[one, other], Some("b.test"), pairwise), Ok(()));
        let several = Err("is needed: the redirect URIs have several hosts");
        assert_eq!(check(&[one, other], None, pairwise), several);
        let foreign = Err("is the host of one of the redirect URIs");
        assert_eq!(check(&[one], Some("b.test"), pairwise), foreign);
        assert_eq!(check(&[one, other], Some("c.test"), SubjectType::Public), Ok(()));
    }

    #[test]
    fn fapi2_pushes_and_binds_whatever_is_registered() {
        let fapi2 = Client { profile: Profile::Fapi2, ..a_client() };
        assert!(fapi2.must_push() && fapi2.must_bind());
        assert!(!a_client().must_push() && !a_client().must_bind());
        let party = RelyingParty { dpop: Demand::Required, ..RelyingParty::default() };
        assert!(Client { party, ..a_client() }.must_bind());
    }
}
