//! One operation of the document as the SDKs offer it.

use serde_json::Value as Json;

use super::model::{Body, Field, Operation, Refusal, Scheme, Success};
use super::names;
use super::schemas::{Types, named, text};
use super::snippets::Snippet;

const PROBLEM: &str = "application/problem+json";

/// Reads operations of one document.
pub(super) struct Reader<'a, 'b> {
    pub(super) document: &'a Json,
    pub(super) schemes: &'b [Scheme],
    pub(super) types: &'b mut Types<'a>,
}

impl Reader<'_, '_> {
    /// The operation at `method` and `path`.
    pub(super) fn read(
        &mut self,
        path: &str,
        method: &str,
        value: &Json,
    ) -> Result<Operation, String> {
        let id = text(value, "operationId");
        let (group, name) = called(value, &id);
        let function = format!("{group}{}", names::pascal(&name));
        let pascal = names::pascal(&function);
        let all = self.parameters(&pascal, value);
        let keyed = all.iter().any(|field| field.camel == "idempotencyKey");
        let parameters: Vec<Field> =
            all.into_iter().filter(|field| field.camel != "idempotencyKey").collect();
        let body = body(value);
        let success =
            self.success(value).ok_or_else(|| format!("{id}: no success is described"))?;
        let errors = refusals(value);
        let item = self.item(&success);
        let (opaque, renamed) = self.exceptions(&body, &success);
        let problems = errors.iter().all(|refusal| refusal.content_type == PROBLEM)
            || errors.iter().all(|refusal| refusal.content_type.is_empty());
        let security = self.security(value)?;
        Ok(Operation {
            credentials: once_each(&security),
            group_snake: names::snake(&group),
            group_pascal: names::pascal(&group),
            pascal: names::pascal(&name),
            snake: names::snake(&name),
            function_snake: names::snake(&function),
            function_pascal: pascal,
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(value, "summary"),
            description: text(value, "description"),
            request: request(&parameters, body.as_ref()),
            request_optional: is_optional(&parameters, body.as_ref()),
            refuses: errors.first().map(|error| error.content_type.clone()).unwrap_or_default(),
            problems,
            security,
            own_security: value["x-sdk-security"] == "operation",
            retry: retry(value, method, keyed),
            paginated: item.is_some() && parameters.iter().any(|field| field.wire == "cursor"),
            hook: hook_name(value, &name),
            hook_kind: hook_kind(value, method),
            also_query: value["x-sdk-react"]["also"] == "query",
            invalidates: text(&value["x-sdk-react"], "invalidates"),
            shape: self.types.shape(success.schema.as_deref(), &mut Vec::new()),
            id,
            group,
            name,
            function,
            parameters,
            body,
            success,
            errors,
            keyed,
            item,
            opaque,
            renamed,
            snippet: Snippet::default(),
        })
    }

    fn parameters(&mut self, owner: &str, value: &Json) -> Vec<Field> {
        let mut fields = Vec::new();
        for parameter in value["parameters"].as_array().into_iter().flatten() {
            let (wire, place) = (text(parameter, "name"), text(parameter, "in"));
            let mut field = self.types.field(owner, &wire, &parameter["schema"], &place);
            field.required = parameter["required"] == Json::Bool(true);
            field.nullable = false;
            field.description = text(parameter, "description");
            if !parameter["example"].is_null() {
                field.example = parameter["example"].clone();
            }
            fields.push(field);
        }
        fields
    }

    fn success(&self, value: &Json) -> Option<Success> {
        let (status, answer) = value["responses"]
            .as_object()?
            .iter()
            .find(|(status, _)| status.starts_with('2') || status.starts_with('3'))?;
        let content = answer["content"].as_object().and_then(|types| types.iter().next());
        let schema = content.and_then(|(_, content)| referred(&content["schema"]));
        let example = content.map(|(_, content)| content["example"].clone()).unwrap_or_default();
        Some(Success {
            status: status.parse().ok()?,
            description: text(answer, "description"),
            content_type: content.map(|(kind, _)| kind.clone()),
            example: if example.is_null() { self.example(schema.as_deref()) } else { example },
            headers: answer["headers"].as_object().is_some_and(|headers| !headers.is_empty()),
            schema,
        })
    }

    fn example(&self, schema: Option<&str>) -> Json {
        let known = self.types.schemas.iter().find(|known| Some(known.name.as_str()) == schema);
        known.map(|schema| schema.example.clone()).unwrap_or_default()
    }

    /// What a page is of, if the success is one: `items` and `next`.
    fn item(&self, success: &Success) -> Option<super::model::Type> {
        let name = success.schema.as_ref()?;
        let schema = self.types.schemas.iter().find(|schema| schema.name == *name)?;
        schema.fields.iter().find(|field| field.wire == "next")?;
        let items = schema.fields.iter().find(|field| field.wire == "items" && field.kind.list)?;
        items.kind.named.as_deref().map(named)
    }

    /// Alternatives; an operation without its own has the document's.
    fn security(&self, value: &Json) -> Result<Vec<Vec<Scheme>>, String> {
        let own = value["security"].as_array().or_else(|| self.document["security"].as_array());
        let mut alternatives = Vec::new();
        for alternative in own.into_iter().flatten() {
            let mut schemes = Vec::new();
            for name in alternative.as_object().into_iter().flatten().map(|(name, _)| name) {
                let key = names::camel(name);
                let scheme = self.schemes.iter().find(|scheme| scheme.key == key);
                schemes.push(scheme.cloned().ok_or_else(|| format!("no scheme `{name}`"))?);
            }
            alternatives.push(schemes);
        }
        Ok(alternatives)
    }

