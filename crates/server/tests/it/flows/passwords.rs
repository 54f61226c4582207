//! Passwords and what leads to them: signing in, changing, recovering, invitations, the first run.

use keyhaven::operations::accounts::{self, NewPerson};
use keyhaven::operations::sign_in::{self, Next, Opened, Visitor};
use keyhaven::operations::{passwords, recovery, sessions};
use keyhaven_protocol::continuation::Continuation;
use keyhaven_protocol::secret::Secret;
use keyhaven_store::memberships::Role;
use tokio::task::JoinSet;

use crate::harness::{APerson, Place, Server, a_browsers_origin, reason};

const GOOD: &str = "seven quiet owls";
const BETTER: &str = "nine louder owls";

/// A browser's try with a password.
async fn try_password(server: &Server, email: &str, password: &str) -> Result<Opened, String> {
    try_on(server, email, password, None).await
}

async fn try_on(
    server: &Server,
    email: &str,
    password: &str,
    device: Option<&Secret>,
) -> Result<Opened, String> {
    let app = server.app();
    let (browser, origin) = (sign_in::new_browser(app), a_browsers_origin());
    let agent = "a test";
    let visitor = Visitor { browser: &browser, device, agent, session: None, origin: &origin };
    let handle =
        sign_in::begin(app, &browser, Continuation::default(), &origin).await.expect("begun");
    let pending = sign_in::find(app, handle.reveal(), &browser).await.expect("found");
    let password = Secret::from(password);
    match passwords::sign_in_with_password(app, &pending, email, &password, visitor).await {
        Ok(Next::SignedIn(opened)) => Ok(*opened),
        Ok(Next::SecondFactor { .. }) => Err("a second factor is wanted".into()),
        refused => Err(reason(refused)),
    }
}

/// A member with the password [`GOOD`].
async fn a_member(server: &Server, email: &str) -> APerson {
    let person = server.a_person(email).await;
    server.set_password(&person, GOOD).await;
    person
}

#[tokio::test]
async fn the_right_password_signs_in_and_nothing_else_does() {
    let server = Server::start().await;
    a_member(&server, "ada@example.test").await;
    assert!(try_password(&server, "ADA@example.test", GOOD).await.is_ok());
    let wrong = async |email: &str, password: &str| {
        try_password(&server, email, password).await.unwrap_err()
    };
    assert_eq!(wrong("ada@example.test", BETTER).await, "wrong password");
    assert_eq!(wrong("ada@example.test", &format!("{GOOD} ")).await, "wrong password");
    assert_eq!(wrong("bob@example.test", GOOD).await, "no account has this address");
    assert_eq!(wrong("no address", GOOD).await, "no account has this address");
    server.a_person("eve@example.test").await;
    assert_eq!(wrong("eve@example.test", "").await, "the account has no password");
    let long = "x".repeat(1_025);
    assert_eq!(wrong("ada@example.test", &long).await, "a password has at most 1024 bytes");
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let server = Server::start().await;
    a_member(&server, "ada@example.test").await;
    let kept = try_password(&server, "ada@example.test", GOOD).await.expect("in");
    let other = try_password(&server, "ada@example.test", GOOD).await.expect("in");
    let app = server.app();
    let signed_in = sessions::recognise_session(app, kept.token.reveal()).await.expect("in");
    let (browser, origin) = (sign_in::new_browser(app), a_browsers_origin());
    let visitor =
        Visitor { browser: &browser, device: None, agent: "", session: None, origin: &origin };
    let change = async |old: &str, new: &str| {
        let (old, new) = (Secret::from(old), Secret::from(new));
        passwords::change_password(app, &signed_in, Some(&old), &new, visitor).await
    };
    assert_eq!(reason(change(BETTER, BETTER).await), "wrong password");
    let weak = "this password is one of those that are guessed first";
    assert_eq!(reason(change(GOOD, "password").await), weak);
    change(GOOD, BETTER).await.expect("changed");
    sessions::recognise_session(app, kept.token.reveal()).await.expect("it goes on");
    let ended = sessions::recognise_session(app, other.token.reveal()).await;
    assert_eq!(reason(ended), "the session was ended");
    assert!(try_password(&server, "ada@example.test", GOOD).await.is_err());
    assert!(try_password(&server, "ada@example.test", BETTER).await.is_ok());
}

#[tokio::test]
async fn a_recovery_link_works_once_and_removes_no_second_factor() {
    let server = Server::start().await;
    let ada = a_member(&server, "ada@example.test").await;
    let session = try_password(&server, "ada@example.test", GOOD).await.expect("in");
    server.enrol_totp(&ada).await;
    let (app, origin) = (server.app(), a_browsers_origin());
    let link = recovery::recovery_link(app, "ada@example.test", &origin).await.expect("works");
    let link = link.expect("there is an account");
    let (page, code) = link.reveal().split_once('#').expect("a code behind the #");
    assert_eq!(page, "https://keyhaven.test/reset", "the host is the issuer's");
    let recover = async |new: &str| {
        recovery::recover(app, code, &Secret::from(new), &origin).await.map(|_| ())
    };
    assert_eq!(reason(recover("short").await), "a password has at least 8 characters");
    recover(BETTER).await.expect("recovered");
    let spent = "the one-time code is unknown, over, spent or for something else";
    assert_eq!(reason(recover(GOOD).await), spent);
    let ended = sessions::recognise_session(app, session.token.reveal()).await;
    assert_eq!(reason(ended), "the session was ended");
    let next = try_password(&server, "ada@example.test", BETTER).await.unwrap_err();
    assert_eq!(next, "a second factor is wanted");
    let nobody = recovery::recovery_link(app, "bob@example.test", &origin).await;
    assert!(nobody.expect("works").is_none());
}

