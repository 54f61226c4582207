//! Codes and consents: a code is given once per request and spent once, dies with the consent it
//! came from, and a consent that is withdrawn takes everything along.

use keyhaven_protocol::authorization::{Authorization, Standing};
use keyhaven_protocol::authorize::{Before, Channel};
use keyhaven_protocol::id::{ClientId, GrantId, TokenId, UserId};
use keyhaven_protocol::person::Person;
use keyhaven_protocol::scope::Scopes;
use keyhaven_protocol::time::{Seconds, Timestamp};
use keyhaven_store::authorization_requests::{Handle, WaitingRequest};
use keyhaven_store::authorizations::NewAuthorization;
use keyhaven_store::consents::Consent;
use keyhaven_store::issuing::{FamilyStep, Issue, Issued, NewFamily, NewGrant};
use keyhaven_store::profiles::verifying;
use keyhaven_store::purge::CHUNK;
use keyhaven_store::revocations::{GrantRecord, Whose};
use keyhaven_store::users::{User, UserEdit};
use keyhaven_store::{Outcome, Page, Reach, Store};
use tokio::task::JoinSet;

use crate::families::{NOW, act_at, digest, id, store};
use crate::harness::Place;

on_every_engine![
    an_authorization_reads_back,
    f12_a_code_is_spent_by_one_of_fifty,
    what_a_person_agreed_to_lives_as_long_as_its_grant,
    what_codes_were_redeemed_for_is_found_by_its_owner_and_ends_with_them,
    codes_leave_however_many_living_ones_stand_in_line_before_them,
    a_waiting_request_has_one_outcome,
    a_pushed_request_is_opened_by_one_browser,
    a_waiting_request_is_found_by_its_own_handle_while_it_lives,
    a_consent_is_remembered_per_resource_and_grows,
    a_withdrawn_consent_ends_codes_and_grants,
    a_code_cannot_be_given_under_a_withdrawn_consent,
    giving_redeeming_and_withdrawing_at_once_leaves_nothing_alive,
    a_client_hears_of_an_end_once,
    a_profile_is_the_accounts_and_the_administrators,
];

const CLIENT: u16 = 900;
const USER: u16 = 800;

fn user() -> UserId {
    UserId(id(USER))
}

fn client() -> ClientId {
    ClientId(id(CLIENT))
}

async fn a_user(store: &Store) {
    let user = User {
        id: user(),
        email: "sam@a.test".into(),
        name: "Sam".into(),
        created_at: NOW,
        disabled_at: None,
    };
    assert_eq!(store.create_user(&user, act_at(NOW)).await.expect("commits"), Outcome::Done);
}

fn authorization(number: u16) -> Authorization {
    Authorization {
        id: TokenId(id(number)),
        code: digest(number, 0),
        client: client(),
        user: user(),
        standing: Standing::Active,
        session: GrantId(id(700)),
        session_ends_at: Timestamp(NOW.0 + 5_000),
        session_ended_at: None,
        redirect_uri: "https://a.test/cb".into(),
        redirect_uri_sent: true,
        challenge: None,
        scopes: Scopes::parse("openid email").expect("scopes"),
        audience: String::new(),
        nonce: Some("n".into()),
        authenticated_at: NOW,
        amr: vec!["pwd".into(), "otp".into()],
        max_age: Some(Seconds(60)),
        acr_asked: true,
        claims: Some("{}".into()),
        jkt: Some("key".into()),
        issued_at: NOW,
        code_ends_at: Timestamp(NOW.0 + 60),
        spent_at: None,
    }
}

async fn give(store: &Store, number: u16, consent: Consent<'_>) -> Outcome {
    let authorization = authorization(number);
    let new = NewAuthorization {
        authorization: &authorization,
        consent,
        request: None,
        hears_logout: true,
    };
    store.authorize(&new, act_at(NOW)).await.expect("commits")
}

/// Spends a code: its grant begins, for ten minutes.
async fn redeem(store: &Store, number: u16, now: Timestamp) -> Issued {
    redeem_until(store, number, now, Timestamp(NOW.0 + 600)).await
}

