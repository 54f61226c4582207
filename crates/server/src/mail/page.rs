//! What a letter looks like: a few sentences, perhaps a code or a link. One shape, written twice: as
//! plain text, and as HTML without pictures, scripts or anything fetched from elsewhere.

use askama::Template;
use keyhaven_protocol::secret::Secret;

use super::Unsent;

/// A letter ready to be sent. `Debug` shows neither code nor link.
#[derive(Debug, Default, Template)]
#[template(path = "mail.html")]
pub struct Page {
    subject: String,
    before: Vec<String>,
    code: Option<Secret>,
    link: Option<(&'static str, Secret)>,
    after: Vec<String>,
    sender: String,
}

impl Page {
    /// A letter about `subject`, from the instance at `issuer`.
    #[must_use]
    pub fn about(subject: impl Into<String>, issuer: &str) -> Self {
        Self { subject: one_line(&subject.into()), sender: issuer.to_owned(), ..Self::default() }
    }

    /// One more sentence; before the code or link, if those are not there yet.
    #[must_use]
    pub fn say(mut self, sentence: impl Into<String>) -> Self {
        let sentence = one_line(&sentence.into());
        if self.code.is_some() || self.link.is_some() {
            self.after.push(sentence);
        } else {
            self.before.push(sentence);
        }
        self
    }

    /// A code to be typed.
    #[must_use]
    pub fn code(mut self, code: Secret) -> Self {
        self.code = Some(code);
        self
    }

    /// A link to be followed.
    #[must_use]
    pub fn link(mut self, label: &'static str, url: Secret) -> Self {
        self.link = Some((label, url));
        self
    }

    /// The subject line.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut parts = self.before.clone();
        if let Some(code) = &self.code {
            parts.push(format!("    {}", code.reveal()));
        }
        if let Some((label, url)) = &self.link {
            parts.push(format!("{label}:\n{}", url.reveal()));
        }
        parts.extend(self.after.iter().cloned());
        parts.push(format!("-- \n{}", self.sender));
        parts.join("\n\n")
    }

    pub(super) fn html(&self) -> Result<String, Unsent> {
        self.render().map_err(|error| Unsent::Never(error.to_string()))
    }
}

/// Names that people chose go into sentences; a line break in one would begin a line of its own.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        Page::about("Hello <b>\r\nBcc: eve@e.test", "https://auth.test")
            .say("Dear <script>alert(1)</script>\r\nand so on.")
            .code(Secret::from("1234 5678"))
            .say("It counts for ten minutes.")
    }

    #[test]
    fn text_and_html_say_the_same() {
        let text = page().text();
        let html = page().html().unwrap();
        for part in ["1234 5678", "It counts for ten minutes.", "https://auth.test"] {
            assert!(text.contains(part) && html.contains(part), "{part}");
        }
    }

    #[test]
    fn a_name_begins_no_line_and_no_element() {
        assert!(!page().subject().contains(['\r', '\n']));
        assert!(page().text().contains("</script>  and so on."));
        assert!(!page().html().unwrap().contains("<script>"));
    }

    #[test]
    fn a_letter_does_not_print_its_secret() {
        assert!(!format!("{:?}", page()).contains("1234"));
    }
}
