//! A37: Basic credentials that a lenient parser would repair. A malformed credential is a failure,
//! never "a public client".

use crate::harness::Server;

#[tokio::test]
async fn malformed_basic_is_401_with_a_challenge() {
    let server = Server::start().await;
    let public = server.a_client().public().build().await;
    let base64 = "Basic credentials are not canonical base64";
    let scheme = "Authorization scheme is not Basic";
    let cases: [(&[u8], &str); 12] = [
        (b"Basic", "Authorization has no credentials"),
        (b"Basic ", "Basic pair has no colon"),
        (b"Basic YWI=", "Basic pair has no colon"),
        (b"Basic ???", base64),
        (b"Basic YTpi====", base64),
        (b"Basic  YTpi", base64),
        (b"Basic YTpi, Basic YTpi", base64),
        (b"Basic Oh==", base64),
        (b"Basic\tYTpi", "Authorization has no credentials"),
        (b"Basic \xff", "Authorization is not ASCII"),
        (b"Digest username=a", scheme),
        (b"Bearer kh_access_x", scheme),
    ];
    for (value, reason) in cases {
        // With a public client's id beside it, dropping the header would let the request through.
        let form =
            [("grant_type", "refresh_token"), ("refresh_token", "x"), ("client_id", &public.id)];
        let answer = server.post("/oauth2/token").header("authorization", value).form(&form).await;
        let challenge = answer.header("www-authenticate").to_owned();
        assert_eq!(challenge, "Basic realm=\"keyhaven\", charset=\"UTF-8\"");
        answer.refused(&server, 401, "invalid_client", reason);
    }
}

#[tokio::test]
async fn the_first_colon_splits_and_both_halves_are_form_decoded() {
    let server = Server::start().await;
    let client = server.a_client().build().await;
    let encoded = client.secret.replace('_', "%5F");
    let dressed = crate::harness::AClient { secret: encoded, ..client };
    server.token(&dressed).await;
}
