//! What the templates are given: the document in the words of SDKs.

use serde::Serialize;

use super::snippets::Snippet;

/// Everything.
#[derive(Debug, Serialize)]
pub(super) struct Model {
    pub(super) version: String,
    pub(super) groups: Vec<Group>,
    pub(super) operations: Vec<Operation>,
    pub(super) schemas: Vec<Schema>,
    pub(super) schemes: Vec<Scheme>,
    /// Schemas of refusals that are no problem details, in order.
    pub(super) errors: Vec<String>,
    /// Members and parameters that must not be shown, in the wire's names.
    pub(super) secrets: Vec<String>,
}

/// Operations that are reached through one member of the client.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) pascal: String,
    pub(super) snake: String,
    pub(super) page: String,
    pub(super) description: String,
    /// Indices into `operations`.
    pub(super) operations: Vec<usize>,
}

/// One operation.
#[derive(Debug, Serialize)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) group: String,
    pub(super) group_snake: String,
    pub(super) group_pascal: String,
    /// `createToken`
    pub(super) name: String,
    pub(super) pascal: String,
    pub(super) snake: String,
    /// `oauthCreateToken`
    pub(super) function: String,
    pub(super) function_pascal: String,
    pub(super) function_snake: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) parameters: Vec<Field>,
    pub(super) body: Option<Body>,
    /// `none`, `body`, `params` or `mixed`.
    pub(super) request: &'static str,
    /// Nothing of the request must be given.
    pub(super) request_optional: bool,
    pub(super) success: Success,
    pub(super) errors: Vec<Refusal>,
    /// Refusals are problem details.
    pub(super) problems: bool,
    /// The content type of other refusals.
    pub(super) refuses: String,
    pub(super) security: Vec<Vec<Scheme>>,
    /// All schemes of all alternatives, once each.
    pub(super) credentials: Vec<Scheme>,
    /// The credential is an argument of the operation's own.
    pub(super) own_security: bool,
    pub(super) retry: String,
    pub(super) keyed: bool,
    pub(super) paginated: bool,
    /// What a page is of, if this gives pages.
    pub(super) item: Option<Type>,
    pub(super) hook: String,
    /// `query`, `mutation` or `none`.
    pub(super) hook_kind: String,
    /// A mutation that is offered as a query, too, for code written against published pages.
    pub(super) also_query: bool,
    /// The group whose queries are stale after it; empty for none.
    pub(super) invalidates: String,
    /// What its success must look like, for validators.
    pub(super) shape: serde_json::Value,
    pub(super) opaque: Vec<String>,
    /// Our name, the wire's.
    pub(super) renamed: Vec<(String, String)>,
    /// The example of its request.
    pub(super) snippet: Snippet,
}

/// What is sent.
#[derive(Debug, Serialize)]
pub(super) struct Body {
    /// What the body is called beside parameters.
    pub(super) field: String,
    pub(super) schema: String,
    pub(super) content_type: String,
    pub(super) optional: bool,
    pub(super) description: String,
    pub(super) example: serde_json::Value,
}

/// What a success gives.
#[derive(Debug, Serialize)]
pub(super) struct Success {
    pub(super) status: u16,
    pub(super) description: String,
    pub(super) content_type: Option<String>,
    pub(super) schema: Option<String>,
    pub(super) headers: bool,
    pub(super) example: serde_json::Value,
}

/// A documented refusal.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    pub(super) status: String,
    /// What the SDKs call it.
    pub(super) class: String,
    pub(super) content_type: String,
    pub(super) description: String,
}

/// A way in.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Scheme {
    pub(super) key: String,
    pub(super) snake: String,
    /// What Go calls it.
    pub(super) go: String,
    pub(super) kind: &'static str,
    /// The header or cookie.
    pub(super) name: String,
    pub(super) description: String,
    pub(super) guarded: bool,
}

/// A type with a name.
#[derive(Debug, Serialize)]
pub(super) struct Schema {
    pub(super) name: String,
    pub(super) description: String,
    /// Members of an object.
    pub(super) fields: Vec<Field>,
    /// Values of an enumeration.
    pub(super) values: Vec<Value>,
    pub(super) is_error: bool,
    /// The body of a merge patch (RFC 7396), in which null removes.
    pub(super) patch: bool,
    pub(super) example: serde_json::Value,
    /// A whole value, as text.
    pub(super) sample: String,
}

/// A value of an enumeration.
#[derive(Debug, Serialize)]
pub(super) struct Value {
    pub(super) wire: String,
    pub(super) pascal: String,
}

/// A member or a parameter.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Field {
    pub(super) wire: String,
    pub(super) camel: String,
    pub(super) go: String,
    pub(super) rust: String,
    /// `path`, `query`, `header`, or `body` for members.
    pub(super) place: String,
    #[serde(rename = "type")]
    pub(super) kind: Type,
    pub(super) required: bool,
    pub(super) nullable: bool,
    pub(super) secret: bool,
    pub(super) description: String,
    pub(super) example: serde_json::Value,
}

/// A type in all three languages.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Type {
    pub(super) ts: String,
    pub(super) go: String,
    pub(super) rust: String,
    /// The named type at the bottom of it.
    pub(super) named: Option<String>,
    /// Go tells absence by itself: slices, maps, `any`.
    pub(super) nilable: bool,
    pub(super) list: bool,
}
