//! Token requests under way: whoever in this process asks the same as the same client shares the
//! answer, through whichever source they ask.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::Token;
use super::endpoint::{ClientCredentials, Form};
use crate::error::Error;

/// One request, and who shares it.
struct Flight {
    words: Zeroizing<String>,
    /// Kept, so that what proves the client cannot go and another take its address.
    client: ClientCredentials,
    answer: OnceCell<Result<Token, Error>>,
}

static UNDER_WAY: Mutex<Vec<Weak<Flight>>> = Mutex::new(Vec::new());

/// The answer to `form`: of the request that is under way, or of `ask`.
pub(super) async fn share<F>(
    client: &ClientCredentials,
    form: &Form,
    key: Option<&str>,
    ask: impl FnOnce() -> F + Send,
) -> Result<Token, Error>
where
    F: Future<Output = Result<Token, Error>> + Send,
{
    let flight = join(client, words(client, form, key));
    let answer = flight.answer.get_or_init(|| async {
        let answer = ask().await;
        leave(&flight);
        answer
    });
    answer.await.clone()
}

/// All that a request depends on and that is text. What proves the client is part of it, so that nobody
/// gets the token of another proof.
fn words(client: &ClientCredentials, form: &Form, key: Option<&str>) -> Zeroizing<String> {
    let mut words = Zeroizing::new(String::with_capacity(256));
    let secret = client.secret.reveal();
    for text in [&client.issuer, &client.token_endpoint(), &client.id, secret, key.unwrap_or("")] {
        words.push_str(&format!("{}:{text}", text.len()));
    }
    for (name, value) in form {
        let mut scopes: Vec<&str> = vec![value];
        if *name == "scope" {
            scopes = value.split(' ').collect();
            scopes.sort_unstable();
        }
        words.push_str(&format!("{name}={}:{scopes:?}", value.len()));
    }
    words
}

/// The flight of such a request; a new one if there is none.
fn join(client: &ClientCredentials, words: Zeroizing<String>) -> Arc<Flight> {
    let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |flight: &Arc<Flight>| *flight.words == *words && flight.client.is_proved_as(client);
    if let Some(flight) = under_way.iter().filter_map(Weak::upgrade).find(same) {
        return flight;
    }
    let flight = Arc::new(Flight { words, client: client.clone(), answer: OnceCell::new() });
    under_way.retain(|flight| flight.strong_count() > 0);
    under_way.push(Arc::downgrade(&flight));
    flight
}

/// Nobody joins any more: the answer is there.
fn leave(flight: &Arc<Flight>) {
    let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
    under_way.retain(|other| !std::ptr::eq(other.as_ptr(), Arc::as_ptr(flight)));
}
