//! One request on its way to its answer: read the whole body, call the route, dress the answer.
//! Handlers never see a slow or broken body, and hold nothing while a client drips.
//! A timer exists only for a request that has to wait.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Request, Response, Version, header};
use axum::routing::future::RouteFuture;
use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Incoming};
use tokio::time::Sleep;
use tower::Service as _;

use super::front::Front;
use super::pulse::Pulse;
use super::request::{Arrival, RequestId, X_REQUEST_ID, during};
use super::turned_away::{Asked, TurnedAway};

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const INSIST_ON_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The future of one request.
pub(super) struct Exchange {
    front: Arc<Front>,
    pulse: Arc<Pulse>,
    id: RequestId,
    asked: Asked,
    http1: bool,
    step: Step,
    timer: Option<Pin<Box<Sleep>>>,
}

enum Step {
    Read { parts: Parts, body: Incoming, read: Read },
    Route(RouteFuture<Infallible>),
    Answer(Response<Body>),
    Done,
}

impl Exchange {
    pub(super) fn new<B>(
        front: Arc<Front>,
        pulse: Arc<Pulse>,
        id: RequestId,
        request: &Request<B>,
    ) -> Self {
        pulse.begin();
        let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
        let asked = Asked { uri: request.uri().clone(), content_type };
        let http1 = request.version() <= Version::HTTP_11;
        Self { front, pulse, id, asked, http1, step: Step::Done, timer: None }
    }

    /// Goes on with the request: to its body, or straight to its route.
    pub(super) fn accept(&mut self, request: Request<Incoming>, arrival: Arrival) {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(arrival);
        if body.is_end_stream() {
            self.route(parts, Body::empty());
        } else {
            self.step = Step::Read { parts, body, read: Read::Nothing };
        }
    }

    /// Answers without asking a route.
    pub(super) fn refuse(&mut self, why: TurnedAway) {
        tracing::debug!(reason = why.as_str(), "turned away");
        self.front.metrics.turned_away(why);
        let mut response = (self.front.render)(why, &self.asked);
        if self.http1 && why.must_close() {
            self.pulse.set_linger(true);
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        self.step = Step::Answer(response);
    }

    fn route(&mut self, parts: Parts, body: Body) {
        let mut router = self.front.router.clone();
        let request = Request::from_parts(parts, body);
        // Routing itself runs no handler, but extractors of fallbacks and layers may.
        let called = catch_unwind(AssertUnwindSafe(|| during(self.id, || router.call(request))));
        match called {
            Ok(future) => self.step = Step::Route(future),
            Err(_) => self.refuse(TurnedAway::Panicked),
        }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.step {
            Step::Read { body, read, .. } => {
                let most = self.front.limits.body;
                match ready!(read.poll_all(Pin::new(body), most, cx)) {
                    Ok(()) => self.route_whole(),
                    Err(why) => self.refuse(why),
                }
            }
            Step::Route(future) => {
                let poll = || during(self.id, || Pin::new(future).poll(cx));
                match catch_unwind(AssertUnwindSafe(poll)) {
                    Ok(outcome) => {
                        let Ok(response) = ready!(outcome);
                        self.step = Step::Answer(response);
                    }
                    Err(_) => self.refuse(TurnedAway::Panicked),
                }
            }
            Step::Answer(_) | Step::Done => {}
        }
        Poll::Ready(())
    }

    fn route_whole(&mut self) {
        if let Step::Read { parts, mut read, .. } = std::mem::replace(&mut self.step, Step::Done) {
            // A new step has a new deadline.
            self.timer = None;
            self.route(parts, Body::from(read.take()));
        }
    }

    /// Refuses the request when its time is over; otherwise makes sure the task is woken then.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let limits = &self.front.limits;
        let (span, why): (Duration, _) = match self.step {
            Step::Read { .. } => (limits.body_read, TurnedAway::BodyTooSlow),
            _ => (limits.request, TurnedAway::TooSlow),
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(span)));
        ready!(timer.as_mut().poll(cx));
        self.refuse(why);
        Poll::Ready(())
    }

    fn dress(&self, mut response: Response<Body>) -> Response<Body> {
        let headers = response.headers_mut();
        headers.insert(X_REQUEST_ID, self.id.header());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        if self.front.insist_on_tls {
            headers.insert(STRICT_TRANSPORT_SECURITY, INSIST_ON_TLS);
        }
        response
    }
}

const STRICT_TRANSPORT_SECURITY: HeaderName = header::STRICT_TRANSPORT_SECURITY;

impl Future for Exchange {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            match std::mem::replace(&mut this.step, Step::Done) {
                Step::Answer(response) => return Poll::Ready(Ok(this.dress(response))),
                step => this.step = step,
            }
            if this.poll_step(cx).is_pending() {
                ready!(this.poll_deadline(cx));
            }
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.pulse.end();
    }
}

/// The body so far. Most bodies arrive in one piece, which is then not copied.
enum Read {
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Read {
    fn poll_all(
        &mut self,
        mut body: Pin<&mut Incoming>,
        most: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), TurnedAway>> {
        loop {
            let Some(frame) = ready!(body.as_mut().poll_frame(cx)) else {
                return Poll::Ready(Ok(()));
            };
            let Ok(frame) = frame else { return Poll::Ready(Err(TurnedAway::BodyBroken)) };
            // Trailers are read and ignored.
            let Ok(piece) = frame.into_data() else { continue };
            if self.len() + piece.len() > most {
                return Poll::Ready(Err(TurnedAway::BodyTooLarge));
            }
            self.add(piece);
            if body.is_end_stream() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
        }
    }

    fn add(&mut self, piece: Bytes) {
        *self = match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => Self::One(piece),
            Self::One(first) => {
                let mut all = BytesMut::with_capacity((first.len() + piece.len()) * 2);
                all.extend_from_slice(&first);
                all.extend_from_slice(&piece);
                Self::Many(all)
            }
            Self::Many(mut all) => {
                all.extend_from_slice(&piece);
                Self::Many(all)
            }
        };
    }

    fn take(&mut self) -> Bytes {
        match std::mem::replace(self, Self::Nothing) {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
        }
    }
}
