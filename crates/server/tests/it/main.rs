//! The server as its callers meet it, over its router and over sockets: one test binary, so that
//! it links once.

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod house;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod small_server;
#[cfg(test)]
mod wire;
