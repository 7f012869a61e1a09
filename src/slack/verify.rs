//! Slack's request signature: proof that a request comes from Slack, for this app, and not long ago.
//!
//! `X-Slack-Signature` is `v0=` + hex of HMAC-SHA256 over `v0:{timestamp}:{raw body}`. Nothing of a request is parsed before this
//! has passed. The scheme has no nonce, so a captured request stays valid for five minutes: the hash that [`verify`] returns is
//! what the replay guard remembers.
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The header that carries the signature.
pub const SIGNATURE: &str = "x-slack-signature";
/// The header that carries the time of signing in Unix seconds.
pub const TIMESTAMP: &str = "x-slack-request-timestamp";
/// A request may be this much older or newer than now, in seconds.
const WINDOW: i64 = 300;

/// Why a request is not believed. None of the texts helps to make a better forgery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Rejection {
    /// No signing secret is configured, or only blank ones: an empty key would verify what anybody signs with it.
    #[error("no signing secret is configured")]
    NoSecret,
    /// A header is missing, occurs twice or has not the right form.
    #[error("the signature headers are missing or malformed")]
    Headers,
    /// Older or newer than five minutes: an old capture, or a clock that is wrong.
    #[error("the time stamp is more than five minutes away")]
    Stale,
    /// Signed with another secret, or changed after signing.
    #[error("the signature does not fit")]
    Signature,
}

impl Rejection {
    /// The label under which it is counted.
    pub fn reason(self) -> &'static str {
        match self {
            Rejection::NoSecret => "no_secret",
            Rejection::Headers => "headers",
            Rejection::Stale => "stale",
            Rejection::Signature => "signature",
        }
    }
}

/// Checks a request against any of `secrets` (two while a secret is being replaced). The result is a hash of the signature,
/// the same for the same request: what a replay guard stores.
pub fn verify(
    secrets: &[SecretString],
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<String, Rejection> {
    let secrets: Vec<&str> = secrets
        .iter()
        .map(ExposeSecret::expose_secret)
        .filter(|secret| !secret.trim().is_empty())
        .collect();
    if secrets.is_empty() {
        return Err(Rejection::NoSecret);
    }
    let timestamp = once(headers, TIMESTAMP)?;
    let signature = once(headers, SIGNATURE)?;
    if timestamp.is_empty() || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Rejection::Headers);
    }
    let signed_at: i64 = timestamp.parse().map_err(|_| Rejection::Headers)?;
    let digits = signature.strip_prefix("v0=").ok_or(Rejection::Headers)?;
    // Slack writes lower case. One spelling per signature also means one entry per request in the replay guard.
    if digits.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(Rejection::Headers);
    }
    let claimed = hex::decode(digits).map_err(|_| Rejection::Headers)?;
    if now.as_second().abs_diff(signed_at) > WINDOW.unsigned_abs() {
        return Err(Rejection::Stale);
    }
    let fits = |secret: &&str| {
        // HMAC takes keys of any length, so this cannot fail; if it did, nothing would fit.
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).is_ok_and(|mut mac| {
            mac.update(b"v0:");
            mac.update(timestamp.as_bytes());
            mac.update(b":");
            mac.update(body);
            mac.verify_slice(&claimed).is_ok()
        })
    };
    if !secrets.iter().any(fits) {
        return Err(Rejection::Signature);
    }
    Ok(hex::encode(Sha256::digest(&claimed)))
}

