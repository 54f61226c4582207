//! What services are known to do differently, said once more beside their files: an edit that loses
//! one of these loses users.

use keyhaven_connect::catalogue::find_provider;
use keyhaven_connect::provider::{
    Body, CallbackMode, ClientAuth, ExpiresAs, Locator, Method, Pkce, Provider, RefreshKind,
    RevokeAuth, Template, Verify,
};

fn provider(key: &str) -> &'static Provider {
    find_provider(key).unwrap_or_else(|| panic!("no provider {key}"))
}

/// Every one of `keys` is so.
fn all(keys: &[&str], what: &str, is_so: impl Fn(&Provider) -> bool) {
    for key in keys {
        assert!(is_so(provider(key)), "{key}: {what}");
    }
}

fn days(count: i64) -> i64 {
    count * 86_400
}

#[test]
fn scopes_are_joined_as_each_service_reads_them() {
    let sep = |wanted: &'static str| {
        move |p: &Provider| p.authorize.as_ref().is_some_and(|a| a.scope.sep == wanted)
    };
    let comma = [
        "slack",
        "linear",
        "shopify",
        "zoho",
        "facebook",
        "instagram",
        "tiktok",
        "strava",
        "withings",
        "todoist",
        "wrike",
        "adobe",
        "heroku",
        "stackexchange",
        "disqus",
    ];
    all(&comma, "comma", sep(","));
    all(&["unsplash", "bamboohr", "meetup", "adobe_sign"], "plus", sep("+"));
    all(&["odnoklassniki"], "semicolon", sep(";"));
    all(&["google", "microsoft", "atlassian", "xero"], "space", sep(" "));
    let none = |p: &Provider| p.authorize.as_ref().is_some_and(|a| a.scope.param.is_empty());
    all(&["notion", "clickup", "intercom", "eventbrite", "zoom", "bitbucket"], "no scope", none);
    for (key, param) in
        [("deezer", "perms"), ("freelancer", "advanced_scopes"), ("optimizely", "scopes")]
    {
        all(&[key], param, |p| p.authorize.as_ref().is_some_and(|a| a.scope.param == param));
    }
}

#[test]
fn offline_access_is_asked_for_in_each_services_way() {
    let param = |key: &str, name: &str, value: &str| {
        let authorize = provider(key).authorize.as_ref().expect(key);
        assert_eq!(authorize.params.get(name).map(Template::text), Some(value), "{key}");
    };
    for key in ["google", "zoho"] {
        param(key, "access_type", "offline");
        param(key, "prompt", "consent");
    }
    param("dropbox", "token_access_type", "offline");
    param("reddit", "duration", "permanent");
    param("notion", "owner", "user");
    param("square", "session", "false");
    param("atlassian", "audience", "api.atlassian.com");
    let required = |scope: &'static str| {
        move |p: &Provider| {
            p.authorize.as_ref().is_some_and(|a| a.scope.required.iter().any(|one| one == scope))
        }
    };
    all(&["microsoft", "atlassian", "xero", "adobe"], "offline_access", required("offline_access"));
    all(&["x"], "offline.access", required("offline.access"));
    all(&["salesforce"], "refresh_token", required("refresh_token"));
}

#[test]
fn pkce_is_what_each_service_takes() {
    let is = |wanted: Pkce| move |p: &Provider| p.pkce() == wanted;
    let required = [
        "x",
        "airtable",
        "etsy",
        "canva",
        "klaviyo",
        "adyen",
        "zoominfo",
        "soundcloud",
        "vk_id",
        "kick",
        "lichess",
        "datadog",
        "buffer",
    ];
    all(&required, "required", is(Pkce::Required));
    all(&["myanimelist"], "plain", is(Pkce::Plain));
    all(&["slack", "notion", "stripe", "box"], "off", is(Pkce::Off));
}

#[test]
fn clients_prove_themselves_as_each_service_wants() {
    let auth = |wanted: ClientAuth| {
        move |p: &Provider| p.token.as_ref().is_some_and(|call| call.auth == wanted)
    };
    let basic = [
        "notion",
        "airtable",
        "reddit",
        "fitbit",
        "quickbooks",
        "xero",
        "zoom",
        "x",
        "pipedrive",
        "docusign",
        "ebay",
        "snowflake",
    ];
    all(&basic, "basic", auth(ClientAuth::Basic));
    all(&["etsy", "lichess", "vk_id"], "none", auth(ClientAuth::None));
    all(&["stripe_app"], "the secret as the user", auth(ClientAuth::BasicSecret));
    all(&["apple"], "a signed secret", auth(ClientAuth::SignedSecret));
    all(&["revolut_business"], "a signed proof", auth(ClientAuth::PrivateKeyJwt));
    all(&["smartsheet"], "a hash", auth(ClientAuth::Smartsheet));
    all(&["keap"], "another way on refresh", |p| p.refresh.auth == Some(ClientAuth::Basic));
    all(&["clover"], "only the id on refresh", |p| p.refresh.auth == Some(ClientAuth::None));
    all(&["lark"], "a token of the app first", |p| p.prelude.is_some());
}