#[tokio::test]
async fn a_link_is_over_after_half_an_hour_and_good_for_one_thing() {
    let server = Server::start().await;
    a_member(&server, "ada@example.test").await;
    let (app, origin) = (server.app(), a_browsers_origin());
    let link = recovery::recovery_link(app, "ada@example.test", &origin).await.expect("works");
    let link = link.expect("there is an account");
    let code = link.reveal().split_once('#').expect("a code").1;
    let over = "the one-time code is unknown, over, spent or for something else";
    let elsewhere = accounts::find_code(app, keyhaven_store::one_time_codes::Purpose::Ticket, code);
    assert_eq!(reason(elsewhere.await), over);
    server.present.pass(30 * 60);
    let late = recovery::recover(app, code, &Secret::from(BETTER), &origin).await;
    assert_eq!(reason(late), over);
}

on_every_engine![an_invitation_makes_one_account, there_is_one_first_administrator];

async fn an_invitation_makes_one_account(place: Place) {
    let server = Server::on(&place, &[]).await;
    let app = server.app();
    let into = Some((server.organization, Role::Admin));
    let invited = accounts::mint_invitation(app, "ada@example.test".into(), into);
    let kept = app.store.keep_one_time_code(&invited.code, "user.invited", server.act());
    kept.await.expect("storage works");
    let (page, code) = invited.link.reveal().split_once('#').expect("a code behind the #");
    assert_eq!(page, "https://keyhaven.test/invitation");
    let accept = async || {
        let (browser, origin) = (sign_in::new_browser(app), a_browsers_origin());
        let visitor =
            Visitor { browser: &browser, device: None, agent: "", session: None, origin: &origin };
        let new = NewPerson { name: "Ada", password: Some(&Secret::from(GOOD)) };
        accounts::make_invited_account(app, code, new, visitor).await
    };
    let (one, two) = tokio::join!(accept(), accept());
    let won = [one, two].into_iter().filter_map(Result::ok).collect::<Vec<_>>();
    let [opened] = &won[..] else { panic!("{} accounts were made", won.len()) };
    assert_eq!(opened.organization, Some(server.organization));
    let signed_in = sessions::recognise_session(app, opened.token.reveal()).await.expect("in");
    assert_eq!(signed_in.person.memberships[0].role, Role::Admin);
    assert_eq!(signed_in.person.user.email, "ada@example.test");
}

/// A67: with two codes, printed by two nodes, there is still one.
async fn there_is_one_first_administrator(place: Place) {
    let server = Server::on(&place, &[]).await;
    let (app, origin) = (server.app(), a_browsers_origin());
    let mut codes = Vec::new();
    for _ in 0..2 {
        let code = accounts::first_run_code(app, &origin).await.expect("works");
        codes.push(code.expect("there is no administrator"));
    }
    let mut tries = JoinSet::new();
    for (number, code) in codes.into_iter().enumerate() {
        let app = server.app.clone();
        tries.spawn(async move {
            let (browser, origin) = (sign_in::new_browser(&app), a_browsers_origin());
            let visitor = Visitor {
                browser: &browser,
                device: None,
                agent: "",
                session: None,
                origin: &origin,
            };
            let email = format!("ada{number}@example.test");
            let new = NewPerson { name: "Ada", password: Some(&Secret::from(GOOD)) };
            let code = code.reveal();
            accounts::make_first_administrator(&app, code, &email, new, visitor).await.is_ok()
        });
    }
    let made = tries.join_all().await.into_iter().filter(|made| *made).count();
    assert_eq!(made, 1);
    assert!(accounts::first_run_code(app, &origin).await.expect("works").is_none());
    let stranger = accounts::find_code(
        app,
        keyhaven_store::one_time_codes::Purpose::FirstRun,
        "kh_once_guess",
    );
    assert_eq!(reason(stranger.await), "not a one-time code of ours");
}

/// A59: a thousand tries are ten; the owner's known device still gets in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_is_limited_and_the_owner_still_gets_in() {
    let server = Server::start().await;
    a_member(&server, "ada@example.test").await;
    let device = try_password(&server, "ada@example.test", GOOD).await.expect("in").device;
    let (mut compared, mut limited) = (0, 0);
    for _ in 0..30 {
        match &*try_password(&server, "ada@example.test", "a wrong guess").await.unwrap_err() {
            "wrong password" => compared += 1,
            "too many tries to sign in" => limited += 1,
            other => panic!("{other}"),
        }
    }
    assert_eq!((compared, limited), (10, 20));
    let stranger = try_password(&server, "ada@example.test", GOOD).await.unwrap_err();
    assert_eq!(stranger, "too many tries to sign in");
    assert!(try_on(&server, "ada@example.test", GOOD, Some(&device)).await.is_ok());
    server.present.pass(15 * 60);
    assert!(try_password(&server, "ada@example.test", GOOD).await.is_ok());
}