/// The value of a header that must occur exactly once.
fn once<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Rejection> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| Rejection::Headers),
        _ => Err(Rejection::Headers),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    /// Slack's published example.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNED: i64 = 1_531_420_618;
    const FITS: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn secrets(all: &[&str]) -> Vec<SecretString> {
        all.iter().map(|&secret| secret.into()).collect()
    }

    fn headers(signature: &str, timestamp: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(SIGNATURE, HeaderValue::from_str(signature).unwrap());
        headers.insert(TIMESTAMP, HeaderValue::from_str(timestamp).unwrap());
        headers
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn mac(secret: &str, timestamp: &str, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("v0:{timestamp}:").as_bytes());
        mac.update(body);
        format!("v0={}", hex::encode(mac.finalize().into_bytes()))
    }

    #[test]
    fn the_example_that_slack_publishes_is_accepted() {
        let headers = headers(FITS, "1531420618");
        let hash = verify(&secrets(&[SECRET]), &headers, BODY, at(SIGNED)).unwrap();
        assert_eq!(hash.len(), 64);
        assert!(!FITS.contains(&hash));
    }

    #[test]
    fn everything_but_a_fresh_and_fitting_signature_is_refused() {
        let upper = FITS[3..].to_uppercase();
        type Case<'a> = (&'a str, &'a str, &'a [u8], i64, Result<(), Rejection>);
        let cases: &[Case<'_>] = &[
            (FITS, "1531420618", BODY, SIGNED + 299, Ok(())),
            (FITS, "1531420618", BODY, SIGNED + 300, Ok(())),
            (FITS, "1531420618", BODY, SIGNED - 300, Ok(())),
            (
                FITS,
                "1531420618",
                BODY,
                SIGNED + 301,
                Err(Rejection::Stale),
            ),
            (
                FITS,
                "1531420618",
                BODY,
                SIGNED - 301,
                Err(Rejection::Stale),
            ),
            (
                FITS,
                "1531420618",
                b"token=x",
                SIGNED,
                Err(Rejection::Signature),
            ),
            (FITS, "1531420619", BODY, SIGNED, Err(Rejection::Signature)),
            (
                &FITS[..40],
                "1531420618",
                BODY,
                SIGNED,
                Err(Rejection::Headers),
            ),
            (
                &FITS[..41],
                "1531420618",
                BODY,
                SIGNED,
                Err(Rejection::Signature),
            ),
            ("v0=", "1531420618", BODY, SIGNED, Err(Rejection::Signature)),
            (
                &FITS[3..],
                "1531420618",
                BODY,
                SIGNED,
                Err(Rejection::Headers),
            ),
            (
                &format!("v0={upper}"),
                "1531420618",
                BODY,
                SIGNED,
                Err(Rejection::Headers),
            ),
            ("v0=zz", "1531420618", BODY, SIGNED, Err(Rejection::Headers)),
            (FITS, "", BODY, SIGNED, Err(Rejection::Headers)),
            (FITS, "-1", BODY, SIGNED, Err(Rejection::Headers)),
            (FITS, "+1531420618", BODY, SIGNED, Err(Rejection::Headers)),
            (FITS, "1531420618.0", BODY, SIGNED, Err(Rejection::Headers)),
            (
                FITS,
                "99999999999999999999",
                BODY,
                SIGNED,
                Err(Rejection::Headers),
            ),
            (
                FITS,
                "9223372036854775807",
                BODY,
                SIGNED,
                Err(Rejection::Stale),
            ),
        ];
        for (signature, timestamp, body, now, expected) in cases {
            let headers = headers(signature, timestamp);
            let got = verify(&secrets(&[SECRET]), &headers, body, at(*now));
            assert_eq!(got.map(drop), *expected, "{signature} {timestamp} {now}");
        }
    }

    #[test]
    fn headers_that_are_missing_or_doubled_are_refused() {
        let whole = headers(FITS, "1531420618");
        for name in [SIGNATURE, TIMESTAMP] {
            let mut without = whole.clone();
            without.remove(name);
            let mut doubled = whole.clone();
            doubled.append(name, whole[name].clone());
            for headers in [without, doubled] {
                let got = verify(&secrets(&[SECRET]), &headers, BODY, at(SIGNED));
                assert_eq!(got, Err(Rejection::Headers), "{name}");
            }
        }
    }

    #[test]
    fn either_of_two_secrets_fits_while_one_is_being_replaced() {
        let headers = headers(FITS, "1531420618");
        for all in [["new", SECRET], [SECRET, "new"]] {
            assert!(verify(&secrets(&all), &headers, BODY, at(SIGNED)).is_ok());
        }
        let got = verify(&secrets(&["new"]), &headers, BODY, at(SIGNED));
        assert_eq!(got, Err(Rejection::Signature));
    }

    #[test]
    fn a_blank_secret_verifies_nothing_even_if_the_request_was_signed_with_it() {
        for blank in ["", "  "] {
            let forged = headers(&mac(blank, "1531420618", BODY), "1531420618");
            let alone = verify(&secrets(&[blank]), &forged, BODY, at(SIGNED));
            assert_eq!(alone, Err(Rejection::NoSecret));
            let beside = verify(&secrets(&[blank, SECRET]), &forged, BODY, at(SIGNED));
            assert_eq!(beside, Err(Rejection::Signature));
        }
    }

    #[test]
    fn the_body_need_not_be_text() {
        let body = [0xff, 0x00, 0xc3, 0x28];
        let headers = headers(&mac(SECRET, "1531420618", &body), "1531420618");
        assert!(verify(&secrets(&[SECRET]), &headers, &body, at(SIGNED)).is_ok());
    }
}
