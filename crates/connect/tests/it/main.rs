//! The guarded client against servers on this machine that misbehave in one way each.

#[cfg(test)]
mod server;

#[cfg(test)]
mod encodings;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod guard;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod quirks;
#[cfg(test)]
mod talk;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod unsent_or_sent;
