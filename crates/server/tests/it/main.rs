//! Keyhaven over real sockets: attacks and faults.

mod attacks;
mod faults;
mod small_server;
mod wire;
