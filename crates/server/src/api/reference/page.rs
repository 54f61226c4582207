//! The page as a whole: what is where, the operations by tag, the kinds of problem, the schemas.

use serde_json::Value;

use super::operation::{self, Operation};
use super::{escape, paragraphs, prose, schema, text};
use crate::http::error::Kind;

/// The page of a document.
pub(super) fn render(document: &Value) -> String {
    let operations = operation::all(document);
    let (title, version) = (text(&document["info"], "title"), text(&document["info"], "version"));
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{0} API reference</title>\n\
         <link rel=\"stylesheet\" href=\"/docs/style.css\">\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#content\">Skip to the content</a>\n\
         <header><strong>{0}</strong> <span>API reference · {1}</span> \
         <a href=\"/openapi.json\">openapi.json</a></header>\n",
        escape(title),
        escape(version),
    );
    html.push_str(&navigation(document, &operations));
    html.push_str("<main id=\"content\">\n");
    html.push_str(&format!("<h1>{} API</h1>\n", escape(title)));
    html.push_str(&paragraphs(text(&document["info"], "description")));
    for tag in tags(document) {
        html.push_str(&chapter(document, tag, &operations));
    }
    html.push_str(&problems());
    html.push_str(&schemas(document));
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn tags(document: &Value) -> impl Iterator<Item = &Value> {
    document["tags"].as_array().into_iter().flatten()
}

fn navigation(document: &Value, operations: &[Operation<'_>]) -> String {
    let mut html = String::from("<nav aria-label=\"Operations\">\n");
    for tag in tags(document) {
        let name = text(tag, "name");
        html.push_str(&format!(
            "<details open><summary><a href=\"#tag-{0}\">{0}</a></summary><ul>\n",
            escape(name)
        ));
        for operation in operations.iter().filter(|operation| operation.tag == name) {
            html.push_str(&operation.link());
        }
        html.push_str("</ul></details>\n");
    }
    html.push_str(
        "<details><summary><a href=\"#problems\">problems</a></summary></details>\n\
         <details><summary><a href=\"#schemas\">schemas</a></summary></details>\n</nav>\n",
    );
    html
}

fn chapter(document: &Value, tag: &Value, operations: &[Operation<'_>]) -> String {
    let name = text(tag, "name");
    let mut html = format!(
        "<section class=\"chapter\" id=\"tag-{0}\">\n<h2>{0}</h2>\n<p>{1}</p>\n",
        escape(name),
        prose(text(tag, "description"))
    );
    for operation in operations.iter().filter(|operation| operation.tag == name) {
        html.push_str(&operation.render(document));
    }
    html.push_str("</section>\n");
    html
}

fn problems() -> String {
    let mut html = String::from(
        "<section class=\"chapter\" id=\"problems\">\n<h2>Problems</h2>\n\
         <p>Every refusal is <code>application/problem+json</code>. Its <code>type</code> points \
         here; its <code>code</code> names the exact rule to an administrator.</p>\n\
         <div class=\"wide\"><table><thead><tr><th>Status</th><th>Type</th><th>Means</th></tr>\
         </thead><tbody>\n",
    );
    for kind in Kind::ALL {
        html.push_str(&format!(
            "<tr id=\"problem-{0}\"><td>{1}</td><td><code>{0}</code></td><td>{2}</td></tr>\n",
            kind.slug(),
            kind.status().as_u16(),
            escape(kind.title())
        ));
    }
    html.push_str("</tbody></table></div>\n</section>\n");
    html
}

fn schemas(document: &Value) -> String {
    let mut html = String::from("<section class=\"chapter\" id=\"schemas\">\n<h2>Schemas</h2>\n");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        html.push_str(&format!(
            "<article id=\"schema-{0}\"><h3>{0}</h3>\n{1}{2}</article>\n",
            escape(name),
            paragraphs(text(schema, "description")),
            schema::members(document, schema)
        ));
    }
    html.push_str("</section>\n");
    html
}
