//! An app that signs people in: a client, its request, and what it does with the answer.

use std::collections::BTreeMap;

use super::a_person::APerson;
use super::{AClient, AWindow, Answer, Building, Server, the};

/// Where the app's answers go.
pub(crate) const CALLBACK: &str = "https://app.test/cb";
/// RFC 7636 Appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

impl Building<'_> {
    /// It signs people in.
    pub(crate) fn app(self) -> Self {
        self.grants(&["authorization_code", "refresh_token"])
            .scopes("openid profile email offline_access read")
            .but(|client| client.party.redirect_uris = vec![CALLBACK.into()])
    }
}

/// The address of a sound request of `client` with some parameters changed; an empty value takes one
/// away.
pub(crate) fn asks(client: &AClient, edits: &[(&str, &str)]) -> String {
    let mut pairs = vec![
        ("client_id", client.id.as_str()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid"),
        ("state", "xyz"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in edits {
        pairs.retain(|(known, _)| known != name);
        if !value.is_empty() {
            pairs.push((name, value));
        }
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("/oauth2/authorize?{query}")
}

/// The parameters of a redirect to the app.
#[track_caller]
pub(crate) fn query_of(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 303, "{}", answer.text());
    let location = answer.header("location");
    let (target, query) = location.split_once('?').expect("an answer has parameters");
    assert_eq!(target, CALLBACK);
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// Where a sign-in that this answer sends to leads back.
#[track_caller]
pub(crate) fn continuation_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 303, "{}", answer.text());
    let query = answer.header("location").strip_prefix("/login?").expect("the sign-in page");
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let (_, value) = pairs.find(|(name, _)| name == "continue").expect("a continuation");
    value.into_owned()
}

impl Server {
    /// A browser in which this person is signed in.
    pub(crate) async fn a_window_of(&self, person: &APerson) -> AWindow<'_> {
        let opened = self.a_session(person).await;
        let mut browser = self.a_window();
        browser.plant("__Host-sid", opened.token.reveal());
        browser
    }

    /// Redeems a code.
    pub(crate) async fn redeem(&self, client: &AClient, code: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.post("/oauth2/token").basic(client).form(&form).await
    }
}

impl AWindow<'_> {
    /// Asks for everything in `edits`, allows it, and returns the code.
    pub(crate) async fn code(&mut self, client: &AClient, edits: &[(&str, &str)]) -> String {
        let page = self.open(&asks(client, edits)).await;
        let answer = if page.status == 200 { self.allow(&page).await } else { page };
        let query = query_of(&answer);
        query.get("code").unwrap_or_else(|| panic!("no code in {query:?}")).clone()
    }

    /// Presses Allow on a consent page.
    pub(crate) async fn allow(&mut self, page: &Answer) -> Answer {
        self.fill(page, "/consent", &[("decision", "allow")]).await
    }

    /// The tokens a new code of this browser is worth.
    pub(crate) async fn tokens(
        &mut self,
        server: &Server,
        client: &AClient,
        edits: &[(&str, &str)],
    ) -> Tokens {
        let code = self.code(client, edits).await;
        let body = server.redeem(client, &code).await.expect(200);
        Tokens {
            access: the(&body["access_token"]),
            refresh: body["refresh_token"].as_str().map(str::to_owned).unwrap_or_default(),
            id_token: body["id_token"].as_str().map(str::to_owned).unwrap_or_default(),
            code,
        }
    }
}

/// What a code was worth.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) id_token: String,
    pub(crate) code: String,
}
