//! The route table: every path of the public listener, in one place.

use std::sync::Arc;

use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

use crate::api;
use crate::app::{App, Shared};
use crate::doors::{connectors, json_api_tokens, sessions, user_keys};
use crate::http::cors::{AnyOrigin, OneOrigin};
use crate::http::operator::{Check, Readiness};
use crate::oauth::{
    authorize, end_session, introspect, metadata, pushed_authorization, revoke, token, userinfo,
};
use crate::pages::account::{
    authenticator, email, naming, passkeys, password, recovery_codes, sessions as own_sessions,
    upstreams,
};
use crate::pages::{
    account, assets, connect, hand_out, invitation, invited, logout, mail_code, organizations,
    recovery, second_factor, sign_in, sign_up, start, upstream, welcome,
};
use crate::telemetry::per_route::Routes;

/// The public routes, each counted by its template.
pub fn public(app: Shared) -> Routes {
    standards()
        .merge(pages())
        .merge(json_api(""))
        .merge(json_api("/pub"))
        .merge(connector_family(""))
        .merge(connector_family("/api/v1"))
        .route("/api/v1/oauth/token", post(token::create_token).layer(AnyOrigin::POST))
        .merge(keys(""))
        .merge(keys("/api/v1"))
        .route("/api/v1/{*rest}", any(user_keys::nothing_here))
        .merge(session_family(&app))
        .with_state(app.clone())
        .merge(api::router(app))
        .map(|router| router.fallback(start::show_nothing))
}

/// Endpoints that ignore cookies may be read by pages of any origin; introspection is for servers.
fn standards() -> Routes<Shared> {
    let described = || get(metadata::describe_server).layer(AnyOrigin::READ);
    Routes::new()
        .route("/.well-known/oauth-authorization-server", described())
        .route("/.well-known/openid-configuration", described())
        .route("/.well-known/jwks.json", get(metadata::list_keys).layer(AnyOrigin::READ))
        .route("/oauth2/token", post(token::create_token).layer(AnyOrigin::POST))
        .route("/oauth2/revoke", post(revoke::revoke).layer(AnyOrigin::POST))
        .route("/oauth2/introspect", post(introspect::introspect))
        .route(
            userinfo::PATH,
            get(userinfo::tell_userinfo)
                .post(userinfo::tell_userinfo)
                .layer(AnyOrigin::READ_AND_POST),
        )
        .route(pushed_authorization::PATH, post(pushed_authorization::push_authorization))
        .route(end_session::PATH, get(end_session::request_logout).post(end_session::post_logout))
        .route(
            authorize::PATH,
            get(authorize::start_authorization).post(authorize::post_authorization),
        )
}

/// What people see. No page is readable from another origin.
fn pages() -> Routes<Shared> {
    Routes::new()
        .route("/", get(start::show_start))
        .route("/consent", post(authorize::decide_consent))
        .route("/assets/{release}/{name}", get(assets::show_asset))
        .route("/account/keys", get(account::show_keys))
        .route("/account/keys/delete", post(account::delete_own_key))
        .route("/account/apps", get(account::show_apps))
        .route("/account/apps/withdraw", post(account::withdraw_app))
        .route(
            "/connections/{connection}/reconnect",
            get(connect::show_reconnect).post(connect::start_reconnect),
        )
        .route(
            "/connections/{connection}/confirm",
            get(connect::show_confirmation).post(connect::confirm),
        )
        .route("/connect/done", get(invited::show_connected))
        .route("/connect/failed", get(invited::show_not_connected))
        .route(
            "/connect/{session}",
            get(invited::show_connect_invitation).post(invited::follow_connect_invitation),
        )
        .route("/auth", get(hand_out::start_hand_out))
        .route(
            "/auth/consent",
            get(hand_out::show_hand_out_consent).post(hand_out::decide_hand_out),
        )
        .merge(sign_in_pages())
        .merge(account_pages())
        .merge(code_pages())
        .route("/logout", get(logout::show_logout).post(logout::confirm_logout))
        .route("/logged-out", get(logout::show_logged_out))
        .route(
            "/organizations",
            get(organizations::show_organizations).post(organizations::switch_organization),
        )
}

fn sign_in_pages() -> Routes<Shared> {
    Routes::new()
        .route("/login", get(sign_in::show_sign_in).post(sign_in::sign_in))
        .route("/login/passkey", post(sign_in::sign_in_with_passkey))
        .route("/login/code", get(mail_code::show_mail_code).post(mail_code::send_mail_code))
        .route(
            "/login/code/enter",
            get(mail_code::show_mail_code_entry).post(mail_code::enter_mail_code),
        )
        .route(
            "/login/factor",
            get(second_factor::show_second_factor).post(second_factor::answer_second_factor),
        )
        .route("/login/factor/{way}", get(second_factor::show_second_factor_way))
        .route("/login/with/{provider}", post(upstream::leave_for_upstream))
        .route("/login/with/{provider}/callback", get(upstream::come_from_upstream))
}

