//! `openidconnect`: discovery, code and PKCE, ID token, UserInfo, refresh, RP-initiated logout.

use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreErrorResponseType, CoreUserInfoClaims,
};
use openidconnect::{
    AccessToken, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, LogoutRequest,
    Nonce, OAuth2TokenResponse, PkceCodeChallenge, PostLogoutRedirectUrl,
    ProviderMetadataWithLogout, RedirectUrl, RequestTokenError, Scope, SubjectIdentifier,
    TokenResponse,
};

use crate::stage::Stage;

pub fn signs_in_and_out(stage: &mut Stage) {
    let issuer = IssuerUrl::new(stage.told.issuer.clone()).unwrap();
    let metadata = ProviderMetadataWithLogout::discover(&issuer, &stage.http).unwrap();
    let leave = metadata.additional_metadata().end_session_endpoint.clone().unwrap();
    let id = ClientId::new(stage.told.client_id.clone());
    let secret = ClientSecret::new(stage.told.client_secret.clone());
    let redirect = RedirectUrl::new(stage.told.callback.clone()).unwrap();
    let client =
        CoreClient::from_provider_metadata(metadata, id, Some(secret)).set_redirect_uri(redirect);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let (address, state, nonce) = client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scope(Scope::new("profile".to_owned()))
        .add_scope(Scope::new("email".to_owned()))
        .set_pkce_challenge(challenge)
        .url();
    let answer = stage.ask(&address);
    assert_eq!(&answer["state"], state.secret());
    assert_eq!(answer["iss"], stage.told.issuer);

    let code = AuthorizationCode::new(answer["code"].clone());
    let request = client.exchange_code(code).unwrap().set_pkce_verifier(verifier);
    let tokens = request.request(&stage.http).unwrap();
    let id_token = tokens.id_token().unwrap();
    let claims = id_token.claims(&client.id_token_verifier(), &nonce).unwrap();
    let userinfo = |token: &AccessToken, subject: &SubjectIdentifier| -> CoreUserInfoClaims {
        let request = client.user_info(token.clone(), Some(subject.clone())).unwrap();
        request.request(&stage.http).unwrap()
    };
    is_the_visitor(stage, &userinfo(tokens.access_token(), claims.subject()));

    let refresh = tokens.refresh_token().unwrap();
    let fresh = client.exchange_refresh_token(refresh).unwrap().request(&stage.http).unwrap();
    assert_ne!(fresh.access_token().secret(), tokens.access_token().secret());
    is_the_visitor(stage, &userinfo(fresh.access_token(), claims.subject()));

    let refresh = fresh.refresh_token().unwrap_or(refresh);
    let again = client.exchange_refresh_token(refresh).unwrap();
    let bye = PostLogoutRedirectUrl::new(stage.told.bye.clone()).unwrap();
    let leave = LogoutRequest::from(leave).set_id_token_hint(id_token);
    let leave = leave.set_post_logout_redirect_uri(bye).http_get_url();
    assert_eq!(stage.visit(&leave).as_str(), stage.told.bye);
    match again.request(&stage.http) {
        Err(RequestTokenError::ServerResponse(refused)) => {
            assert_eq!(refused.error(), &CoreErrorResponseType::InvalidGrant);
        }
        other => panic!("a refresh after the logout: {other:?}"),
    }
}

fn is_the_visitor(stage: &Stage, told: &CoreUserInfoClaims) {
    assert_eq!(told.email().map(|email| email.as_str()), Some(stage.told.email.as_str()));
    let name = told.name().and_then(|name| name.get(None)).map(|name| name.as_str());
    assert_eq!(name, Some(stage.told.name.as_str()));
}

pub fn checks_the_nonce(stage: &mut Stage) {
    let issuer = IssuerUrl::new(stage.told.issuer.clone()).unwrap();
    let metadata = ProviderMetadataWithLogout::discover(&issuer, &stage.http).unwrap();
    let id = ClientId::new(stage.told.client_id.clone());
    let secret = ClientSecret::new(stage.told.client_secret.clone());
    let redirect = RedirectUrl::new(stage.told.callback.clone()).unwrap();
    let client =
        CoreClient::from_provider_metadata(metadata, id, Some(secret)).set_redirect_uri(redirect);
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = CoreAuthenticationFlow::AuthorizationCode;
    let request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
    let (address, _, nonce) = request.set_pkce_challenge(challenge).url();
    let code = AuthorizationCode::new(stage.ask(&address)["code"].clone());
    let request = client.exchange_code(code).unwrap().set_pkce_verifier(verifier);
    let tokens = request.request(&stage.http).unwrap();
    let verifying = client.id_token_verifier();
    let id_token = tokens.id_token().unwrap();
    assert!(id_token.claims(&verifying, &Nonce::new_random()).is_err());
    assert!(id_token.claims(&verifying, &nonce).is_ok());
}
