//! The server as its callers meet it, over its router and over sockets: one test binary, so that
//! it links once. `routes/` mirrors the URLs, `flows/` tells whole journeys, `attacks/` and
//! `faults/` are named after the cases of the security bar.

#[cfg(test)]
#[macro_use]
mod harness;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod flows;
#[cfg(test)]
mod house;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod small_server;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod wire;