async fn redeem_until(store: &Store, number: u16, now: Timestamp, ends_at: Timestamp) -> Issued {
    let grant = granted(number, now, ends_at);
    let issue = Issue { family: FamilyStep::Grant(&grant), ..Issue::default() };
    store.issue(issue).await.expect("commits")
}

/// The same with a refresh token.
async fn redeem_for_a_family(store: &Store, number: u16, ends_at: Timestamp) {
    let grant = granted(number, NOW, ends_at);
    crate::families::begin(store, &NewFamily { grant, ..crate::families::family(number, None) })
        .await;
}

fn granted(number: u16, now: Timestamp, ends_at: Timestamp) -> NewGrant {
    NewGrant {
        id: TokenId(id(number)),
        of_code: true,
        recalled: None,
        parent: None,
        organization: None,
        owner: Some(user()),
        client: client(),
        scopes: Scopes::default(),
        audience: String::new(),
        ends_at,
        issued_at: now,
    }
}

async fn is_revoked(store: &Store, number: u16) -> bool {
    let grant = Some(GrantId(id(number)));
    let end = store.find_end(TokenId(id(9_999)), grant, None, u64::MAX).await.expect("reads");
    end == keyhaven_protocol::token::Ended::Grant
}

async fn an_authorization_reads_back(place: Place) {
    let store = store(&place).await;
    assert_eq!(store.find_authorization(TokenId(id(1))).await.expect("reads"), None);
    give(&store, 1, Consent::Needless).await;
    let found = store.find_authorization(TokenId(id(1))).await.expect("reads").expect("is there");
    assert_eq!(found.standing, Standing::Gone, "nobody of that id");
    a_user(&store).await;
    let found = store.find_authorization(TokenId(id(1))).await.expect("reads");
    assert_eq!(found, Some(authorization(1)));
    assert_eq!(redeem(&store, 1, NOW).await, Issued::Done);
    let found = store.find_authorization(TokenId(id(1))).await.expect("reads");
    let spent = Authorization { spent_at: Some(NOW), ..authorization(1) };
    assert_eq!(found, Some(spent));
}

async fn f12_a_code_is_spent_by_one_of_fifty(place: Place) {
    let store = store(&place).await;
    give(&store, 1, Consent::Needless).await;
    let mut redeemers = JoinSet::new();
    for _ in 0..50 {
        let store = store.clone();
        redeemers.spawn(async move { redeem(&store, 1, NOW).await });
    }
    let issued = redeemers.join_all().await;
    assert_eq!(issued.iter().filter(|issued| **issued == Issued::Done).count(), 1);
    assert!(issued.iter().all(|issued| matches!(issued, Issued::Done | Issued::Overtaken)));
}

async fn what_a_person_agreed_to_lives_as_long_as_its_grant(place: Place) {
    let store = store(&place).await;
    for number in 1..=3 {
        give(&store, number, Consent::Needless).await;
    }
    let days = |days: i64| Timestamp(NOW.0 + days * 86_400);
    redeem_for_a_family(&store, 1, days(30)).await;
    assert_eq!(redeem_until(&store, 2, NOW, Timestamp(NOW.0 + 300)).await, Issued::Done);
    let kept = async || {
        let mut kept = Vec::new();
        for number in 1..=3 {
            let found = store.find_authorization(TokenId(id(number))).await.expect("reads");
            kept.extend(found.map(|_| number));
        }
        kept
    };
    let living = async || {
        let family = store.find_family(TokenId(id(1))).await.expect("reads").is_some();
        (family, grants(&store, Whose::Everyone).await.len())
    };
    let purge = async |now| store.purge(Seconds(0), Seconds(1), now).await.expect("purges");
    purge(Timestamp(NOW.0 + 3_660)).await;
    assert_eq!(kept().await, [1, 2, 3], "a code that comes back an hour later is known");
    for day in [2, 3, 30] {
        purge(days(day)).await;
        assert_eq!(kept().await, [1], "day {day}: its grant lives");
        assert_eq!(living().await, (true, 1), "day {day}");
    }
    purge(days(32)).await;
    assert_eq!(kept().await, [0_u16; 0]);
    assert_eq!(living().await, (false, 0), "something of it stayed behind");
}

