//! Making accounts: by invitation, by signing up where strangers may, and the first administrator.
//! Each spends a one-time code in the commit that makes the account, so a code makes one.

use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::credential::{self, Kind};
use keyhaven_protocol::display_name::parse_display_name;
use keyhaven_protocol::email::parse_email;
use keyhaven_protocol::id::{OrganizationId, UserId};
use keyhaven_protocol::refusal::{Code, Refusal};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::sign_in::{Method, Methods};
use keyhaven_store::accounts::{Address, NewAccount};
use keyhaven_store::memberships::Role;
use keyhaven_store::one_time_codes::{OneTimeCode, Purpose, spending};
use keyhaven_store::sessions::SignedIn;
use keyhaven_store::users::User;
use keyhaven_store::{Error, Outcome, Page, Plan, Reach};

use super::Failure;
use super::notify::take_letter;
use super::passwords::{canonical, refuse_weak};
use super::sign_in::{Opened, Opening, Visitor, open};
use crate::app::{App, Origin};
use crate::config::SignUp;
use crate::mail::letter::Matter;

/// Who a new account is for.
#[derive(Clone, Copy, Debug)]
pub struct NewPerson<'a> {
    /// The name people see, as it was typed.
    pub name: &'a str,
    /// The password they choose; `None` for those who sign in with a passkey alone.
    pub password: Option<&'a Secret>,
}

/// The code of this purpose that a text names, unspent and in time.
pub async fn find_code(app: &App, purpose: Purpose, text: &str) -> Result<OneTimeCode, Failure> {
    let presented = credential::parse_kind(Kind::Once, text.trim())
        .ok_or_else(|| Refusal::grant("not a one-time code of ours").on("once"))?;
    let code = app.store.find_one_time_code(purpose, &presented, app.clock.now()).await?;
    let refused =
        || Refusal::grant("the one-time code is unknown, over, spent or for something else");
    code.ok_or_else(|| refused().on("once").into())
}

/// A new code of this purpose, and its text, which is shown once. Nothing is kept yet.
#[must_use]
pub fn mint_code(app: &App, purpose: Purpose) -> (OneTimeCode, Secret) {
    OneTimeCode::mint(purpose, app.id(), &app.dice.bytes(), app.clock.now())
}

/// An invitation that was made.
pub struct Invited {
    /// The code itself; the link is made of it.
    pub code: OneTimeCode,
    /// Where it leads: the page, and the code behind the `#`, which reaches no log.
    pub link: Secret,
}

/// A new invitation for a canonical address, to the instance or into an organization as a role.
/// Nothing is kept yet.
#[must_use]
pub fn mint_invitation(app: &App, email: String, into: Option<(OrganizationId, Role)>) -> Invited {
    let (mut code, text) = mint_code(app, Purpose::Invitation);
    code.subject = email;
    code.organization = into.map(|(organization, _)| organization);
    code.detail = into.map_or("", |(_, role)| role.as_str()).to_owned();
    Invited { code, link: link(app, "/invitation", &text) }
}

/// A link to one of our pages with a code behind the `#`. The host is the issuer's, whatever the
/// request said (A61).
#[must_use]
pub fn link(app: &App, path: &str, code: &Secret) -> Secret {
    Secret::new(format!("{}{path}#{}", app.settings.issuer, code.reveal()))
}

/// Makes the account of an invitation and signs the person in. Who invites has the link as well, so
/// the address is not shown to be theirs by it. Where the address has an account already, its owner
/// signs in and accepts with [`accept_invitation`].
pub async fn make_invited_account(
    app: &App,
    code: &str,
    new: NewPerson<'_>,
    visitor: Visitor<'_>,
) -> Result<Opened, Failure> {
    let code = find_code(app, Purpose::Invitation, code).await?;
    let membership = invited_into(&code)?;
    let (user, phc) = prepare(app, &code.subject, new).await?;
    let (phc, address) = (phc.as_deref(), Address::Told);
    let account = NewAccount { user: &user, phc, membership, address };
    let act = app.act(format!("user:{}", user.id), visitor.origin);
    let with = spending(&code, app.clock.now());
    made(app.store.create_account(&account, with, act).await?)?;
    let method = first_method(phc, Method::Ticket);
    first_session(app, user.id, method, first_page(phc)?, visitor).await
}

