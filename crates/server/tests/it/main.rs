//! The server from the outside, without a socket: endpoints, journeys and attacks over the router.
//!
//! `routes/` mirrors the URLs, `flows/` tells whole journeys, `attacks/` is named after the abuse
//! cases of the security bar. Every refusal is asserted by its private reason.

#[cfg(test)]
#[macro_use]
mod harness;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod flows;
#[cfg(test)]
mod routes;
