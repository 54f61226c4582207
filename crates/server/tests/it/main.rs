//! The server over its router, without a socket: one test binary, so that it links once.

#[cfg(test)]
mod house;
#[cfg(test)]
mod routes;
