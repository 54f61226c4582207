//! Whether an ID token is this provider's, for us, for this sign-in, now (OpenID Connect Core
//! §3.1.3.7). Never `none`, never a symmetric algorithm: the type has no value for them.

use super::{MAX_SUBJECT, Profile};
use crate::jose::SKEW;
use crate::jose::claims::ClaimSet;
use crate::jose::compact::parse_compact;
use crate::jose::verifying_key::KeySet;
use crate::secret::{Digest, Secret};
use crate::time::Timestamp;

/// What the token must be about.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The configured issuer.
    pub issuer: &'a str,
    /// Who we are there.
    pub client_id: &'a str,
    /// The digest of the nonce that this sign-in sent.
    pub nonce: Digest,
}

/// The `kid` a token names, so that unknown keys can be fetched before it is judged.
pub fn find_kid(token: &Secret) -> Result<Option<String>, &'static str> {
    Ok(parse_compact(token.reveal())?.header.kid)
}

/// Reads and judges a token; the rules in the order of §3.1.3.7.
pub fn verify(
    token: &Secret,
    keys: &KeySet,
    expected: Expected<'_>,
    now: Timestamp,
) -> Result<Profile, &'static str> {
    let jws = parse_compact(token.reveal())?;
    if jws.header.typ.is_some() && !jws.header.typ_is("JWT") {
        return Err("ID token typ is another kind of token");
    }
    let key = match &jws.header.kid {
        Some(kid) => keys.find(kid, jws.header.algorithm),
        None => keys.find_only(jws.header.algorithm),
    }?;
    key.verify(jws.signing_input, &jws.signature)?;
    let claims = ClaimSet::parse(&jws.payload)?;
    if claims.text("iss", "ID token iss is missing or not a string")? != expected.issuer {
        return Err("ID token iss is another issuer");
    }
    check_audience(&claims, expected.client_id)?;
    check_times(&claims, now)?;
    let nonce = claims.text("nonce", "ID token nonce is missing or not a string")?;
    if Digest::of(nonce.as_bytes()) != expected.nonce {
        return Err("ID token nonce is of another sign-in");
    }
    profile(&claims)
}

fn check_audience(claims: &ClaimSet, client_id: &str) -> Result<(), &'static str> {
    let audiences = claims.texts("aud", "ID token aud is missing or no list of strings")?;
    if !audiences.contains(&client_id) {
        return Err("ID token aud is another client");
    }
    match claims.optional_text("azp", "ID token azp is not a string")? {
        Some(azp) if azp != client_id => Err("ID token azp is another client"),
        None if audiences.len() > 1 => Err("ID token has several aud and no azp"),
        _ => Ok(()),
    }
}

fn check_times(claims: &ClaimSet, now: Timestamp) -> Result<(), &'static str> {
    let exp = claims.time("exp", "ID token exp is missing or not whole seconds")?;
    let iat = claims.time("iat", "ID token iat is missing or not whole seconds")?;
    let nbf = claims.optional_time("nbf", "ID token nbf is not whole seconds")?;
    if exp.plus(SKEW) <= now {
        return Err("ID token expired");
    }
    if iat > now.plus(SKEW) {
        return Err("ID token was issued in the future");
    }
    if nbf.is_some_and(|nbf| nbf > now.plus(SKEW)) {
        return Err("ID token is not valid yet");
    }
    Ok(())
}

