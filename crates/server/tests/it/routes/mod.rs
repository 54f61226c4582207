//! `/v1`, one file per resource, and the rules that hold on every route.

mod audit;
mod authentication;
mod client_secrets;
mod clients;
mod document;
mod groups;
mod members;
mod once;
mod organizations;
mod pages;
mod projects;
mod refusals;
mod tenants;
mod users;
