//! Keyhaven over real sockets: attacks and faults.

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod small_server;
#[cfg(test)]
mod wire;