async fn codes_leave_however_many_living_ones_stand_in_line_before_them(place: Place) {
    let store = store(&place).await;
    let living = u16::try_from(CHUNK).expect("small") + 20;
    for number in 0..living + 20 {
        give(&store, number, Consent::Needless).await;
        if number < living {
            let ends_at = Timestamp(NOW.0 + 864_000);
            assert_eq!(redeem_until(&store, number, NOW, ends_at).await, Issued::Done);
        }
    }
    let later = Timestamp(NOW.0 + 86_400);
    while store.purge(Seconds(0), Seconds(1), later).await.expect("purges").more {}
    for number in [0, living - 1] {
        assert!(store.find_authorization(TokenId(id(number))).await.expect("reads").is_some());
    }
    for number in living..living + 20 {
        assert!(store.find_authorization(TokenId(id(number))).await.expect("reads").is_none());
    }
}

async fn grants(store: &Store, whose: Whose) -> Vec<GrantRecord> {
    let page = Page { after: None, limit: 10 };
    store.list_grants(Reach::Instance, whose, page).await.expect("reads").items
}

async fn what_codes_were_redeemed_for_is_found_by_its_owner_and_ends_with_them(place: Place) {
    let store = store(&place).await;
    a_user(&store).await;
    for number in 1..=3 {
        give(&store, number, Consent::Needless).await;
    }
    redeem_for_a_family(&store, 1, Timestamp(NOW.0 + 600)).await;
    assert_eq!(redeem(&store, 3, NOW).await, Issued::Done);
    let found = grants(&store, Whose::User(user())).await;
    let ids = found.iter().map(|grant| grant.id).collect::<Vec<_>>();
    assert_eq!(
        ids,
        [GrantId(id(3)), GrantId(id(1))],
        "newest first; a code that waits is no grant"
    );
    assert!(found.iter().all(|grant| grant.kind == "authorization"), "{found:?}");
    assert_eq!(grants(&store, Whose::User(UserId(id(801)))).await.len(), 0, "somebody else's");
    store.delete_user(user(), act_at(NOW)).await.expect("commits");
    let ended = grants(&store, Whose::User(user())).await;
    let ends = ended.iter().map(|grant| grant.revoked_at).collect::<Vec<_>>();
    assert_eq!(ends, [Some(NOW); 2], "outlived their owner");
}

fn waiting(number: u16, browser: Option<u16>) -> WaitingRequest {
    WaitingRequest {
        handle: Handle { id: id(number), hash: digest(number, 1) },
        client: client(),
        channel: if browser.is_some() { Channel::Front } else { Channel::Pushed },
        browser: browser.map(|browser| digest(browser, 2)),
        form: "scope=openid".into(),
        before: Before { received_at: NOW, login: Some((GrantId(id(700)), user())) },
        expires_at: Timestamp(NOW.0 + 90),
    }
}

async fn a_waiting_request_has_one_outcome(place: Place) {
    let store = store(&place).await;
    let request = waiting(1, Some(5));
    store.keep_request(&request).await.expect("commits");
    let mut outcomes = JoinSet::new();
    for number in 10..30 {
        let (store, handle) = (store.clone(), request.handle);
        outcomes.spawn(async move {
            let authorization = authorization(number);
            let new = NewAuthorization {
                authorization: &authorization,
                consent: Consent::Needless,
                request: Some(handle),
                hears_logout: false,
            };
            store.authorize(&new, act_at(NOW)).await.expect("commits")
        });
    }
    let outcomes = outcomes.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count(), 1);
    assert!(!store.close_request(&request.handle, NOW).await.expect("commits"));
    let mut codes = 0;
    for number in 10..30 {
        let found = store.find_authorization(TokenId(id(number))).await.expect("reads");
        codes += usize::from(found.is_some());
    }
    assert_eq!(codes, 1);
}

