//! The one service in front of the routes: limits, request id, whole body, panics, security headers.
//! Hand-written because it runs for every request: a request that is answered at once costs no
//! allocation but the headers', no timer and no box.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Request, Response, Version, header};
use hyper::body::{Body as _, Incoming};
use hyper::service::Service;

use super::client_address::client_address;
use super::exchange::Exchange;
use super::limits::Limits;
use super::pulse::Pulse;
use super::request::{Arrival, RequestIds};
use super::turned_away::{Render, TurnedAway};
use crate::config::Network;
use crate::telemetry::metrics::Metrics;

/// What the public listener puts in front of the routes.
pub struct Front {
    /// The routes.
    pub router: Router,
    /// What one client may take.
    pub limits: Limits,
    /// Where ids come from.
    pub ids: RequestIds,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: Vec<Network>,
    /// Whether browsers are told to insist on TLS: true when the issuer is `https`.
    pub insist_on_tls: bool,
    /// How requests that reach no route are answered.
    pub render: Render,
    /// What is counted.
    pub metrics: Metrics,
}

/// The front as one connection sees it.
pub(super) struct ConnectionFront {
    pub(super) front: Arc<Front>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) peer: IpAddr,
}

impl Service<Request<Incoming>> for ConnectionFront {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Exchange;

    fn call(&self, request: Request<Incoming>) -> Exchange {
        let front = Arc::clone(&self.front);
        let arrival = Arrival {
            id: front.ids.next(),
            client: client_address(self.peer, request.headers(), &front.proxies),
        };
        let objection = front.objection(&request, &self.pulse);
        let mut exchange = Exchange::new(front, Arc::clone(&self.pulse), arrival.id, &request);
        match objection {
            Some(why) => exchange.refuse(why),
            None => exchange.accept(request, arrival),
        }
        exchange
    }
}

impl Front {
    /// What is wrong with the request before its body is read, in the order of cheapness.
    fn objection(&self, request: &Request<Incoming>, pulse: &Pulse) -> Option<TurnedAway> {
        let (headers, body) = (request.headers(), request.body());
        if request.version() != Version::HTTP_2 && pulse.is_ambiguous() {
            return Some(TurnedAway::AmbiguousFraming);
        }
        let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
        if target > self.limits.target {
            return Some(TurnedAway::TargetTooLong);
        }
        if pulse.is_cut() || self.is_large(headers) {
            return Some(TurnedAway::HeaderTooLarge);
        }
        if request.version() == Version::HTTP_11
            && headers.get_all(header::HOST).iter().take(2).count() != 1
        {
            return Some(TurnedAway::Host);
        }
        if body.is_end_stream() {
            return None;
        }
        if headers.get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity") {
            return Some(TurnedAway::BodyEncoded);
        }
        let declared = body.size_hint().lower();
        (declared > self.limits.body as u64).then_some(TurnedAway::BodyTooLarge)
    }

    fn is_large(&self, headers: &HeaderMap) -> bool {
        // Each field costs its name, its value, a colon, a space and a line end.
        let bytes = |(name, value): (&header::HeaderName, &HeaderValue)| {
            name.as_str().len() + value.len() + 4
        };
        headers.len() > self.limits.fields
            || headers.iter().map(bytes).sum::<usize>() > self.limits.header
    }
}
