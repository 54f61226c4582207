//! Pages for people: a view struct and a template each, rendered without JavaScript. A handler here
//! extracts, calls an operation and maps what comes back; it decides nothing. Statuses and headers
//! are `http/page.rs`'s; escaping is the template engine's alone.

pub mod account;
pub mod assets;
pub mod connect;
pub mod consent;
pub mod error;
pub mod form_post;
pub mod hand_out;
pub mod invitation;
pub mod invited;
pub mod logout;
pub mod mail_code;
pub mod notice;
pub mod organizations;
pub mod parts;
pub mod recovery;
pub mod sample;
pub mod second_factor;
pub mod sign_in;
pub mod sign_up;
pub mod start;
pub mod under_way;
pub mod upstream;
pub mod welcome;
pub mod words;