async fn a_pushed_request_is_opened_by_one_browser(place: Place) {
    let store = store(&place).await;
    let request = waiting(1, None);
    store.keep_request(&request).await.expect("commits");
    let mut browsers = JoinSet::new();
    for browser in 0..20 {
        let (store, handle) = (store.clone(), request.handle);
        browsers.spawn(async move {
            let before = Before { received_at: NOW, login: None };
            let opened = store.open_request(handle, digest(browser, 2), before).await;
            opened.expect("commits").then_some(browser)
        });
    }
    let opened: Vec<u16> = browsers.join_all().await.into_iter().flatten().collect();
    let found = store.find_request(request.handle, NOW).await.expect("reads").expect("is there");
    assert_eq!(opened.len(), 1);
    assert_eq!(found.browser, Some(digest(opened[0], 2)));
    assert_eq!(found.before.login, None);
    assert_eq!(found.expires_at, Timestamp(NOW.0 + 1_800));
}

async fn a_waiting_request_is_found_by_its_own_handle_while_it_lives(place: Place) {
    let store = store(&place).await;
    let request = waiting(1, Some(5));
    store.keep_request(&request).await.expect("commits");
    let found = store.find_request(request.handle, NOW).await.expect("reads").expect("is there");
    assert_eq!(found.form, request.form);
    assert_eq!(found.before, request.before);
    assert_eq!((found.channel, found.browser), (Channel::Front, Some(digest(5, 2))));
    let guessed = Handle { hash: digest(2, 2), ..request.handle };
    assert!(store.find_request(guessed, NOW).await.expect("reads").is_none());
    assert!(!store.close_request(&guessed, NOW).await.expect("commits"));
    let late = Timestamp(NOW.0 + 90);
    assert!(store.find_request(request.handle, late).await.expect("reads").is_none());
    let before = Before { received_at: late, login: None };
    let opened = store.open_request(request.handle, digest(6, 2), before).await;
    assert!(!opened.expect("commits"), "opened after its end");
}

fn scopes(text: &str) -> Scopes {
    Scopes::parse(text).expect("scopes")
}

async fn consent_to(store: &Store, audience: &str) -> Option<String> {
    let found = store.find_consent(user(), client(), audience).await.expect("reads");
    found.map(|scopes| scopes.as_str().to_owned())
}

async fn a_consent_is_remembered_per_resource_and_grows(place: Place) {
    let store = store(&place).await;
    assert_eq!(consent_to(&store, "").await, None);
    give(&store, 1, Consent::Given(&scopes("openid"))).await;
    give(&store, 2, Consent::Given(&scopes("openid email"))).await;
    assert_eq!(consent_to(&store, "").await.as_deref(), Some("openid email"));
    assert_eq!(consent_to(&store, "https://api.test").await, None);
    assert_eq!(give(&store, 3, Consent::Stands).await, Outcome::Done);
    let listed = store.list_consents(user()).await.expect("reads");
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].scopes, scopes("openid email"));
}

async fn a_withdrawn_consent_ends_codes_and_grants(place: Place) {
    let store = store(&place).await;
    give(&store, 1, Consent::Given(&scopes("openid"))).await;
    give(&store, 2, Consent::Stands).await;
    assert_eq!(redeem(&store, 1, NOW).await, Issued::Done);
    let receipt = store.withdraw_consent(user(), client(), act_at(NOW)).await.expect("commits");
    assert!(receipt.is_some());
    assert!(is_revoked(&store, 1).await);
    assert_eq!(redeem(&store, 2, NOW).await, Issued::Overtaken, "the code lived on");
    let ended = store.find_authorization(TokenId(id(2))).await.expect("reads").expect("is there");
    assert_eq!((ended.spent_at, ended.code_ends_at), (None, NOW), "nobody used it");
    assert_eq!(consent_to(&store, "").await, None);
    let again = store.withdraw_consent(user(), client(), act_at(NOW)).await.expect("commits");
    assert!(again.is_none());
}

async fn a_code_cannot_be_given_under_a_withdrawn_consent(place: Place) {
    let store = store(&place).await;
    assert_eq!(give(&store, 1, Consent::Stands).await, Outcome::Moved);
    assert_eq!(store.find_authorization(TokenId(id(1))).await.expect("reads"), None);
}

