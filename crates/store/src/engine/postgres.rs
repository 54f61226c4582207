//! PostgreSQL: not in this build yet; opening it says so.

use super::*;
use crate::Error;
pub(super) enum Postgres {}
impl Postgres {
    pub(super) async fn open(_: &str, _: Options) -> Result<Self, Error> {
        Err(Error::broken("PostgreSQL is not in this build"))
    }
}
pub(super) fn failure(_: &'static str, e: &tokio_postgres::Error) -> Error {
    Error::broken(e.to_string())
}
impl Engine for Postgres {
    fn read<'a>(&'a self, _: &'static Statement, _: Vec<Value>) -> Answer<'a, Vec<Row>> {
        match *self {}
    }
    fn commit(&self, _: Vec<Step>) -> Answer<'_, Commit> {
        match *self {}
    }
    fn prepare(&self, _: &'static Statement) -> Answer<'_, ()> {
        match *self {}
    }
    fn measure(&self) -> Answer<'_, Measure> {
        match *self {}
    }
    fn changed_elsewhere(&self) -> bool {
        match *self {}
    }
    fn name(&self) -> &'static str {
        match *self {}
    }
    fn close(&self) -> Answer<'_, ()> {
        match *self {}
    }
}
