//! One operation: what it does, what it takes, what it answers.

use serde_json::Value;

use super::{escape, paragraphs, prose, schema, text};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// An operation of the document.
pub(super) struct Operation<'a> {
    /// The chapter it belongs to.
    pub(super) tag: &'a str,
    method: &'static str,
    path: &'a str,
    value: &'a Value,
}

/// Every operation, in the order of paths and methods.
pub(super) fn all(document: &Value) -> Vec<Operation<'_>> {
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let value = &item[method];
            if value.is_object() {
                let tag = value["tags"][0].as_str().unwrap_or_default();
                operations.push(Operation { tag, method, path, value });
            }
        }
    }
    operations
}

impl Operation<'_> {
    /// Its line in the navigation.
    pub(super) fn link(&self) -> String {
        format!(
            "<li><a href=\"#{}\"><span class=\"method {}\">{}</span> {}</a></li>\n",
            escape(self.id()),
            self.method,
            self.method,
            escape(text(self.value, "summary"))
        )
    }

    /// Its article.
    pub(super) fn render(&self, document: &Value) -> String {
        let mut html = format!(
            "<article id=\"{id}\">\n<h3><a href=\"#{id}\">{summary}</a></h3>\n\
             <p class=\"line\"><span class=\"method {method}\">{method}</span> <code>{path}</code>\
             <span class=\"id\">{id}</span></p>\n",
            id = escape(self.id()),
            summary = escape(text(self.value, "summary")),
            method = self.method,
            path = escape(self.path),
        );
        html.push_str(&paragraphs(text(self.value, "description")));
        html.push_str(&self.parameters());
        html.push_str(&self.body(document));
        html.push_str(&self.answers(document));
        html.push_str("</article>\n");
        html
    }

    fn id(&self) -> &str {
        text(self.value, "operationId")
    }

    fn parameters(&self) -> String {
        let Some(parameters) = self.value["parameters"].as_array() else { return String::new() };
        let mut html = String::from(
            "<h4>Parameters</h4><div class=\"wide\"><table><thead><tr><th>Name</th><th>In</th>\
             <th>Means</th></tr></thead><tbody>\n",
        );
        for parameter in parameters {
            html.push_str(&format!(
                "<tr><td><code>{}</code></td><td>{}</td><td>{} {}</td></tr>\n",
                escape(text(parameter, "name")),
                escape(text(parameter, "in")),
                prose(text(parameter, "description")),
                schema::bounds(&parameter["schema"]),
            ));
        }
        html.push_str("</tbody></table></div>\n");
        html
    }

    fn body(&self, document: &Value) -> String {
        let body = content(&self.value["requestBody"]);
        if !body.is_object() {
            return String::new();
        }
        let schema = &body["schema"];
        format!(
            "<h4>Body · {}</h4>{}{}",
            schema::name(schema),
            schema::members(document, schema::resolve(document, schema)),
            schema::example(document, body)
        )
    }

    fn answers(&self, document: &Value) -> String {
        let mut html = String::from("<h4>Answers</h4>\n");
        let mut refusals = Vec::new();
        for (status, answer) in self.value["responses"].as_object().into_iter().flatten() {
            if !status.starts_with('2') {
                refusals.push(format!(
                    "<li><code>{}</code> {}</li>",
                    escape(status),
                    escape(text(answer, "description"))
                ));
                continue;
            }
            let content = content(answer);
            html.push_str(&format!(
                "<p><code>{}</code> {} {}</p>\n",
                escape(status),
                escape(text(answer, "description")),
                schema::name(&content["schema"])
            ));
            html.push_str(&schema::example(document, content));
        }
        html.push_str(&format!(
            "<details class=\"refusals\"><summary>Refusals</summary><ul>{}</ul></details>\n",
            refusals.concat()
        ));
        html
    }
}

/// What a body or an answer is made of; every one of ours has one content type.
fn content(part: &Value) -> &Value {
    part["content"].as_object().and_then(|types| types.values().next()).unwrap_or(&Value::Null)
}
