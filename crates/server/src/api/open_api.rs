//! Routes that can be described. The description is the largest thing a node could make before its
//! first token and few ask for it, so it is made when somebody does: a route keeps what writes its
//! part of the document, not the part.

use axum::Router;
use axum::routing::{MethodFilter, MethodRouter};
use utoipa::openapi::OpenApi;

/// Described routes being collected. Use it where an axum `Router` would be built.
pub struct OpenApiRouter<S> {
    router: Router<S>,
    templates: Vec<String>,
    writers: Vec<Writer<S>>,
}

/// Adds one operation to the document.
pub type Writer<S> =
    fn(utoipa_axum::router::OpenApiRouter<S>) -> utoipa_axum::router::OpenApiRouter<S>;

/// The operations of one path, as [`routes!`] reads them off their handlers.
pub struct Operations<S> {
    template: String,
    methods: MethodRouter<S>,
    writers: Vec<Writer<S>>,
}

impl<S: Clone + Send + Sync + 'static> OpenApiRouter<S> {
    /// No routes.
    #[must_use]
    pub fn new() -> Self {
        Self { router: Router::new(), templates: Vec::new(), writers: Vec::new() }
    }

    /// Adds the operations of a path.
    #[must_use]
    pub fn routes(mut self, operations: Operations<S>) -> Self {
        self.router = self.router.route(&operations.template, operations.methods);
        self.templates.push(operations.template);
        self.writers.extend(operations.writers);
        self
    }

    /// Adds a route that the document does not have.
    #[must_use]
    pub fn route(mut self, template: &str, methods: MethodRouter<S>) -> Self {
        self.router = self.router.route(template, methods);
        self.templates.push(template.to_owned());
        self
    }

    /// Adds other collected routes.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.templates.extend(other.templates);
        self.writers.extend(other.writers);
        self
    }

    /// Describes `operations` and answers nothing, for a path that is routed by hand.
    #[must_use]
    pub fn describe(mut self, operations: Operations<S>) -> Self {
        self.writers.extend(operations.writers);
        self
    }

    /// The router and its templates.
    pub fn split(self) -> (Router<S>, Vec<String>) {
        (self.router, self.templates)
    }

    /// Adds what the routes do to `document`.
    pub fn write(self, document: OpenApi) -> OpenApi {
        let empty = utoipa_axum::router::OpenApiRouter::with_openapi(document);
        self.writers.into_iter().fold(empty, |router, write| write(router)).into_openapi()
    }
}

impl<S: Clone + Send + Sync + 'static> Default for OpenApiRouter<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Clone + Send + Sync + 'static> Operations<S> {
    /// Operations at `template`, of which there are none yet.
    pub fn at(template: String) -> Self {
        Self { template, methods: MethodRouter::new(), writers: Vec::new() }
    }

    /// Adds one.
    #[must_use]
    pub fn on(
        mut self,
        methods: impl IntoIterator<Item = MethodFilter>,
        answer: impl Fn(MethodRouter<S>, MethodFilter) -> MethodRouter<S>,
        writer: Writer<S>,
    ) -> Self {
        self.methods = methods.into_iter().fold(self.methods, answer);
        self.writers.push(writer);
        self
    }
}

/// The operations of one path: `routes!(show_user, update_user)`.
macro_rules! routes {
    ($first:ident $(, $other:ident)* $(,)?) => {
        $crate::api::open_api::routes!(@all $first, $first $(, $other)*)
    };
    (@all $first:ident, $($handler:ident),+) => {
        utoipa_axum::paste! {
            $crate::api::open_api::Operations::at(<[<__path_ $first>] as utoipa::Path>::path())
            $(.on(
                <[<__path_ $handler>] as utoipa::Path>::methods()
                    .iter()
                    .map(utoipa_axum::PathItemExt::to_method_filter),
                |methods, method| methods.on(method, $handler),
                |document| document.routes(utoipa_axum::routes!($handler)),
            ))+
        }
    };
}
pub(crate) use routes;