fn code_pages() -> Routes<Shared> {
    Routes::new()
        .route("/welcome", get(welcome::show_welcome).post(welcome::welcome_administrator))
        .route("/invitation", get(invitation::show_invitation).post(invitation::make_account))
        .route("/invitation/accept", post(invitation::join_with_account))
        .route("/sign-up", get(sign_up::show_sign_up).post(sign_up::ask_for_account))
        .route("/sign-up/sent", get(sign_up::show_sign_up_sent))
        .route(
            "/sign-up/confirm",
            get(sign_up::show_sign_up_confirmation).post(sign_up::make_own_account),
        )
        .route("/recover", get(recovery::show_recover).post(recovery::ask_for_recovery))
        .route("/recover/sent", get(recovery::show_recovery_sent))
        .route("/reset", get(recovery::show_reset).post(recovery::reset_password))
        .route("/reset/done", get(recovery::show_reset_done))
}

fn account_pages() -> Routes<Shared> {
    Routes::new()
        .route("/account", get(account::show_account))
        .route("/account/name", get(naming::show_own_name).post(naming::give_own_name))
        .route("/account/email", get(email::show_address_confirmation))
        .route("/account/email/new", get(email::show_new_address).post(email::ask_for_address))
        .route("/account/email/confirm", post(email::use_address))
        .route("/account/password", get(password::show_password).post(password::set_password))
        .route(
            "/account/authenticator",
            get(authenticator::show_authenticator).post(authenticator::confirm_authenticator),
        )
        .route("/account/authenticator/remove", post(authenticator::remove_authenticator))
        .route("/account/recovery-codes", post(recovery_codes::make_recovery_codes))
        .route("/account/passkeys", post(passkeys::add_passkey))
        .route("/account/passkeys/new", get(passkeys::show_new_passkey))
        .route("/account/passkeys/remove", post(passkeys::remove_passkey))
        .route("/account/upstreams/link", post(upstreams::leave_to_link))
        .route("/account/upstreams/unlink", post(upstreams::unlink))
        .route(
            "/account/sessions/name",
            get(naming::show_session_name).post(naming::give_session_name),
        )
        .route("/account/sessions/end", post(own_sessions::end_session))
        .route("/account/sessions/end-others", post(own_sessions::end_other_own_sessions))
}

/// The JSON:API family, which is mounted twice.
fn json_api(mount: &str) -> Routes<Shared> {
    let token = format!("{mount}/oauth/token");
    Routes::new()
        .route(&token, post(json_api_tokens::create_json_api_token))
        .route(&format!("{token}/{{id}}/groups"), get(json_api_tokens::fetch_token_groups))
        .route(
            &format!("{token}/{{id}}/organization"),
            get(json_api_tokens::fetch_token_organization),
        )
}

/// The user-controlled keys family, which is mounted twice. Apps in browsers call it, and it ignores
/// cookies.
fn keys(mount: &str) -> Routes<Shared> {
    Routes::new()
        .route(
            &format!("{mount}/auth/keys/code"),
            post(user_keys::create_auth_keys_code).layer(AnyOrigin::POST),
        )
        .route(
            &format!("{mount}/auth/keys"),
            post(user_keys::exchange_auth_keys).layer(AnyOrigin::POST),
        )
        .route(&format!("{mount}/key"), get(user_keys::show_current_key).layer(AnyOrigin::READ))
}

/// The sessions family. Pages of the configured dashboard may read its answers, and no others.
fn session_family(app: &App) -> Routes<Shared> {
    let dashboard = app.settings.dashboard.as_deref().and_then(OneOrigin::new);
    let routes = Routes::new()
        .route("/rpc/auth.login", get(sessions::begin_sign_in).options(sessions::preflight))
        .route("/rpc/auth.callback", get(sessions::complete_sign_in).options(sessions::preflight))
        .route("/rpc/auth.info", get(sessions::show_session_info).options(sessions::preflight))
        .route("/rpc/auth.switchScopes", post(sessions::switch_scopes).options(sessions::preflight))
        .route(
            "/rpc/auth.logout",
            get(sessions::log_out).post(sessions::log_out).options(sessions::preflight),
        )
        .route(
            "/rpc/auth.register",
            post(sessions::register_organization).options(sessions::preflight),
        )
        .route("/rpc/{*rest}", any(sessions::unknown_procedure).options(sessions::preflight));
    match dashboard {
        None => routes,
        Some(_) => {
            routes.map(|router| router.layer(from_fn_with_state(dashboard, OneOrigin::dress)))
        }
    }
}

/// The connector family, which is mounted twice. A provider may post its callback.
fn connector_family(mount: &str) -> Routes<Shared> {
    let callback = format!("{mount}/connectors/oauth/callback");
    let finish = || get(connectors::finish_connector_flow).post(connectors::finish_connector_flow);
    Routes::new()
        .route(
            &format!("{mount}/connectors/{{id}}/oauth/authorize"),
            get(connectors::start_connector_flow),
        )
        .route(&callback, finish())
        .route(&format!("{callback}/{{connector}}"), finish())
}

/// Ready while the database answers and changes of other nodes are heard.
#[must_use]
pub fn readiness(app: Shared) -> Check {
    Arc::new(move || {
        let app = app.clone();
        Box::pin(async move {
            match app.store.has_organizations().await {
                Err(error) => Readiness::Unready(error.to_string()),
                Ok(_) if !app.store.known().is_fresh(app.clock.tick()) => {
                    Readiness::Degraded("changes of other nodes are not heard".into())
                }
                Ok(_) => Readiness::Ready,
            }
        })
    })
}
