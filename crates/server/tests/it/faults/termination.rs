//! F17: SIGTERM. No new connections, running requests finish, exit code 0; a second signal ends at
//! once.

use tokio::net::TcpStream;

use super::child::Process;
use crate::wire::Wire;

#[tokio::test]
async fn a_running_request_is_finished_and_the_exit_code_is_0() {
    let mut process = Process::start("").await;
    let mut idle = Wire::open(process.address).await;
    idle.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(idle.answer().await.status, 200);
    let mut busy = Wire::open(process.address).await;
    busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // The busy connection is in its handler once a later request on another one was answered.
    idle.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(idle.answer().await.status, 200);
    process.signal("TERM").await;
    assert!(idle.until_closed().await.is_empty(), "idle connections are closed");
    let answer = busy.answer().await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "finished"));
    assert_eq!(process.exit_code().await, Some(0));
    assert!(TcpStream::connect(process.address).await.is_err());
}

#[tokio::test]
async fn an_interrupt_stops_as_well() {
    let mut process = Process::start("").await;
    process.signal("INT").await;
    assert_eq!(process.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let mut process = Process::start("").await;
    let mut stuck = Wire::open(process.address).await;
    stuck.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let mut idle = Wire::open(process.address).await;
    idle.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(idle.answer().await.status, 200);
    process.signal("TERM").await;
    // The first signal was seen when idle connections are closed.
    idle.until_closed().await;
    process.signal("TERM").await;
    assert_eq!(process.exit_code().await, Some(4));
}
