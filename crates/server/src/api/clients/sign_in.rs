//! The settings of a client that signs people in (OpenID Connect Registration §2, RP-Initiated and
//! Back-Channel Logout, RFC 9126, RFC 9449): on the wire, and parsed one by one.

use keyhaven_protocol::jose::algorithm::Algorithm;
use keyhaven_protocol::redirect_uri::parse_redirect_uri;
use keyhaven_protocol::relying_party::{ConsentPolicy, Demand, RelyingParty, SubjectType};
use keyhaven_protocol::time::Seconds;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::settings::parse_audience;
use crate::api::body::Members;

const MOST_URIS: usize = 20;

/// How a client signs people in. In a change the whole object is replaced: an absent member gets its
/// default.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"post_logout_redirect_uris": ["https://app.example/bye"]}))]
pub struct SignIn {
    /// Where a browser may go after logging out: exact, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    post_logout_redirect_uris: Vec<String>,
    /// Where the client is told that a session ended: https.
    #[serde(skip_serializing_if = "Option::is_none")]
    backchannel_logout_uri: Option<String>,
    /// Resources it may ask for besides its audience: absolute URIs, at most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<String>,
    /// Whether people are asked: `ask` (default) or `trusted`, which an organization may be for its own
    /// members; everybody else is asked all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    consent: Option<String>,
    /// Whether requests must be pushed first: `optional` (default) or `required`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pushed_requests: Option<String>,
    /// Whether access tokens must be bound to a key: `optional` (default) or `required`.
    #[serde(skip_serializing_if = "Option::is_none")]
    dpop: Option<String>,
    /// Whom `sub` names: `public` (default) or `pairwise`.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_type: Option<String>,
    /// The host that pairwise names are shared under, one of those of the redirect URIs; needed only
    /// where they have several.
    #[serde(skip_serializing_if = "Option::is_none")]
    sector: Option<String>,
    /// Signature of its ID tokens: `RS256` (default), `ES256`, `EdDSA` or `PS256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token_alg: Option<String>,
    /// Signature of its UserInfo; absent: plain JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    userinfo_alg: Option<String>,
    /// The one signature its request objects may have; when set, they are required.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_object_alg: Option<String>,
    /// How old a login may be when a request does not say: seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    default_max_age: Option<i64>,
    /// Its home page: https.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_uri: Option<String>,
    /// Its picture: https. Kept for directories; our own pages load nothing from elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    logo_uri: Option<String>,
    /// What it does with what it learns: https.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_uri: Option<String>,
    /// Its terms: https.
    #[serde(skip_serializing_if = "Option::is_none")]
    tos_uri: Option<String>,
}

impl SignIn {
    /// Writes what was sent into `party`; its redirect URIs are a member of the client's own.
    pub(super) fn apply(&self, party: &mut RelyingParty, members: &mut Members) {
        let list = |name: &str,
                    uris: &[String],
                    rule: fn(&str) -> Result<String, &'static str>,
                    members: &mut Members| {
            if uris.len() > MOST_URIS {
                members.wrong(format!("/sign_in/{name}"), "has at most 20 entries");
                return Vec::new();
            }
            let each = uris.iter().enumerate();
            each.filter_map(|(at, uri)| members.read(format!("/sign_in/{name}/{at}"), rule(uri)))
                .collect()
        };
        let mut new =
            RelyingParty { redirect_uris: party.redirect_uris.clone(), ..RelyingParty::default() };
        new.post_logout_redirect_uris = list(
            "post_logout_redirect_uris",
            &self.post_logout_redirect_uris,
            parse_redirect_uri,
            members,
        );
        new.resources = list("resources", &self.resources, parse_audience, members);
        new.backchannel_logout_uri =
            https("backchannel_logout_uri", self.backchannel_logout_uri.as_ref(), members);
        new.client_uri = https("client_uri", self.client_uri.as_ref(), members);
        new.logo_uri = https("logo_uri", self.logo_uri.as_ref(), members);
        new.policy_uri = https("policy_uri", self.policy_uri.as_ref(), members);
        new.tos_uri = https("tos_uri", self.tos_uri.as_ref(), members);
        self.apply_words(&mut new, members);
        *party = new;
    }