    /// Members whose keys are data, and names that TypeScript cannot turn into the wire's.
    fn exceptions(
        &self,
        body: &Option<Body>,
        success: &Success,
    ) -> (Vec<String>, Vec<(String, String)>) {
        let (mut opaque, mut renamed) = (Vec::new(), Vec::new());
        let sent = body.as_ref().map(|body| body.schema.clone());
        let mut open: Vec<(String, bool)> = sent.map(|name| (name, true)).into_iter().collect();
        open.extend(success.schema.clone().map(|name| (name, false)));
        let mut seen = open.clone();
        while let Some((name, is_sent)) = open.pop() {
            let schema = self.types.schemas.iter().find(|schema| schema.name == name);
            for field in schema.into_iter().flat_map(|schema| &schema.fields) {
                if field.kind.nilable && !field.kind.list && !opaque.contains(&field.wire) {
                    opaque.push(field.wire.clone());
                }
                let pair = (field.camel.clone(), field.wire.clone());
                let is_odd = names::wire_of(&field.camel) != field.wire;
                if is_sent && is_odd && !renamed.contains(&pair) {
                    renamed.push(pair);
                }
                let inner = field.kind.named.clone().map(|name| (name, is_sent));
                if let Some(inner) = inner.filter(|inner| !seen.contains(inner)) {
                    seen.push(inner.clone());
                    open.push(inner);
                }
            }
        }
        (opaque, renamed)
    }
}

fn once_each(alternatives: &[Vec<Scheme>]) -> Vec<Scheme> {
    let mut schemes: Vec<Scheme> = Vec::new();
    for scheme in alternatives.iter().flatten() {
        if !schemes.iter().any(|known| known.key == scheme.key) {
            schemes.push(scheme.clone());
        }
    }
    schemes
}

/// Group and method: `x-sdk-name`, or the tag and the operation's id.
fn called(value: &Json, id: &str) -> (String, String) {
    if let Some((group, name)) = value["x-sdk-name"].as_str().and_then(|name| name.split_once('.'))
    {
        return (group.to_owned(), name.to_owned());
    }
    (names::camel(value["tags"][0].as_str().unwrap_or("api")), names::camel(id))
}

fn body(value: &Json) -> Option<Body> {
    let (content_type, content) = value["requestBody"]["content"].as_object()?.iter().next()?;
    let schema = referred(&content["schema"])?;
    Some(Body {
        field: names::camel(&schema),
        content_type: content_type.clone(),
        optional: value["requestBody"]["required"] != Json::Bool(true),
        description: text(&value["requestBody"], "description"),
        example: content["example"].clone(),
        schema,
    })
}

fn referred(schema: &Json) -> Option<String> {
    schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).map(names::pascal)
}

fn refusals(value: &Json) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (status, answer) in value["responses"].as_object().into_iter().flatten() {
        if status.starts_with('2') || status.starts_with('3') {
            continue;
        }
        let content = answer["content"].as_object().and_then(|types| types.iter().next());
        let content_type = content.map(|(kind, _)| kind.clone()).unwrap_or_default();
        let schema = content.and_then(|(_, content)| referred(&content["schema"]));
        refusals.push(Refusal {
            class: match (content_type.as_str(), schema) {
                (PROBLEM, _) => problem(status).to_owned(),
                (_, Some(schema)) => schema,
                (_, None) => "APIError".to_owned(),
            },
            status: status.clone(),
            content_type,
            description: text(answer, "description"),
        });
    }
    refusals
}

/// The class of a status in problem details; `problems.ts` has the same table.
fn problem(status: &str) -> &'static str {
    match status {
        "400" => "BadRequest",
        "401" => "Unauthorized",
        "403" => "Forbidden",
        "404" => "NotFound",
        "409" => "Conflict",
        "422" => "Validation",
        "429" => "RateLimited",
        _ if status.starts_with('5') => "Server",
        _ => "ProblemError",
    }
}

fn request(parameters: &[Field], body: Option<&Body>) -> &'static str {
    match (parameters.is_empty(), body) {
        (true, None) => "none",
        (true, Some(_)) => "body",
        (false, None) => "params",
        (false, Some(_)) => "mixed",
    }
}

fn is_optional(parameters: &[Field], body: Option<&Body>) -> bool {
    parameters.iter().all(|field| !field.required) && body.is_none_or(|body| body.optional)
}

fn retry(value: &Json, method: &str, keyed: bool) -> String {
    let own = match method {
        "get" | "head" => "safe",
        "put" | "delete" => "idempotent",
        _ if keyed => "idempotent",
        _ => "never",
    };
    value["x-sdk-retry"].as_str().unwrap_or(own).to_owned()
}

fn hook_name(value: &Json, name: &str) -> String {
    value["x-sdk-react"]["name"].as_str().map_or_else(|| names::pascal(name), str::to_owned)
}

fn hook_kind(value: &Json, method: &str) -> String {
    let own = if method == "get" { "query" } else { "mutation" };
    value["x-sdk-react"]["kind"].as_str().unwrap_or(own).to_owned()
}