#[test]
fn bodies_and_methods_are_what_each_service_reads() {
    let body =
        |wanted: Body| move |p: &Provider| p.token.as_ref().is_some_and(|call| call.body == wanted);
    let json = [
        "notion",
        "square",
        "clover",
        "kommo",
        "lucid",
        "teamwork",
        "podium",
        "trakt",
        "tiktok_business",
        "dingtalk",
    ];
    all(&json, "JSON", body(Body::Json));
    all(&["gong", "marketo", "baidu"], "query", body(Body::Query));
    let get = |p: &Provider| p.token.as_ref().is_some_and(|call| call.method == Method::Get);
    all(&["wechat", "qq", "untappd", "tiktok_shop"], "GET", get);
}

#[test]
fn what_is_said_at_the_token_endpoint_beside_the_standard_is_said() {
    let param = |key: &str, name: &str, value: &str| {
        let call = provider(key).token.as_ref().expect(key);
        let said = call.params.get(name).or_else(|| call.query.get(name));
        assert_eq!(said.map(Template::text), Some(value), "{key}");
    };
    param("withings", "action", "requesttoken");
    param("basecamp", "type", "web_server");
    param("bamboohr", "request", "token");
    param("shopify", "expiring", "1");
    param("dropbox_sign", "state", "{state}");
    param("vk_id", "device_id", "{device_id}");
    for key in ["gitlab", "freshbooks"] {
        let sends = provider(key).refresh.redirect == keyhaven_connect::provider::Redirect::Send;
        assert!(sends, "{key} wants the redirect URI again");
    }
    for (key, end) in [
        ("figma", "/v1/oauth/refresh"),
        ("clover", "/oauth/v2/refresh"),
        ("adobe_sign", "oauth/v2/refresh"),
        ("wechat", "/refresh_token"),
        ("trustpilot", "/refresh"),
        ("tiktok_shop", "/token/refresh"),
        ("lark", "/refresh_access_token"),
    ] {
        all(&[key], end, |p| p.refresh.url.as_ref().is_some_and(|url| url.text().ends_with(end)));
    }
}

#[test]
fn refreshing_is_what_each_service_does() {
    let kind = |wanted: RefreshKind| move |p: &Provider| p.refresh.kind == wanted;
    let rotating = [
        "atlassian",
        "xero",
        "quickbooks",
        "notion",
        "linear",
        "gitlab",
        "box",
        "airtable",
        "bitbucket",
        "zoom",
        "canva",
        "gusto",
        "x",
        "shopify",
        "zendesk",
    ];
    all(&rotating, "rotating", kind(RefreshKind::Rotating));
    let fixed = ["google", "asana", "hubspot", "zoho", "dropbox", "clio"];
    all(&fixed, "static", kind(RefreshKind::Static));
    all(&["facebook", "instagram", "threads"], "exchange", kind(RefreshKind::Exchange));
    all(&["facebook", "instagram", "threads"], "upgraded", |p| p.upgrade.is_some());
    all(&["marketo", "zuora", "domo", "sugarcrm"], "remint", kind(RefreshKind::Remint));
    all(&["airtable", "lucid", "monzo"], "the old token dies", |p| p.refresh.kills_access);
    all(&["workday"], "the old refresh token stays", |p| p.refresh.keep);
}

#[test]
fn a_spent_token_is_tried_again_only_where_that_is_promised() {
    let promised = [("xero", 1800), ("atlassian", 600), ("fitbit", 120)];
    for provider in keyhaven_connect::catalogue::list_providers() {
        let known = promised.iter().find(|(key, _)| *key == provider.key);
        let grace = provider.refresh.reuse_grace.0.0;
        assert_eq!(grace, known.map_or(0, |(_, seconds)| *seconds), "{}", provider.key);
    }
}

#[test]
fn grants_end_when_each_service_ends_them() {
    for (key, idle, absolute) in [
        ("box", Some(60), None),
        ("xero", Some(60), None),
        ("quickbooks", Some(100), None),
        ("atlassian", Some(90), Some(365)),
        ("google", Some(180), None),
        ("docusign", Some(30), None),
        ("x", None, Some(180)),
        ("linkedin", None, Some(365)),
    ] {
        let refresh = &provider(key).refresh;
        assert_eq!(refresh.idle.map(|span| span.0.0), idle.map(days), "{key}");
        assert_eq!(refresh.absolute.map(|span| span.0.0), absolute.map(days), "{key}");
    }
    assert_eq!(provider("exact_online").refresh.max_lead.map(|span| span.0.0), Some(30));
}