    fn apply_words(&self, party: &mut RelyingParty, members: &mut Members) {
        let demand = |word: &str| Demand::parse(word).ok_or("is optional or required");
        let alg = |word: &str| Algorithm::parse(word).ok_or("is ES256, EdDSA, PS256 or RS256");
        if let Some(it) = read("pushed_requests", self.pushed_requests.as_ref(), demand, members) {
            party.pushed_requests = it;
        }
        if let Some(it) = read("dpop", self.dpop.as_ref(), demand, members) {
            party.dpop = it;
        }
        let consent = |word: &str| ConsentPolicy::parse(word).ok_or("is ask or trusted");
        if let Some(it) = read("consent", self.consent.as_ref(), consent, members) {
            party.consent = it;
        }
        let subject = |word: &str| SubjectType::parse(word).ok_or("is public or pairwise");
        if let Some(it) = read("subject_type", self.subject_type.as_ref(), subject, members) {
            party.subject_type = it;
        }
        party.sector = read("sector", self.sector.as_ref(), parse_host, members);
        if let Some(it) = read("id_token_alg", self.id_token_alg.as_ref(), alg, members) {
            party.id_token_alg = it;
        }
        party.userinfo_alg = read("userinfo_alg", self.userinfo_alg.as_ref(), alg, members);
        party.request_object_alg =
            read("request_object_alg", self.request_object_alg.as_ref(), alg, members);
        if let Some(age) = self.default_max_age {
            let rule = if (0..=31_536_000).contains(&age) {
                Ok(Seconds(age))
            } else {
                Err("is 0 to 31536000")
            };
            party.default_max_age = members.read("/sign_in/default_max_age", rule);
        }
    }
}

fn read<T>(
    name: &str,
    word: Option<&String>,
    parse: impl Fn(&str) -> Result<T, &'static str>,
    members: &mut Members,
) -> Option<T> {
    word.and_then(|word| members.read(format!("/sign_in/{name}"), parse(word)))
}

/// An address that is shown or called: https, so that nothing runs and nobody listens (A04).
fn https(name: &str, uri: Option<&String>, members: &mut Members) -> Option<String> {
    let rule = |uri: &str| match parse_redirect_uri(uri) {
        Ok(uri) if uri.starts_with("https://") => Ok(uri),
        Ok(_) | Err(_) => Err("is an https URL"),
    };
    read(name, uri, rule, members)
}

fn parse_host(text: &str) -> Result<String, &'static str> {
    match parse_redirect_uri(&format!("https://{text}")) {
        Ok(_) if !text.contains(['/', '?']) => Ok(text.to_owned()),
        _ => Err("is a host"),
    }
}

impl From<&RelyingParty> for SignIn {
    fn from(party: &RelyingParty) -> Self {
        let word = |word: &str| Some(word.to_owned());
        Self {
            post_logout_redirect_uris: party.post_logout_redirect_uris.clone(),
            backchannel_logout_uri: party.backchannel_logout_uri.clone(),
            resources: party.resources.clone(),
            consent: word(party.consent.as_str()),
            pushed_requests: word(party.pushed_requests.as_str()),
            dpop: word(party.dpop.as_str()),
            subject_type: word(party.subject_type.as_str()),
            sector: party.sector.clone(),
            id_token_alg: word(party.id_token_alg.name()),
            userinfo_alg: party.userinfo_alg.map(|alg| alg.name().to_owned()),
            request_object_alg: party.request_object_alg.map(|alg| alg.name().to_owned()),
            default_max_age: party.default_max_age.map(|age| age.0),
            client_uri: party.client_uri.clone(),
            logo_uri: party.logo_uri.clone(),
            policy_uri: party.policy_uri.clone(),
            tos_uri: party.tos_uri.clone(),
        }
    }
}
