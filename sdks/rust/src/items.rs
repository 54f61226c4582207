//! Pages as one sequence.

use std::collections::VecDeque;

use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::error::Error;

/// The items of a page, and the cursor of the next one.
type Split<P, T> = fn(P) -> (Vec<T>, Option<String>);

/// Every item of a list, page after page. A page is fetched when the one before is used up.
///
/// ```no_run
/// # async fn run(client: keyhaven_sdk::Client) -> Result<(), keyhaven_sdk::Error> {
/// let mut keys = client.keys().list_keys().limit(100).items();
/// while let Some(key) = keys.next().await {
///     println!("{}", key?.label);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct Items<P, T> {
    call: Option<Call<P>>,
    split: Split<P, T>,
    waiting: VecDeque<T>,
}

impl<P, T> std::fmt::Debug for Items<P, T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Items").field("waiting", &self.waiting.len()).finish_non_exhaustive()
    }
}

impl<P: DeserializeOwned + Send + 'static, T> Items<P, T> {
    pub(crate) fn new(call: Call<P>, split: Split<P, T>) -> Self {
        Self { call: Some(call), split, waiting: VecDeque::new() }
    }

    /// The next item; `None` behind the last one and behind an error.
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        while self.waiting.is_empty() {
            let call = self.call.take()?;
            match call.clone().send().await {
                Ok(page) => self.take(call, page.into_inner()),
                Err(error) => return Some(Err(error)),
            }
        }
        self.waiting.pop_front().map(Ok)
    }

    fn take(&mut self, mut call: Call<P>, page: P) {
        let (items, next) = (self.split)(page);
        self.waiting = items.into();
        if let Some(cursor) = next.filter(|cursor| !cursor.is_empty()) {
            call.query.retain(|(name, _)| *name != "cursor");
            call.query.push(("cursor", cursor));
            self.call = Some(call);
        }
    }

    /// The same for code that waits.
    #[cfg(feature = "blocking")]
    pub fn blocking(mut self) -> impl Iterator<Item = Result<T, Error>> {
        std::iter::from_fn(move || match crate::client::runtime() {
            Ok(runtime) => runtime.block_on(self.next()),
            Err(error) => self.call.take().map(|_| Err(error)),
        })
    }
}
