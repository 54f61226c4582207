//! HTTP before and around the routes: who is let in, how much they may take, what every answer
//! carries. It knows nothing of OAuth.

pub mod cors;
pub mod limits;
pub mod listener;
pub mod request;
pub mod stop;
pub mod turned_away;

mod client_address;
mod connection;
mod connections;
mod exchange;
mod front;
mod head;
mod pulse;
mod socket;

pub use front::Front;