pub(super) fn profile(claims: &ClaimSet) -> Result<Profile, &'static str> {
    let subject = claims.text("sub", "sub is missing or not a string")?;
    if subject.is_empty() || subject.len() > MAX_SUBJECT || subject.contains('\0') {
        return Err("sub is empty or longer than 255 bytes");
    }
    Ok(Profile {
        subject: subject.to_owned(),
        email: claims.told_text("email").map(str::to_owned),
        email_verified: claims.is_true("email_verified"),
        name: claims.told_text("name").map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::jose::algorithm::Algorithm;
    use crate::jose::forge;
    use crate::jose::jwk_set::JwkSet;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    fn keys() -> KeySet {
        let keys = Algorithm::ALL.map(|algorithm| forge::key(algorithm).jwk().clone());
        KeySet::prepare(&JwkSet::new(keys.to_vec())).unwrap()
    }

    fn claims() -> Value {
        json!({
            "iss": "https://idp.test", "aud": "us", "sub": "248289761001", "nonce": "n",
            "exp": NOW.0 + 300, "iat": NOW.0, "email": "ada@a.test", "email_verified": true,
            "name": "Ada", "picture": null, "auth_time": NOW.0 - 5,
        })
    }

    fn judge(header: &Value, claims: &Value, signer: Algorithm) -> Result<Profile, &'static str> {
        let token = forge::signed(&header.to_string(), &claims.to_string(), forge::key(signer));
        let nonce = Digest::of(b"n");
        let expected = Expected { issuer: "https://idp.test", client_id: "us", nonce };
        verify(&Secret::new(token), &keys(), expected, NOW)
    }

    fn header(algorithm: Algorithm) -> Value {
        json!({"alg": algorithm.name(), "kid": forge::key(algorithm).kid(), "typ": "JWT"})
    }

    #[track_caller]
    fn refused(edit: impl FnOnce(&mut Value), rule: &str) {
        let mut claims = claims();
        edit(&mut claims);
        let judged = judge(&header(Algorithm::Rs256), &claims, Algorithm::Rs256);
        assert_eq!(judged, Err(rule), "{claims}");
    }

    #[test]
    fn a_good_token_of_every_algorithm_says_who_it_is() {
        for algorithm in Algorithm::ALL {
            let profile = judge(&header(algorithm), &claims(), algorithm).unwrap();
            assert_eq!(profile.subject, "248289761001");
            assert!(profile.email_verified);
        }
    }

    #[test]
    fn a73_a_lying_provider_is_refused() {
        refused(|c| c["iss"] = "https://evil.test".into(), "ID token iss is another issuer");
        refused(|c| c["iss"] = "https://idp.test/".into(), "ID token iss is another issuer");
        refused(|c| c["aud"] = "them".into(), "ID token aud is another client");
        refused(|c| c["aud"] = json!(["them"]), "ID token aud is another client");
        refused(|c| c["aud"] = json!(["us", "them"]), "ID token has several aud and no azp");
        refused(|c| c["aud"] = json!(["us", 1]), "ID token aud is missing or no list of strings");
        refused(|c| c["aud"] = json!([]), "ID token aud is another client");
        refused(|c| c["azp"] = "them".into(), "ID token azp is another client");
        refused(|c| c["nonce"] = "m".into(), "ID token nonce is of another sign-in");
        refused(|c| c["nonce"] = Value::Null, "ID token nonce is missing or not a string");
        refused(|c| c["exp"] = (NOW.0 - 10).into(), "ID token expired");
        refused(|c| c["exp"] = "never".into(), "ID token exp is missing or not whole seconds");
        refused(|c| c["iat"] = (NOW.0 + 11).into(), "ID token was issued in the future");
        refused(|c| c["nbf"] = (NOW.0 + 11).into(), "ID token is not valid yet");
        refused(|c| c["sub"] = "".into(), "sub is empty or longer than 255 bytes");
        refused(|c| c["sub"] = "a".repeat(256).into(), "sub is empty or longer than 255 bytes");
        refused(|c| c["sub"] = 7.into(), "sub is missing or not a string");
    }

    #[test]
    fn several_audiences_name_who_it_is_for() {
        let mut claims = claims();
        (claims["aud"], claims["azp"]) = (json!(["us", "them"]), "us".into());
        assert!(judge(&header(Algorithm::Es256), &claims, Algorithm::Es256).is_ok());
    }

    #[test]
    fn a_header_chooses_no_key_and_no_algorithm() {
        let foreign = judge(&header(Algorithm::Rs256), &claims(), Algorithm::EdDsa);
        assert_eq!(foreign, Err("signature does not verify"));
        let mut none = header(Algorithm::Rs256);
        none["alg"] = "none".into();
        assert_eq!(judge(&none, &claims(), Algorithm::Rs256), Err("JWS alg is not allowed"));
        none["alg"] = "HS256".into();
        assert_eq!(judge(&none, &claims(), Algorithm::Rs256), Err("JWS alg is not allowed"));
        let mut access = header(Algorithm::Rs256);
        access["typ"] = "at+jwt".into();
        let other = Err("ID token typ is another kind of token");
        assert_eq!(judge(&access, &claims(), Algorithm::Rs256), other);
        let mut unknown = header(Algorithm::Rs256);
        unknown["kid"] = "x".into();
        let missing = Err("kid names no known key");
        assert_eq!(judge(&unknown, &claims(), Algorithm::Rs256), missing);
    }

    #[test]
    fn an_address_is_verified_only_if_the_provider_says_so() {
        for (word, expected) in
            [(json!(true), true), (json!("true"), true), (json!("yes"), false), (json!(1), false)]
        {
            let mut claims = claims();
            claims["email_verified"] = word;
            let profile = judge(&header(Algorithm::EdDsa), &claims, Algorithm::EdDsa).unwrap();
            assert_eq!(profile.email_verified, expected);
        }
    }
}
