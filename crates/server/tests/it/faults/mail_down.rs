//! F20, and A58 for codes by mail: a mail server that is down changes no answer, neither does an
//! address without an account, and a code's life begins when it was sent.

use std::path::PathBuf;

use keyhaven::operations::deliver_mail::deliver_mail;
use keyhaven::operations::mail_code::{send, sign_in};
use keyhaven::operations::sign_in::Next;

use crate::harness::{ABrowser, Server, refused};

/// The letters in the folder, oldest first.
fn letters(server: &Server) -> Vec<String> {
    let folder: PathBuf = server.place().data().join("outbox");
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| std::fs::read_to_string(path).expect("text")).collect()
}

/// The code in a letter.
fn code_in(letter: &str) -> String {
    let line = letter.lines().find(|line| {
        line.starts_with("    ") && line.trim().chars().all(|c| c.is_ascii_digit() || c == ' ')
    });
    line.expect("a code").trim().to_owned()
}

async fn ask(server: &Server, browser: &ABrowser, address: &str) {
    send(server.app(), &browser.pending, address, browser.visitor()).await.expect("one answer");
}

async fn deliver(server: &Server) -> usize {
    deliver_mail(server.app()).await.expect("storage works")
}

#[tokio::test]
async fn a_code_signs_in_the_owner_of_the_mailbox() {
    let server = Server::start().await;
    let ada = server.a_person("ada@a.test").await;
    let browser = server.a_browser().await;
    ask(&server, &browser, "Ada@A.test").await;
    assert_eq!(deliver(&server).await, 1);
    let letters = letters(&server);
    let [letter] = letters.as_slice() else { panic!("{} letters", letters.len()) };
    assert!(letter.contains("To: ada@a.test\r\n"), "{letter}");
    let code = code_in(letter);
    let wrong = sign_in(server.app(), &browser.pending, "0000 0000", browser.visitor()).await;
    assert_eq!(refused(wrong), "the mail code is not the one sent");
    let foreign = server.a_browser().await;
    let elsewhere = sign_in(server.app(), &foreign.pending, &code, foreign.visitor()).await;
    assert_eq!(refused(elsewhere), "no mail code was sent, or its time or tries are over");
    let next = sign_in(server.app(), &browser.pending, &code, browser.visitor()).await;
    let Next::SignedIn(opened) = next.expect("signed in") else { panic!("more is asked for") };
    assert_eq!(server.signed_in(&opened).await.person.user.id, ada.id);
}

#[tokio::test]
async fn an_address_without_an_account_gets_the_same_answer_and_no_letter() {
    let server = Server::start().await;
    server.a_person("ada@a.test").await;
    let (browser, other) = (server.a_browser().await, server.a_browser().await);
    let work = async |browser: &ABrowser, address: &str| {
        server.database.reads();
        let before = server.database.commits();
        ask(&server, browser, address).await;
        (server.database.commits() - before, server.database.reads().len())
    };
    let known = work(&browser, "ada@a.test").await;
    assert_eq!(known, work(&other, "nobody@a.test").await, "the same work, so the same time");
    deliver(&server).await;
    assert_eq!(letters(&server).len(), 1);
    let guess = async |browser: &ABrowser| {
        refused(sign_in(server.app(), &browser.pending, "1234", browser.visitor()).await)
    };
    assert_eq!(guess(&browser).await, guess(&other).await);
}

#[tokio::test]
async fn a_mail_server_that_is_down_changes_no_answer_and_costs_no_life() {
    // A port that was free a moment ago: nobody listens there.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let smtp: &'static str = format!("smtp://127.0.0.1:{port}").leak();
    let server = Server::with(&[("mail_smtp", smtp)]).await;
    server.a_person("ada@a.test").await;
    let browser = server.a_browser().await;
    ask(&server, &browser, "ada@a.test").await;
    assert_eq!(deliver(&server).await, 1);
    assert_eq!(deliver(&server).await, 0, "it waits before the next try");
    for _ in 0..4 {
        server.present.pass(60);
        assert_eq!(deliver(&server).await, 1, "it is tried again");
    }
    let mailbox = a_mail_server(port).await;
    server.present.pass(90);
    assert_eq!(deliver(&server).await, 1);
    let code = code_in(&mailbox.await.expect("the mail server lives").replace("\r\n", "\n"));
    // A quarter of an hour after asking, but nine minutes after sending.
    server.present.pass(560);
    let next = sign_in(server.app(), &browser.pending, &code, browser.visitor()).await;
    assert!(matches!(next.expect("signed in"), Next::SignedIn(_)));
}

#[tokio::test]
async fn a_letter_that_cannot_be_sent_for_a_day_is_given_up() {
    let server = Server::with(&[("mail_smtp", "smtp://127.0.0.1:9")]).await;
    server.a_person("ada@a.test").await;
    let browser = server.a_browser().await;
    ask(&server, &browser, "ada@a.test").await;
    deliver(&server).await;
    server.present.pass(86_400);
    assert_eq!(deliver(&server).await, 1);
    server.present.pass(86_400);
    assert_eq!(deliver(&server).await, 0);
}

#[tokio::test]
async fn one_address_gets_few_letters_and_nobody_is_told() {
    let server = Server::start().await;
    server.a_person("ada@a.test").await;
    for _ in 0..8 {
        let browser = server.a_browser().await;
        ask(&server, &browser, "ada@a.test").await;
    }
    while deliver(&server).await > 0 {}
    assert_eq!(letters(&server).len(), 5);
}

/// A mail server that takes one letter and returns it.
async fn a_mail_server(port: u16) -> tokio::task::JoinHandle<String> {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.expect("the port");
    tokio::spawn(async move {
        let (socket, _) = listener.accept().await.expect("a connection");
        let mut socket = BufReader::new(socket);
        socket.write_all(b"220 mail.test\r\n").await.expect("writes");
        let (mut letter, mut in_data) = (String::new(), false);
        loop {
            let mut line = String::new();
            if socket.read_line(&mut line).await.expect("reads") == 0 {
                return letter;
            }
            let answer: &[u8] = match (in_data, line.trim_end()) {
                (true, ".") => {
                    in_data = false;
                    b"250 kept\r\n"
                }
                (true, _) => {
                    letter.push_str(&line);
                    continue;
                }
                (false, "DATA") => {
                    in_data = true;
                    b"354 go on\r\n"
                }
                (false, "QUIT") => {
                    let _ = socket.write_all(b"221 bye\r\n").await;
                    return letter;
                }
                (false, _) => b"250 fine\r\n",
            };
            socket.write_all(answer).await.expect("writes");
            if !letter.is_empty() && !in_data {
                return letter;
            }
        }
    })
}
