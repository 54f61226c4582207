//! `oauth2`: code and PKCE, refresh, at the endpoints that the metadata names.

use std::collections::BTreeMap;

use oauth2::basic::{BasicClient, BasicErrorResponseType};
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse,
    TokenUrl,
};
use serde_json::Value;

use crate::stage::Stage;

type App = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

fn metadata(stage: &Stage) -> BTreeMap<String, Value> {
    let address = format!("{}/.well-known/oauth-authorization-server", stage.told.issuer);
    let text = stage.http.get(address).send().unwrap().text().unwrap();
    serde_json::from_str(&text).unwrap()
}

fn app(stage: &Stage, known: &BTreeMap<String, Value>) -> App {
    let at = |name: &str| known[name].as_str().unwrap().to_owned();
    BasicClient::new(ClientId::new(stage.told.client_id.clone()))
        .set_client_secret(ClientSecret::new(stage.told.client_secret.clone()))
        .set_auth_uri(AuthUrl::new(at("authorization_endpoint")).unwrap())
        .set_token_uri(TokenUrl::new(at("token_endpoint")).unwrap())
        .set_redirect_uri(RedirectUrl::new(stage.told.callback.clone()).unwrap())
}

/// Has the browser ask; the code it brings.
fn code(stage: &mut Stage, app: &App) -> (AuthorizationCode, PkceCodeVerifier) {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let scopes = ["openid", "email"].map(|scope| Scope::new(scope.to_owned()));
    let request = app.authorize_url(CsrfToken::new_random).add_scopes(scopes);
    let (address, state) = request.set_pkce_challenge(challenge).url();
    let answer = stage.ask(&address);
    assert_eq!(&answer["state"], state.secret());
    (AuthorizationCode::new(answer["code"].clone()), verifier)
}

fn email(stage: &Stage, known: &BTreeMap<String, Value>, token: &str) -> Option<String> {
    let userinfo = known["userinfo_endpoint"].as_str().unwrap();
    let told = stage.http.get(userinfo).bearer_auth(token).send().unwrap();
    let claims: Value = serde_json::from_str(&told.text().unwrap()).unwrap();
    claims["email"].as_str().map(str::to_owned)
}

pub fn signs_in_and_out(stage: &mut Stage) {
    let known = metadata(stage);
    let app = app(stage, &known);
    let (code, verifier) = code(stage, &app);
    let tokens = app.exchange_code(code).set_pkce_verifier(verifier).request(&stage.http).unwrap();
    let visitor = Some(stage.told.email.clone());
    assert_eq!(email(stage, &known, tokens.access_token().secret()), visitor);

    let refresh = tokens.refresh_token().unwrap();
    let fresh = app.exchange_refresh_token(refresh).request(&stage.http).unwrap();
    assert_eq!(email(stage, &known, fresh.access_token().secret()), visitor);

    // The crate revokes at https addresses only, so the person ends it: asked, for want of a hint.
    let leave = known["end_session_endpoint"].as_str().unwrap().parse().unwrap();
    assert!(stage.visit(&leave).path().ends_with("/logged-out"));
    assert_eq!(email(stage, &known, fresh.access_token().secret()), None);
    let refresh = fresh.refresh_token().unwrap_or(refresh);
    match app.exchange_refresh_token(refresh).request(&stage.http) {
        Err(RequestTokenError::ServerResponse(refused)) => {
            assert_eq!(refused.error(), &BasicErrorResponseType::InvalidGrant);
        }
        other => panic!("a refresh after the logout: {other:?}"),
    }
}

pub fn needs_the_verifier(stage: &mut Stage) {
    let known = metadata(stage);
    let app = app(stage, &known);
    let (code, _) = code(stage, &app);
    let (_, other) = PkceCodeChallenge::new_random_sha256();
    match app.exchange_code(code).set_pkce_verifier(other).request(&stage.http) {
        Err(RequestTokenError::ServerResponse(refused)) => {
            assert_eq!(refused.error(), &BasicErrorResponseType::InvalidGrant);
        }
        other => panic!("another verifier: {other:?}"),
    }
}
