//! A window of a browser, of a test: it keeps cookies, says where its forms come from, and finds what a page has
//! in its fields.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::{Answer, ISSUER, Server};

/// One browser of one person.
pub(crate) struct AWindow<'a> {
    server: &'a Server,
    cookies: BTreeMap<String, String>,
    address: IpAddr,
}

impl Server {
    /// A browser that was never here.
    pub(crate) fn a_window(&self) -> AWindow<'_> {
        self.a_window_at(Ipv4Addr::LOCALHOST.into())
    }

    /// The same, somewhere on the network.
    pub(crate) fn a_window_at(&self, address: IpAddr) -> AWindow<'_> {
        AWindow { server: self, cookies: BTreeMap::new(), address }
    }
}

impl AWindow<'_> {
    /// Puts a cookie in, as a test or an attacker does.
    pub(crate) fn plant(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// The value of a cookie it holds.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// The `Cookie` header.
    pub(crate) fn cookies(&self) -> String {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// Opens a page.
    pub(crate) async fn open(&mut self, path: &str) -> Answer {
        let ask =
            self.server.get(path).header("cookie", self.cookies()).header("accept", "text/html");
        let answer = ask.from(self.address).send().await;
        self.keep(&answer);
        answer
    }

    /// Sends a form as a page of ours would.
    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let ask = self.server.post(path).header("cookie", self.cookies()).header("origin", ISSUER);
        let ask = ask.header("sec-fetch-site", "same-origin").from(self.address);
        let answer = ask.form(form).await;
        self.keep(&answer);
        answer
    }

    /// Sends the form that leads to `action` on `page`, with what was typed into it.
    pub(crate) async fn fill(
        &mut self,
        page: &Answer,
        action: &str,
        typed: &[(&str, &str)],
    ) -> Answer {
        let hidden = hidden(&page.text(), action);
        let hidden = hidden.iter().filter(|(name, _)| typed.iter().all(|(known, _)| known != name));
        let mut form: Vec<(&str, &str)> =
            hidden.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        form.extend_from_slice(typed);
        self.post(action, &form).await
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.headers.get_all("set-cookie") {
            let text = cookie.to_str().expect("a cookie is text");
            let (name, rest) = text.split_once('=').expect("a cookie has a name");
            let value = rest.split(';').next().unwrap_or_default();
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.plant(name, value);
            }
        }
    }
}

/// What a hidden field of a page holds, the first of that name.
#[track_caller]
pub(crate) fn field_of(html: &str, name: &str) -> String {
    let value = html.split(&format!("name=\"{name}\" value=\"")).nth(1);
    let value = value.and_then(|rest| rest.split('"').next());
    value.unwrap_or_else(|| panic!("no field {name}: {html}")).to_owned()
}

/// The hidden fields of the first form of a page that leads to `action`.
#[track_caller]
fn hidden(html: &str, action: &str) -> Vec<(String, String)> {
    let start = format!("action=\"{action}\"");
    let from = html.find(&start).unwrap_or_else(|| panic!("no form leads to {action}: {html}"));
    let form = html[from..].split("</form>").next().unwrap_or_default();
    let inputs = form.split("<input ").skip(1).filter(|input| input.contains("type=\"hidden\""));
    inputs.map(|input| (attribute(input, "name"), attribute(input, "value"))).collect()
}

fn attribute(tag: &str, name: &str) -> String {
    let start = format!("{name}=\"");
    let text = tag.split(&start).nth(1).and_then(|rest| rest.split('"').next());
    text.unwrap_or_default().to_owned()
}
