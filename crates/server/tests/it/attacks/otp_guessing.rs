//! A63: one-time codes used twice, and guessed. A code works once; a sign-in is over after five wrong
//! answers, and an account has ten in its window whoever begins how many sign-ins, across factors.

use keyhaven::operations::factors::{confirm_totp, offer_totp};
use keyhaven::operations::second_factor::{Answer, prove_second_factor};
use keyhaven_protocol::secret::Secret;
use keyhaven_protocol::time::Timestamp;
use keyhaven_protocol::totp::Step;

use crate::harness::{APerson, Place, Server, a_browsers_origin, refused};

on_every_engine![
    a_code_works_once_even_in_two_sign_ins_at_once,
    a_sign_in_is_over_after_five_wrong_answers,
    an_account_has_ten_tries_an_hour_across_factors_and_sign_ins,
    a_recovery_code_works_once,
];

/// A person with an authenticator app; their recovery codes.
async fn with_an_app(server: &Server) -> (APerson, Vec<Secret>) {
    let ada = server.a_person("ada@a.test").await;
    let signed_in = server.signed_in(&server.a_session(&ada).await).await;
    let origin = a_browsers_origin();
    offer_totp(server.app(), &signed_in, &origin).await.expect("a seed");
    let code = code(server, &ada).await;
    let codes = confirm_totp(server.app(), &signed_in, &code, &origin).await.expect("confirmed");
    server.present.pass(60);
    (ada, codes.expect("recovery codes come with the first factor"))
}

/// What the app shows now.
async fn code(server: &Server, person: &APerson) -> String {
    let totp = server.app().store.find_totp(person.id).await.expect("storage works");
    let step = Step::at(Timestamp(server.present.now()));
    totp.expect("a seed").seed.code(step).reveal().to_owned()
}

async fn a_code_works_once_even_in_two_sign_ins_at_once(place: Place) {
    let server = Server::on(&place, &[]).await;
    let (ada, _) = with_an_app(&server).await;
    let shown = code(&server, &ada).await;
    let browsers = [
        server.at_the_second_factor(&ada).await,
        server.at_the_second_factor(&ada).await,
        server.at_the_second_factor(&ada).await,
    ];
    let answer = |at: usize| {
        let browser = &browsers[at];
        prove_second_factor(server.app(), &browser.pending, Answer::Totp(&shown), browser.visitor())
    };
    let (a, b, c) = tokio::join!(answer(0), answer(1), answer(2));
    let all = [a, b, c];
    assert_eq!(all.iter().filter(|one| one.is_ok()).count(), 1, "{all:?}");
    for lost in all.into_iter().filter(Result::is_err) {
        assert_eq!(refused(lost), "this sign-in was completed before");
    }
    let later = server.at_the_second_factor(&ada).await;
    let again =
        prove_second_factor(server.app(), &later.pending, Answer::Totp(&shown), later.visitor());
    assert_eq!(refused(again.await), "this sign-in was completed before");
}

async fn a_sign_in_is_over_after_five_wrong_answers(place: Place) {
    let server = Server::on(&place, &[]).await;
    let (ada, _) = with_an_app(&server).await;
    let browser = server.at_the_second_factor(&ada).await;
    let answer = |typed: String| async {
        let typed = typed;
        let answer = Answer::Totp(&typed);
        prove_second_factor(server.app(), &browser.pending, answer, browser.visitor()).await
    };
    for _ in 0..5 {
        let wrong = refused(answer("000000".into()).await);
        assert_eq!(wrong, "the TOTP code is of no step around now");
    }
    let right = code(&server, &ada).await;
    assert_eq!(refused(answer(right).await), "too many wrong second factors");
}

async fn an_account_has_ten_tries_an_hour_across_factors_and_sign_ins(place: Place) {
    let server = Server::on(&place, &[]).await;
    let (ada, codes) = with_an_app(&server).await;
    for number in 0..10 {
        let browser = server.at_the_second_factor(&ada).await;
        let answer = if number % 2 == 0 {
            Answer::Totp("000000")
        } else {
            Answer::RecoveryCode("000000-000000-000000-000000")
        };
        let wrong = prove_second_factor(server.app(), &browser.pending, answer, browser.visitor());
        assert!(wrong.await.is_err());
    }
    let right = code(&server, &ada).await;
    let browser = server.at_the_second_factor(&ada).await;
    let answer = Answer::Totp(&right);
    let late = prove_second_factor(server.app(), &browser.pending, answer, browser.visitor()).await;
    assert_eq!(refused(late), "too many wrong second factors on an account");
    server.present.pass(3_600);
    let browser = server.at_the_second_factor(&ada).await;
    let answer = Answer::RecoveryCode(codes[0].reveal());
    let opened = prove_second_factor(server.app(), &browser.pending, answer, browser.visitor());
    opened.await.expect("an hour later there are tries again");
}

async fn a_recovery_code_works_once(place: Place) {
    let server = Server::on(&place, &[]).await;
    let (ada, codes) = with_an_app(&server).await;
    let typed = codes[3].reveal().to_uppercase();
    let mut outcomes = Vec::new();
    for _ in 0..2 {
        let browser = server.at_the_second_factor(&ada).await;
        let answer = Answer::RecoveryCode(&typed);
        let proved = prove_second_factor(server.app(), &browser.pending, answer, browser.visitor());
        outcomes.push(proved.await);
    }
    let second = outcomes.pop().expect("two");
    assert_eq!(refused(second), "not a recovery code of this user, or used before");
    let opened = outcomes.pop().expect("one").expect("signed in");
    let signed_in = server.signed_in(&opened).await;
    assert_eq!(signed_in.session.methods.to_string(), "password recovery_code");
    let kept = server.app().store.list_second_factors(ada.id).await.expect("storage works");
    assert_eq!(kept.len(), 2, "recovery removes no factor");
}
