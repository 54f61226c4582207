//! What happens next with a sound request: sign in, consent, a code, or no (OpenID Connect Core
//! §3.1.2.3–3.1.2.4). Decided on the stored login and consent, never on what a page sent back, so
//! reloading, going back or editing the address changes nothing (A17).

use super::request::AuthorizationRequest;
use crate::client::Client;
use crate::consent;
use crate::id::{GrantId, UserId};
use crate::refusal::{Code, Refusal};
use crate::relying_party::ConsentPolicy;
use crate::scope::Scopes;
use crate::session::Barred;
use crate::time::{Seconds, Timestamp};

/// One way of showing who one is was used.
pub const ACR_SINGLE: &str = "urn:keyhaven:acr:single-factor";
/// Two ways were, or one that holds two, such as a passkey that verified the person.
pub const ACR_MULTIPLE: &str = "urn:keyhaven:acr:multi-factor";

/// The strength of a login from how it happened (RFC 8176 names).
#[must_use]
pub fn acr_of(amr: &[String]) -> &'static str {
    if amr.iter().any(|method| method == "mfa") { ACR_MULTIPLE } else { ACR_SINGLE }
}

/// The login of the browser that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// Who.
    pub user: UserId,
    /// The session, which is a grant. A new login is a new session.
    pub session: GrantId,
    /// When they last proved who they are.
    pub authenticated_at: Timestamp,
    /// How, by RFC 8176.
    pub amr: Vec<String>,
    /// Their `sub` at the client that asks.
    pub subject: String,
}

/// How things stood when the request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// When.
    pub received_at: Timestamp,
    /// The login of that moment.
    pub login: Option<(GrantId, UserId)>,
}

/// What the person said on the consent page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    Open,
    /// Yes, by this session.
    Allowed(GrantId),
    /// No.
    Denied,
}

/// What is true when a request is decided.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who asks.
    pub client: &'a Client,
    /// The login, if there is one.
    pub login: Option<&'a Login>,
    /// Whom the verified `id_token_hint` names.
    pub hinted: Option<&'a str>,
    /// What was consented to before, if anything ever was.
    pub given: Option<&'a Scopes>,
    /// Why the person may not enter the client's organization, if they belong to it.
    pub barred: Option<Barred>,
    /// How things stood when the request came in.
    pub before: Before,
    /// The answer of the consent page.
    pub decision: Decision,
}

/// Why somebody has to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody is.
    NobodySignedIn,
    /// The client wants to know who of several.
    ChooseAccount,
    /// The client wants proof that is newer.
    Again,
    /// The client wants proof that is stronger.
    Stronger,
}

/// What the consent page asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Everything the client would have.
    pub wanted: Scopes,
    /// What of it is new.
    pub new: Scopes,
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Show the sign-in page.
    Login(Why),
    /// Show the consent page.
    Consent(Asked),
    /// Issue a code.
    Issue(Agreed),
}

/// Who agreed to what the client gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Agreed {
    /// The person, now: everything agreed to from now on.
    Now(Scopes),
    /// The person, before; it must still stand when the code is given.
    Before,
    /// Whoever owns the client, for the person.
    ByOwner,
}

/// Decides a sound request.
pub fn decide(
    request: &AuthorizationRequest,
    facts: &Facts<'_>,
    now: Timestamp,
) -> Result<Next, Refusal> {
    if facts.decision == Decision::Denied {
        return Err(Refusal::new(Code::AccessDenied, "the person said no"));
    }
    let Some(login) = facts.login else {
        return show_login(request, Why::NobodySignedIn, "nobody is signed in");
    };
    let fresh = is_fresh(login, facts.before);
    if let Some(next) = decide_account(request, facts, login, fresh)? {
        return Ok(next);
    }
    if let Some(next) = decide_age(request, facts, login, fresh, now)? {
        return Ok(next);
    }
    if let Some(next) = decide_strength(request, login, fresh)? {
        return Ok(next);
    }
    if let Some(next) = decide_entry(request, facts, fresh)? {
        return Ok(next);
    }
    decide_consent(request, facts, login)
}

/// Whether the person signed in after the request came in. Sessions are compared as well as times,
/// for a login and a request may fall into one second.
fn is_fresh(login: &Login, before: Before) -> bool {
    before.login.is_none_or(|(session, _)| session != login.session)
        && login.authenticated_at >= before.received_at
}

fn show_login(
    request: &AuthorizationRequest,
    why: Why,
    reason: &'static str,
) -> Result<Next, Refusal> {
    if request.prompt.none {
        return Err(Refusal::new(Code::LoginRequired, reason));
    }
    Ok(Next::Login(why))
}

