//! One request on its way to its answer: read the whole body, call the route, dress the answer.
//! Handlers never see a slow or broken body, and hold nothing while a client drips; but for the one that
//! passes bodies on, which gets its body as it arrives.
//! A timer exists only for a request that has to wait.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, Response, Version, header};
use axum::routing::future::RouteFuture;
use bytes::{Bytes, BytesMut};
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, Sleep};
use tower::Service as _;

use super::connection::now;
use super::front::Client;
use super::passing::{is_passed_on, mark_own};
use super::request::{Arrival, RequestId, X_REQUEST_ID, during};
use super::turned_away::{Asked, TurnedAway};
use super::under_way;
use super::upload::{Progress, Upload};

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const INSIST_ON_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The future of one request.
pub(super) struct Exchange {
    client: Arc<Client>,
    id: RequestId,
    asked: Asked,
    http1: bool,
    since: Instant,
    step: Step,
    timer: Option<Pin<Box<Sleep>>>,
    upload: Option<Arc<Progress>>,
}

enum Step {
    Read { parts: Parts, body: Incoming, read: Read },
    Route(RouteFuture<Infallible>),
    Refused(TurnedAway),
}

impl Exchange {
    /// A request that was read up to its body; it is refused unless it is accepted next.
    pub(super) fn new<B>(client: Arc<Client>, id: RequestId, request: &Request<B>) -> Self {
        client.pulse.begin();
        let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let asked = Asked { method, uri, content_type };
        let http1 = request.version() <= Version::HTTP_11;
        let step = Step::Refused(TurnedAway::BodyBroken);
        Self { client, id, asked, http1, since: now(), step, timer: None, upload: None }
    }

    /// Goes on with the request: to its body, or straight to its route.
    pub(super) fn accept(&mut self, request: Request<Incoming>, arrival: Arrival) {
        let (mut parts, body) = request.into_parts();
        parts.extensions.insert(arrival);
        if body.is_end_stream() {
            self.route(parts, Body::empty());
        } else if is_passed_on(parts.uri.path()) {
            let progress = self.upload.insert(Progress::begin());
            let most = self.client.front.limits.passed_on;
            let body = Body::new(Upload::new(body, most, Arc::clone(progress)));
            self.route(parts, body);
        } else {
            self.step = Step::Read { parts, body, read: Read::Nothing };
        }
    }

    /// Answers without asking a route.
    pub(super) fn refuse(&mut self, why: TurnedAway) {
        self.step = Step::Refused(why);
    }

    fn route(&mut self, parts: Parts, body: Body) {
        let mut router = self.client.front.router.clone();
        let request = Request::from_parts(parts, body);
        // Routing itself runs no handler, but a layer may do work when it is called.
        let called = catch_unwind(AssertUnwindSafe(|| during(self.id, || router.call(request))));
        self.step = called.map_or(Step::Refused(TurnedAway::Panicked), Step::Route);
    }

    /// The answer of this step; `None` when the next step has to be taken.
    fn poll_step(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Response<Body>, TurnedAway>>> {
        match &mut self.step {
            Step::Read { body, read, .. } => {
                match ready!(read.poll_all(Pin::new(body), self.client.front.limits.body, cx)) {
                    Ok(()) => self.route_whole(),
                    Err(why) => return Poll::Ready(Some(Err(why))),
                }
                Poll::Ready(None)
            }
            Step::Route(future) => {
                let poll = || during(self.id, || Pin::new(future).poll(cx));
                let polled = catch_unwind(AssertUnwindSafe(poll));
                if let Some(why) = self.upload.as_ref().and_then(|upload| upload.fault()) {
                    return Poll::Ready(Some(Err(why)));
                }
                match polled {
                    Ok(outcome) => {
                        let Ok(response) = ready!(outcome);
                        Poll::Ready(Some(Ok(response)))
                    }
                    Err(_) => Poll::Ready(Some(Err(TurnedAway::Panicked))),
                }
            }
            Step::Refused(why) => Poll::Ready(Some(Err(*why))),
        }
    }

    fn route_whole(&mut self) {
        let step = std::mem::replace(&mut self.step, Step::Refused(TurnedAway::BodyBroken));
        if let Step::Read { parts, mut read, .. } = step {
            // A new step has a new deadline.
            self.timer = None;
            self.route(parts, Body::from(read.take()));
        }
    }

    /// Resolves when the time of the present step is over; until then it wakes the task.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<TurnedAway> {
        let limits = &self.client.front.limits;
        let (span, why) = match self.step {
            Step::Read { .. } => (limits.body_read, TurnedAway::BodyTooSlow),
            Step::Route(_) if self.upload.is_some() => {
                (limits.body_read.min(limits.request), TurnedAway::TooSlow)
            }
            Step::Route(_) | Step::Refused(_) => (limits.request, TurnedAway::TooSlow),
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(span)));
        let Some(upload) = &self.upload else { return timer.as_mut().poll(cx).map(|()| why) };
        loop {
            ready!(timer.as_mut().poll(cx));
            let (late_at, why) = upload.late_at(limits, self.since);
            if late_at <= now() {
                return Poll::Ready(why);
            }
            // Whom it waits for may change meanwhile, and with it how long.
            timer.as_mut().reset(late_at.min(now() + limits.body_read));
        }
    }

    fn refusal(&self, why: TurnedAway) -> Response<Body> {
        tracing::debug!(reason = why.as_str(), request_id = %self.id, "turned away");
        self.client.front.metrics.turned_away(why);
        let mut response = (self.client.front.render)(why, &self.asked);
        mark_own(self.asked.uri.path(), response.headers_mut());
        if self.http1 && why.must_close() {
            self.client.pulse.set_linger(true);
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }

    /// Counts the answer and adds what every answer carries.
    fn finish(&self, answer: Result<Response<Body>, TurnedAway>) -> Response<Body> {
        let response = answer.unwrap_or_else(|why| self.refusal(why));
        let mut response = under_way::held(response, &self.client);
        let front = &self.client.front;
        let headers = response.headers_mut();
        if self.http1 && self.upload.as_ref().is_some_and(|upload| upload.is_under_way()) {
            // What the client still sends belongs to this request and to nobody.
            self.client.pulse.set_linger(true);
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        headers.insert(X_REQUEST_ID, self.id.header());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
        if front.insist_on_tls {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, INSIST_ON_TLS);
        }
        let (route, status) = (front.counts(self.asked.uri.path()), response.status().as_u16());
        let after = now() - self.since;
        route.answered(status, after);
        tracing::debug!(
            method = self.asked.method.as_str(),
            route = route.template(),
            status,
            micros = after.as_micros(),
            peer = %self.client.address,
            request_id = %self.id,
            "answered"
        );
        response
    }
}

impl Future for Exchange {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            let answer = match this.poll_step(cx) {
                Poll::Ready(Some(answer)) => answer,
                Poll::Ready(None) => continue,
                Poll::Pending => Err(ready!(this.poll_deadline(cx))),
            };
            return Poll::Ready(Ok(this.finish(answer)));
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.client.pulse.end();
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
