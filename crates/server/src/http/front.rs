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
use super::passing::is_passed_on;
use super::pulse::Pulse;
use super::request::{Arrival, RequestIds};
use super::tls::Tls;
use super::turned_away::{Render, TurnedAway};
use crate::config::Network;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::per_route::{Counts, RouteCounts, Routes};

/// What a listener puts in front of its routes.
pub struct Front {
    /// The routes.
    pub routes: Routes,
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
    /// What the listener proves itself with, where it speaks TLS itself.
    pub tls: Option<Arc<Tls>>,
}

/// The front in service.
pub(super) struct Serving {
    pub(super) router: Router,
    counts: Counts,
    pub(super) limits: Limits,
    ids: RequestIds,
    pub(super) proxies: Vec<Network>,
    pub(super) insist_on_tls: bool,
    pub(super) render: Render,
    pub(super) metrics: Metrics,
}

impl From<Front> for Serving {
    fn from(front: Front) -> Self {
        let Front { routes, limits, ids, proxies, insist_on_tls, render, metrics, tls: _ } = front;
        let (router, counts) = routes.split(&metrics);
        Self { router, counts, limits, ids, proxies, insist_on_tls, render, metrics }
    }
}

/// The front as one connection sees it. Its requests share it by one reference count.
pub(super) struct Client {
    pub(super) front: Arc<Serving>,
    pub(super) pulse: Arc<Pulse>,
    pub(super) address: IpAddr,
}

/// What the parser hands requests to.
pub(super) struct ConnectionFront(pub(super) Arc<Client>);

impl Service<Request<Incoming>> for ConnectionFront {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Exchange;

    fn call(&self, request: Request<Incoming>) -> Exchange {
        let Client { front, pulse, address } = &*self.0;
        let arrival = Arrival {
            id: front.ids.next(),
            client: client_address(*address, request.headers(), &front.proxies),
        };
        let objection = front.objection(&request, pulse);
        let mut exchange = Exchange::new(Arc::clone(&self.0), arrival.id, &request);
        match objection {
            Some(why) => exchange.refuse(why),
            None => exchange.accept(request, arrival),
        }
        exchange
    }
}

impl Serving {
    pub(super) fn counts(&self, path: &str) -> &RouteCounts {
        self.counts.of(path)
    }

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
        let is_passed_on = is_passed_on(request.uri().path());
        let most = if is_passed_on { self.limits.passed_on } else { self.limits.body };
        (declared > most as u64).then_some(TurnedAway::BodyTooLarge)
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
