//! The server as its callers meet it: one binary, so that it links once.

#[cfg(test)]
mod faults;