/// Whether it is the person the client means.
fn decide_account(
    request: &AuthorizationRequest,
    facts: &Facts<'_>,
    login: &Login,
    fresh: bool,
) -> Result<Option<Next>, Refusal> {
    let wish = request.claims.of_id_token("sub").filter(|wish| !wish.values.is_empty());
    let expected = facts.hinted.is_none_or(|subject| subject == login.subject)
        && wish.is_none_or(|wish| wish.values.iter().any(|value| *value == login.subject));
    if !expected {
        let reason = "another person is signed in than the client means";
        if fresh {
            return Err(Refusal::new(Code::LoginRequired, reason));
        }
        return show_login(request, Why::ChooseAccount, reason).map(Some);
    }
    if request.prompt.select_account && !fresh {
        return Ok(Some(Next::Login(Why::ChooseAccount)));
    }
    Ok(None)
}

/// Whether the login is new enough (`prompt=login`, `max_age`).
fn decide_age(
    request: &AuthorizationRequest,
    facts: &Facts<'_>,
    login: &Login,
    fresh: bool,
    now: Timestamp,
) -> Result<Option<Next>, Refusal> {
    let too_old = request
        .max_age
        .is_some_and(|most| most == Seconds(0) || now.since(login.authenticated_at) > most);
    if !request.prompt.login && !too_old {
        return Ok(None);
    }
    if !fresh {
        return show_login(request, Why::Again, "the login is older than max_age").map(Some);
    }
    let same = facts.before.login.is_none_or(|(_, user)| user == login.user);
    if same || request.prompt.select_account {
        return Ok(None);
    }
    Err(Refusal::new(Code::LoginRequired, "somebody else signed in when proof was asked for again"))
}

/// Whether the login is strong enough (`acr_values`, and `acr` as an essential claim).
fn decide_strength(
    request: &AuthorizationRequest,
    login: &Login,
    fresh: bool,
) -> Result<Option<Next>, Refusal> {
    let acr = acr_of(&login.amr);
    let wish = request.claims.of_id_token("acr").filter(|wish| !wish.values.is_empty());
    let essential = wish.is_some_and(|wish| wish.essential);
    let wanted: Vec<&str> = match wish {
        Some(wish) => wish.values.iter().filter_map(serde_json::Value::as_str).collect(),
        None => request.acr_values.iter().map(String::as_str).collect(),
    };
    if wanted.is_empty() || wanted.contains(&acr) {
        return Ok(None);
    }
    let reachable = wanted.contains(&ACR_MULTIPLE);
    if reachable && !fresh && !request.prompt.none {
        return Ok(Some(Next::Login(Why::Stronger)));
    }
    if essential {
        return Err(Refusal::new(
            Code::UnmetAuthenticationRequirements,
            "the login does not reach an essential acr",
        )
        .with("acr", acr)
        .with("wanted", wanted.join(" ")));
    }
    Ok(None)
}

/// Whether the person proved what the client's organization demands of its own members. Others are its
/// customers, of whom it demands nothing.
fn decide_entry(
    request: &AuthorizationRequest,
    facts: &Facts<'_>,
    fresh: bool,
) -> Result<Option<Next>, Refusal> {
    match facts.barred {
        None | Some(Barred::NotAMember) => Ok(None),
        Some(Barred::TooWeak) if !fresh => {
            show_login(request, Why::Stronger, Barred::TooWeak.reason()).map(Some)
        }
        Some(barred) => Err(Refusal::new(Code::AccessDenied, barred.reason())),
    }
}

fn decide_consent(
    request: &AuthorizationRequest,
    facts: &Facts<'_>,
    login: &Login,
) -> Result<Next, Refusal> {
    let wanted = consent::wanted(request)?;
    let nothing = Scopes::default();
    let given = facts.given.unwrap_or(&nothing);
    let new = consent::missing(&wanted, given);
    if facts.decision == Decision::Allowed(login.session) {
        return Ok(Next::Issue(Agreed::Now(consent::joined(given, &wanted)?)));
    }
    let unverified = consent::is_unverified(facts.client, &request.target.redirect_uri);
    let covered = facts.given.is_some() && new.is_empty();
    let agreed = match (covered, may_agree_for_the_person(facts)) {
        (true, _) => Some(Agreed::Before),
        (false, true) => Some(Agreed::ByOwner),
        (false, false) => None,
    };
    if let Some(agreed) = agreed.clone().filter(|_| !unverified && !request.prompt.consent) {
        return Ok(Next::Issue(agreed));
    }
    if request.prompt.none {
        let reason = match agreed {
            Some(_) => "an unverified client is never let through silently",
            None => "something is asked for that was not consented to",
        };
        return Err(Refusal::new(Code::ConsentRequired, reason).with("new", new.as_str()));
    }
    Ok(Next::Consent(Asked { wanted, new }))
}

/// Whether a trusted client's owner may agree in the person's place: the instance for everybody, an
/// organization for its members alone. Its customers, and everybody else who is signed in here, are
/// asked, or any tenant could look anybody up.
fn may_agree_for_the_person(facts: &Facts<'_>) -> bool {
    facts.client.party.consent == ConsentPolicy::Trusted && facts.barred != Some(Barred::NotAMember)
}