#[test]
fn what_a_callback_brings_is_taken() {
    for (key, param) in [
        ("quickbooks", "realmId"),
        ("zoho", "accounts-server"),
        ("adobe_sign", "api_access_point"),
        ("lightspeed_x", "domain_prefix"),
        ("sharefile", "apicp"),
        ("sharefile", "subdomain"),
        ("clover", "merchant_id"),
        ("datadog", "site"),
        ("kommo", "referer"),
        ("amazon_selling_partner", "selling_partner_id"),
        ("myob", "businessId"),
        ("netsuite", "company"),
    ] {
        assert!(provider(key).callback.capture.contains_key(param), "{key} {param}");
    }
    all(&["amazon_selling_partner"], "its code", |p| p.callback.code == "spapi_oauth_code");
    all(&["dingtalk"], "its code", |p| p.callback.code == "authCode");
    all(&["instagram"], "#_ is cut", |p| p.callback.trim.as_deref() == Some("#_"));
    all(&["tiktok"], "decoded once more", |p| p.callback.decode);
    all(&["apple"], "a form", |p| p.callback.mode == CallbackMode::Form);
    all(&["shopify"], "proved", |p| p.callback.verify == Some(Verify::HmacSortedQuery));
    all(&["bigcommerce", "clever", "shopify"], "unasked", |p| p.callback.unsolicited);
}

#[test]
fn ends_of_tokens_are_read_as_each_service_writes_them() {
    let first = |wanted: ExpiresAs| {
        move |p: &Provider| p.reply.expires.first().is_some_and(|one| one.form == wanted)
    };
    all(&["strava", "clover", "lightspeed_x", "tiktok_shop"], "epoch", first(ExpiresAs::Epoch));
    all(&["lucid"], "milliseconds", first(ExpiresAs::EpochMs));
    all(&["square"], "RFC 3339", first(ExpiresAs::Rfc3339));
    all(&["jobber"], "in the JWT", first(ExpiresAs::JwtExp));
    all(&["mailchimp", "eventbrite", "todoist"], "never", first(ExpiresAs::None));
    let unsaid = ["salesforce", "stripe_app", "workday"];
    all(&unsaid, "an end that is not said", |p| p.reply.default_ttl.is_some());
}

#[test]
fn tokens_are_found_where_each_service_puts_them() {
    let root = |wanted: &'static str| {
        move |p: &Provider| p.reply.root.as_ref().is_some_and(|root| root.as_str() == wanted)
    };
    all(&["withings"], "body", root("/body"));
    all(&["tiktok_business", "tiktok_shop", "lark"], "data", root("/data"));
    all(&["untappd"], "response", root("/response"));
    all(&["slack", "globus"], "more than one", |p| !p.reply.also.is_empty());
    for (key, header) in [
        ("shopify", "X-Shopify-Access-Token"),
        ("dingtalk", "x-acs-dingtalk-access-token"),
        ("freelancer", "freelancer-oauth-v1"),
    ] {
        all(&[key], header, |p| p.api.header.as_deref() == Some(header));
    }
    for (key, scheme) in [("zoho", "Zoho-oauthtoken"), ("podio", "OAuth2"), ("yandex", "OAuth")] {
        all(&[key], scheme, |p| p.api.scheme() == scheme);
    }
}

#[test]
fn the_api_is_where_the_reply_says() {
    for (key, pointer) in [
        ("salesforce", "/instance_url"),
        ("pipedrive", "/api_domain"),
        ("zoho", "/api_domain"),
        ("gong", "/api_base_url_for_customer"),
        ("teamwork", "/installation/apiEndPoint"),
        ("surveymonkey", "/access_url"),
        ("questrade", "/api_server"),
    ] {
        let is_there = |locator: &Locator| match locator {
            Locator::At(at) => at.as_str() == pointer,
            Locator::Made(_) => false,
        };
        all(&[key], pointer, |p| p.api.base.iter().any(is_there));
    }
}

#[test]
fn a_200_that_is_an_error_is_one() {
    let marked = [
        "slack",
        "github",
        "reddit",
        "tiktok",
        "zoho",
        "naver",
        "arcgis",
        "withings",
        "wechat",
        "lark",
        "tiktok_shop",
    ];
    all(&marked, "fail_if", |p| !p.error.fail_if.is_empty());
    let dead = ["atlassian", "hubspot", "servicenow"];
    all(&dead, "permanent", |p| !p.error.permanent.is_empty());
    all(&["salesforce", "zoho"], "transient", |p| !p.error.transient.is_empty());
}

#[test]
fn grants_are_ended_in_each_services_way() {
    let delete = |p: &Provider| p.revoke.as_ref().is_some_and(|r| r.method == Method::Delete);
    all(&["github", "hubspot", "zendesk", "vimeo", "mollie"], "DELETE", delete);
    let bearer = |p: &Provider| p.revoke.as_ref().is_some_and(|r| r.auth == RevokeAuth::Bearer);
    all(&["dropbox"], "bearer", bearer);
    let standard = ["google", "salesforce", "xero", "x", "linear"];
    all(&standard, "RFC 7009", |p| p.revoke.as_ref().is_some_and(|r| r.token_param == "token"));
    let square = provider("square").revoke.as_ref().expect("a way");
    assert_eq!(square.headers["Authorization"].text(), "Client {client_secret}");
    let naver = provider("naver").revoke.as_ref().expect("a way");
    assert_eq!(naver.params["grant_type"].text(), "delete");
    all(&["microsoft"], "by hand", |p| p.revoke.is_none() && p.manage_url.is_some());
}