/// A signed-in person accepts an invitation to their own address.
pub async fn accept_invitation(
    app: &App,
    code: &str,
    signed_in: &SignedIn,
    origin: &Origin,
) -> Result<(), Failure> {
    let code = find_code(app, Purpose::Invitation, code).await?;
    let user = &signed_in.person.user;
    if code.subject != user.email {
        return Err(Refusal::grant("the invitation is for another address").into());
    }
    let Some((organization, role)) = invited_into(&code)? else {
        return Err(Refusal::grant("the invitation is for people without an account").into());
    };
    let act = app.act(format!("user:{}", user.id), origin);
    let with = spending(&code, app.clock.now());
    match app.store.join_organization(user.id, organization, role, with, act).await? {
        Outcome::Done | Outcome::Taken(_) => Ok(()),
        other => made(other),
    }
}

fn invited_into(code: &OneTimeCode) -> Result<Option<(OrganizationId, Role)>, Failure> {
    let Some(organization) = code.organization else { return Ok(None) };
    let role = Role::parse(&code.detail)
        .ok_or_else(|| Error::broken("one_time_codes.detail is no role of an invitation"))?;
    Ok(Some((organization, role)))
}

/// Asks for a link that makes an account for whoever reads this address, where strangers may sign up.
/// The answer, and the work, are the same whether it has an account or not (A58).
pub async fn request_sign_up(
    app: &App,
    email: &str,
    new: NewPerson<'_>,
    origin: &Origin,
) -> Result<(), Failure> {
    if app.settings.sign_up == SignUp::Invitation {
        let rule = "accounts are made by invitation here";
        return Err(Refusal::new(Code::UnauthorizedClient, rule).into());
    }
    let letters = take_letter(app, &canonical(email), origin).await?;
    let (user, phc) = prepare(app, email, new).await?;
    letters.ask_for(app, &user.email, Matter::SignUp { name: user.name, phc }).await
}

/// The link of a sign-up; `None` where the address has an account already. Made when the letter is
/// written, so its life begins there.
pub async fn sign_up_link(
    app: &App,
    email: &str,
    name: &str,
    phc: Option<&str>,
    origin: &Origin,
) -> Result<Option<Secret>, Error> {
    if app.store.find_user_by_email(Reach::Instance, email).await?.is_some() {
        return Ok(None);
    }
    let (mut code, text) = mint_code(app, Purpose::SignUp);
    email.clone_into(&mut code.subject);
    code.detail = serde_json::json!([name, phc]).to_string();
    let act = app.act("visitor", origin);
    app.store.keep_one_time_code(&code, "sign_up.offered", act).await?;
    Ok(Some(link(app, "/sign-up/confirm", &text)))
}

/// Makes the account of a sign-up whose address is proved by the code, and signs the person in.
pub async fn confirm_sign_up(
    app: &App,
    code: &str,
    visitor: Visitor<'_>,
) -> Result<Opened, Failure> {
    let code = find_code(app, Purpose::SignUp, code).await?;
    let (name, phc): (String, Option<String>) =
        serde_json::from_str(&code.detail).map_err(Error::broken)?;
    let (id, now) = (UserId(app.id()), app.clock.now());
    let email = code.subject.clone();
    let user = User { id, email, name, created_at: now, disabled_at: None };
    let (phc, address) = (phc.as_deref(), Address::Shown);
    let account = NewAccount { user: &user, phc, membership: None, address };
    let act = app.act(format!("user:{id}"), visitor.origin);
    made(app.store.create_account(&account, spending(&code, now), act).await?)?;
    let method = first_method(phc, Method::MailCode);
    first_session(app, id, method, first_page(phc)?, visitor).await
}

