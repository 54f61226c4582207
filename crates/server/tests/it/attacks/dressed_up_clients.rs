//! A20, A24: what an app is called and shown as. It has no picture, so none can be a weapon; its name
//! is one line of text.

use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn a24_no_picture_of_a_client_is_taken() {
    let house = House::new().await;
    for picture in [
        "https://evil.test/logo.svg",
        "http://evil.test/logo.png",
        "data:image/svg+xml,<svg onload=alert(1)>",
    ] {
        for member in ["logo_uri", "logo"] {
            let body = json!({ "name": "An app", member: picture });
            let answer = house.post("/v1/clients", body).await.expect(400);
            let place = format!("/{member}");
            assert_eq!(answer.fault(), (place.as_str(), "is not a member of this request"));
        }
    }
}

#[tokio::test]
async fn a20_a_name_that_would_split_a_header_is_refused() {
    let house = House::new().await;
    for name in ["An app\r\nSet-Cookie: x=y", "An app\nX-Y: z", "An \u{202e}app"] {
        let answer = house.post("/v1/clients", json!({ "name": name })).await.expect(400);
        let rule = "text has no control characters or direction marks";
        assert_eq!(answer.fault(), ("/name", rule), "{name:?}");
    }
}
