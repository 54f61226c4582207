//! Counts and times requests by route template (`/oauth/token/{id}/groups`), never by the path a
//! client sent: that would let strangers make metrics. Routes are collected here on their way into
//! the router, so that the front can look templates up without a layer around every route, which
//! would cost each request more than everything else the front does.

use std::sync::Arc;

use axum::Router;
use axum::routing::MethodRouter;

use super::metrics::Metrics;
pub(crate) use super::route_counts::RouteCounts;

/// Routes being collected. Use it where an axum `Router` would be built.
pub struct Routes<S = ()> {
    router: Router<S>,
    templates: Vec<String>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes.
    #[must_use]
    pub fn new() -> Self {
        Self { router: Router::new(), templates: Vec::new() }
    }

    /// Adds a route.
    #[must_use]
    pub fn route(mut self, template: &str, methods: MethodRouter<S>) -> Self {
        self.templates.push(template.to_owned());
        self.router = self.router.route(template, methods);
        self
    }

    /// Adds a router made elsewhere, whose templates its maker knows (the paths of an OpenAPI
    /// document). A template that is not named is counted as `other`.
    #[must_use]
    pub fn add<T: Into<String>>(
        mut self,
        router: Router<S>,
        templates: impl IntoIterator<Item = T>,
    ) -> Self {
        self.templates.extend(templates.into_iter().map(Into::into));
        self.router = self.router.merge(router);
        self
    }

    /// Adds other collected routes.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        self.add(other.router, other.templates)
    }

    /// Changes the router as a whole, for layers and fallbacks.
    #[must_use]
    pub fn map(mut self, change: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        self.router = change(self.router);
        self
    }

    /// Gives the handlers their state.
    #[must_use]
    pub fn with_state<S2>(self, state: S) -> Routes<S2> {
        Routes { router: self.router.with_state(state), templates: self.templates }
    }
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl Routes {
    /// The router alone, to be called in process without a listener that counts.
    pub fn into_router(self) -> Router {
        self.router
    }

    /// The router, and the counts of each of its templates.
    pub(crate) fn split(self, metrics: &Metrics) -> (Router, Counts) {
        let mut by_path = matchit::Router::new();
        for template in self.templates {
            let counts = metrics.route(&template);
            // A template that was added twice (by method, say) has its counts already.
            let _ = by_path.insert(template, counts);
        }
        (self.router, Counts { by_path, other: metrics.route("other") })
    }
}

/// Finds the counts of a path, as the router will find its route.
pub(crate) struct Counts {
    by_path: matchit::Router<Arc<RouteCounts>>,
    other: Arc<RouteCounts>,
}

impl Counts {
    pub(crate) fn of(&self, path: &str) -> &Arc<RouteCounts> {
        self.by_path.at(path).map_or(&self.other, |found| found.value)
    }
}
