//! Lists in pages by id, and how far a caller reaches.

use keyhaven_protocol::id::{Id, OrganizationId};

use crate::Error;
use crate::engine::{Row, Value};

/// The tenants a caller may see and change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every tenant and what belongs to none.
    Instance,
    /// One tenant only.
    Organization(OrganizationId),
}

impl Reach {
    /// Whether something of `organization` is within reach.
    #[must_use]
    pub fn includes(self, organization: Option<OrganizationId>) -> bool {
        match self {
            Self::Instance => true,
            Self::Organization(own) => organization == Some(own),
        }
    }

    /// The tenant this reach is limited to.
    #[must_use]
    pub const fn organization(self) -> Option<OrganizationId> {
        match self {
            Self::Instance => None,
            Self::Organization(own) => Some(own),
        }
    }
}

/// NULL for the whole instance: statements compare with `COALESCE($1, organization)`.
impl From<Reach> for Value {
    fn from(reach: Reach) -> Self {
        Self::from(reach.organization().map(|organization| organization.0))
    }
}

/// Which part of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The id the previous page ended with.
    pub after: Option<Id>,
    /// At most this many.
    pub limit: u32,
}

impl Page {
    const FIRST: Id = Id([0; 16]);
    const LAST: Id = Id([0xff; 16]);

    /// Where an ascending list goes on.
    pub(crate) fn above(self) -> Id {
        self.after.unwrap_or(Self::FIRST)
    }

    /// Where a descending list goes on.
    pub(crate) fn below(self) -> Id {
        self.after.unwrap_or(Self::LAST)
    }

    /// One more than asked for, to learn whether there are more.
    pub(crate) fn fetch(self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Makes a page of what was fetched.
    pub(crate) fn of<T>(
        self,
        rows: Vec<Row>,
        read: impl Fn(Row) -> Result<T, Error>,
        id: impl Fn(&T) -> Id,
    ) -> Result<Listed<T>, Error> {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        let items = rows.into_iter().take(limit).map(read).collect::<Result<Vec<T>, Error>>()?;
        let next = if more { items.last().map(id) } else { None };
        Ok(Listed { items, next })
    }
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// In the order of the list.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Id>,
}
