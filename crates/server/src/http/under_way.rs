//! Answers of which the body is still arriving from somewhere else: as long as it does, the client's
//! connection is busy and not idle.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::Response;
use bytes::Bytes;
use hyper::body::{Body as Piecewise, Frame, SizeHint};

use super::front::Client;

/// Marks such an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnderWay;

/// The answer; one that is under way keeps its connection from counting as idle.
pub(super) fn held(mut response: Response<Body>, client: &Arc<Client>) -> Response<Body> {
    if response.extensions_mut().remove::<UnderWay>().is_none() {
        return response;
    }
    client.pulse.hold();
    response.map(|body| Body::new(Held { body, client: Arc::clone(client) }))
}

struct Held {
    body: Body,
    client: Arc<Client>,
}

impl Piecewise for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.client.pulse.end();
    }
}
