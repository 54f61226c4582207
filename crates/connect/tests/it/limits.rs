//! What a reply may cost: time, bytes, header fields, and its type.

use std::fmt::Write as _;
use std::time::Duration;

use http_body_util::BodyExt as _;
use keyhaven_connect::failure::{Failure, FailureKind};
use keyhaven_connect::send::{Limits, Outgoing};

use crate::server::{Act, BRIEF, Server, client, post};

fn after(kind: FailureKind) -> Failure {
    Failure::after(kind)
}

#[tokio::test]
async fn an_endless_body_is_cut_off_at_the_limit() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n".to_vec();
    let server = Server::start(Act::Repeat(head, vec![b'x'; 16 * 1024])).await;
    let failure = post(&client(), server.url()).await.expect_err("too large");
    assert_eq!(failure, after(FailureKind::TooLarge));
}

#[tokio::test]
async fn an_endless_chunked_body_is_cut_off_at_the_limit() {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let mut chunk = b"1000\r\n".to_vec();
    chunk.extend(vec![b'x'; 0x1000]);
    chunk.extend(b"\r\n");
    let server = Server::start(Act::Repeat(head, chunk)).await;
    let failure = post(&client(), server.url()).await.expect_err("too large");
    assert_eq!(failure, after(FailureKind::TooLarge));
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_read() {
    let body = "x".repeat(BRIEF.body);
    let reply = format!("HTTP/1.1 200 OK\nContent-Length: {}\n\n{body}", body.len());
    let server = Server::saying(&reply).await;
    let limits = Limits { body: body.len(), ..Limits::TOKEN };
    let read = client().send(Outgoing::get_json(server.url()), limits).await.expect("a reply");
    assert_eq!(read.body.len(), body.len());
    let limits = Limits { body: body.len() - 1, ..Limits::TOKEN };
    let failure = client().send(Outgoing::get_json(server.url()), limits).await;
    assert_eq!(failure.expect_err("too large"), after(FailureKind::TooLarge));
}

#[tokio::test]
async fn silence_after_the_request_ends_in_time_and_counts_as_sent() {
    let server = Server::start(Act::Hold).await;
    let failure = client().send(Outgoing::get_json(server.url()), BRIEF).await;
    assert_eq!(failure.expect_err("too late"), after(FailureKind::TimedOut));
}

#[tokio::test]
async fn a_body_that_never_ends_and_never_grows_ends_in_time() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{".to_vec();
    let server = Server::start(Act::Repeat(head, Vec::new())).await;
    let failure = client().send(Outgoing::get_json(server.url()), BRIEF).await;
    assert_eq!(failure.expect_err("too late"), after(FailureKind::TimedOut));
}

#[tokio::test]
async fn more_header_fields_than_sixty_four_are_no_reply() {
    for (count, is_read) in [(63, true), (65, false)] {
        let mut head = "HTTP/1.1 200 OK\nContent-Length: 0\n".to_owned();
        for number in 1..count {
            writeln!(head, "x-{number}: y").expect("memory");
        }
        let server = Server::saying(&format!("{head}\n")).await;
        let outcome = post(&client(), server.url()).await;
        assert_eq!(outcome.is_ok(), is_read, "{count}");
        if let Err(failure) = outcome {
            assert_eq!(failure, after(FailureKind::BrokenOff));
        }
    }
}

#[tokio::test]
async fn a_header_of_megabytes_is_no_reply() {
    let head = format!("HTTP/1.1 200 OK\nx: {}\nContent-Length: 0\n\n", "y".repeat(1 << 20));
    let server = Server::saying(&head).await;
    let failure = post(&client(), server.url()).await.expect_err("too much");
    assert_eq!(failure, after(FailureKind::BrokenOff));
}

#[tokio::test]
async fn a_document_of_another_type_is_refused() {
    for (given, is_read) in [
        ("application/json", true),
        ("Application/JSON; charset=utf-8", true),
        ("text/html", false),
        ("application/jsonp", false),
        ("", false),
    ] {
        let reply = format!("HTTP/1.1 200 OK\nContent-Type: {given}\nContent-Length: 2\n\n{{}}");
        let server = Server::saying(&reply).await;
        let outcome = client().get_json(server.url(), Limits::STRANGER).await;
        assert_eq!(outcome.is_ok(), is_read, "{given}");
        if let Err(failure) = outcome {
            assert_eq!(failure, after(FailureKind::WrongType));
        }
    }
}

#[tokio::test]
async fn a_document_must_be_answered_with_200() {
    let server = Server::saying("HTTP/1.1 404 x\nContent-Length: 0\n\n").await;
    let failure = client().get_json(server.url(), Limits::STRANGER).await.expect_err("no document");
    assert_eq!(failure, after(FailureKind::Status(404)));
}

#[tokio::test]
async fn a_body_that_is_passed_on_is_cut_off_by_silence_and_by_no_size() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    let request = |server: &Server| Outgoing::get_json(server.url());
    let span = Duration::from_secs(10);
    let whole = format!("{head}{}", "x".repeat(1_000_000));
    let server = Server::start(Act::Say(whole.into_bytes())).await;
    let opened = client().open(request(&server), span).await.expect("a head");
    let body = opened.body.collect().await.expect("a whole body").to_bytes();
    assert_eq!(body.len(), 1_000_000);
    let server = Server::start(Act::SayAndHold(format!("{head}half").into_bytes())).await;
    let opened = client().open(request(&server), span).await.expect("a head");
    let body = opened.body.cut_off_after(BRIEF.total);
    assert_eq!(body.collect().await.expect_err("silence"), after(FailureKind::TimedOut));
    let server = Server::start(Act::Say(format!("{head}half").into_bytes())).await;
    let opened = client().open(request(&server), span).await.expect("a head");
    assert_eq!(opened.body.collect().await.expect_err("half"), after(FailureKind::BrokenOff));
    let server = Server::start(Act::Hold).await;
    let failure = client().open(request(&server), BRIEF.total).await.expect_err("no head");
    assert_eq!(failure, after(FailureKind::TimedOut));
}