async fn giving_redeeming_and_withdrawing_at_once_leaves_nothing_alive(place: Place) {
    let store = store(&place).await;
    give(&store, 1, Consent::Given(&scopes("openid"))).await;
    let mut racers = JoinSet::new();
    for number in 10..40 {
        let store = store.clone();
        racers.spawn(async move {
            if give(&store, number, Consent::Stands).await == Outcome::Done {
                redeem(&store, number, NOW).await;
            }
        });
    }
    let withdrawing = store.clone();
    racers.spawn(async move {
        tokio::task::yield_now().await;
        withdrawing.withdraw_consent(user(), client(), act_at(NOW)).await.expect("commits");
    });
    racers.join_all().await;
    for number in 10..40 {
        let Some(found) = store.find_authorization(TokenId(id(number))).await.expect("reads")
        else {
            continue;
        };
        let dead = match found.spent_at {
            Some(_) => is_revoked(&store, number).await,
            None => found.code_ends_at <= NOW,
        };
        assert!(dead, "code {number} survived: {found:?}");
    }
}

async fn a_client_hears_of_an_end_once(place: Place) {
    let store = store(&place).await;
    give(&store, 1, Consent::Needless).await;
    give(&store, 2, Consent::Needless).await;
    let session = GrantId(id(700));
    let mut numbers = 1_000..;
    let mut next = || id(numbers.next().expect("enough"));
    let noted = store.note_logout(session, user(), NOW, &mut next).await.expect("commits");
    assert_eq!(noted, 1, "one client, however many codes");
    let noted = store.note_logout(session, user(), NOW, &mut next).await.expect("commits");
    assert_eq!(noted, 0);
    let again = Timestamp(NOW.0 + 10);
    let taken = store.take_logout_notices(NOW, again, 10).await.expect("commits");
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].client, taken[0].session, taken[0].tries), (client(), session, 1));
    let other = store.take_logout_notices(NOW, again, 10).await.expect("commits");
    assert!(other.is_empty(), "another node took it as well");
    let retried = store.take_logout_notices(again, Timestamp(again.0 + 10), 10).await;
    assert_eq!(retried.expect("commits").len(), 1);
    store.forget_logout_notice(taken[0].id).await.expect("commits");
    let late = store.take_logout_notices(Timestamp(NOW.0 + 60), NOW, 10).await.expect("commits");
    assert!(late.is_empty());
}

async fn a_profile_is_the_accounts_and_the_administrators(place: Place) {
    let store = store(&place).await;
    let claims = Person::default().with("nickname", "Sam");
    let absent = store.write_profile(user(), &claims, act_at(NOW)).await.expect("commits");
    assert_eq!(absent, Outcome::Absent);
    a_user(&store).await;
    let found = store.find_profile(user()).await.expect("reads").expect("is there");
    assert_eq!((found.claims, found.email_verified), (Person::default(), false));
    let written = store.write_profile(user(), &claims, act_at(NOW)).await.expect("commits");
    assert_eq!(written, Outcome::Done);
    let elsewhere = verifying(user(), "sam@b.test", NOW);
    store.note_factors(elsewhere, act_at(NOW)).await.expect("commits");
    let found = store.find_profile(user()).await.expect("reads").expect("is there");
    assert!(!found.email_verified, "another address was shown");
    let shown = verifying(user(), "sam@a.test", NOW);
    store.note_factors(shown, act_at(NOW)).await.expect("commits");
    let found = store.find_profile(user()).await.expect("reads").expect("is there");
    assert_eq!((found.claims, found.email_verified), (claims, true));
    assert_eq!((found.email.as_str(), found.name.as_str()), ("sam@a.test", "Sam"));
    let edit = UserEdit { email: Some("sam@b.test"), ..UserEdit::default() };
    let moved = store.update_user(user(), edit, "{}", act_at(NOW)).await.expect("commits");
    assert_eq!(moved, Outcome::Done);
    let found = store.find_profile(user()).await.expect("reads").expect("is there");
    assert!(!found.email_verified, "an administrator gave the address");
    store.delete_user(user(), act_at(NOW)).await.expect("commits");
    a_user(&store).await;
    let found = store.find_profile(user()).await.expect("reads").expect("is there");
    assert_eq!(found.claims, Person::default(), "the document went with the account");
}