/// Makes the first administrator, with the code that was printed at the start (A67). They own the
/// oldest organization. Works once in the life of an instance.
pub async fn make_first_administrator(
    app: &App,
    code: &str,
    email: &str,
    new: NewPerson<'_>,
    visitor: Visitor<'_>,
) -> Result<Opened, Failure> {
    let code = find_code(app, Purpose::FirstRun, code).await?;
    let (user, phc) = prepare(app, email, new).await?;
    let first = Page { after: None, limit: 1 };
    let organizations = app.store.list_organizations(Reach::Instance, first).await?;
    let membership = organizations.items.first().map(|found| (found.id, Role::Owner));
    let (phc, address) = (phc.as_deref(), Address::Told);
    let account = NewAccount { user: &user, phc, membership, address };
    let act = app.act(format!("user:{}", user.id), visitor.origin);
    let with = spending(&code, app.clock.now());
    made(app.store.create_first_administrator(&account, with, act).await?)?;
    first_session(app, user.id, Method::FirstRun, Continuation::default(), visitor).await
}

/// The code with which the first administrator is made, while there is none.
pub async fn first_run_code(app: &App, origin: &Origin) -> Result<Option<Secret>, Error> {
    if app.store.has_administrators().await? {
        return Ok(None);
    }
    let (code, text) = mint_code(app, Purpose::FirstRun);
    let act = app.act("system", origin);
    app.store.keep_one_time_code(&code, "first_run.offered", act).await?;
    Ok(Some(text))
}

/// A user and the PHC string of their password, if they chose one, from what was typed.
async fn prepare(
    app: &App,
    email: &str,
    new: NewPerson<'_>,
) -> Result<(User, Option<String>), Failure> {
    let email = parse_email(email).map_err(|rule| Refusal::request(rule).on("username"))?;
    let name = parse_display_name(new.name).map_err(|rule| Refusal::request(rule).on("name"))?;
    let phc = match new.password {
        None => None,
        Some(password) => {
            refuse_weak(password, &email)?;
            Some(app.passwords.hash(password, app.dice.bytes()).await?)
        }
    };
    let (id, created_at) = (UserId(app.id()), app.clock.now());
    Ok((User { id, email, name, created_at, disabled_at: None }, phc))
}

/// What making an account ended as.
fn made(outcome: Outcome) -> Result<(), Failure> {
    let refusal = match outcome {
        Outcome::Done => return Ok(()),
        Outcome::Taken("email") => Refusal::grant("the address has an account already"),
        Outcome::Moved => Refusal::grant("the one-time code was spent at the same time").on("once"),
        Outcome::Absent => Refusal::grant("the organization is gone"),
        Outcome::Full("administrators") => {
            Refusal::new(Code::UnauthorizedClient, "the instance has an administrator already")
        }
        other => return Err(Error::broken(format!("an account ended as {other:?}")).into()),
    };
    Err(refusal.into())
}

/// The session of an account that was just made.
async fn first_session(
    app: &App,
    user: UserId,
    method: Method,
    continue_to: Continuation,
    visitor: Visitor<'_>,
) -> Result<Opened, Failure> {
    let person = app.store.find_person(user).await?;
    let person = person.ok_or_else(|| Refusal::grant("the user is gone"))?;
    let opening =
        Opening { person: &person, methods: Methods::of(method), continue_to, parent: None };
    open(app, opening, Plan::default(), visitor).await
}

/// Where the first session of an account leads.
fn first_page(phc: Option<&str>) -> Result<Continuation, Failure> {
    match phc {
        Some(_) => Ok(Continuation::default()),
        None => Ok(Continuation::parse("/account/passkeys/new").map_err(Error::broken)?),
    }
}

/// What the first session of an account was begun with.
fn first_method(phc: Option<&str>, without: Method) -> Method {
    if phc.is_some() { Method::Password } else { without }
}
