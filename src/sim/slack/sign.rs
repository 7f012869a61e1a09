//! Slack's request signature, and ids that nobody can guess.
//!
//! `v0=` + hex of HMAC-SHA256 over `v0:{timestamp}:{raw body}`; the signing secret is used as text, not hex-decoded.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header that carries the signature.
pub const SIGNATURE_HEADER: &str = "x-slack-signature";
/// The header that carries the time of signing, in Unix seconds.
pub const TIMESTAMP_HEADER: &str = "x-slack-request-timestamp";

/// The `X-Slack-Signature` value for `body` signed at `timestamp` (Unix seconds, as text because forgeries are not always
/// numbers).
pub fn sign(secret: &str, timestamp: &str, body: &[u8]) -> String {
    format!(
        "v0={}",
        hex::encode(mac(secret, &[b"v0:", timestamp.as_bytes(), b":", body]))
    )
}

/// The same name for the same (secret, purpose, number), which someone without the secret cannot guess: what keeps a web page
/// of another site from writing to a response URL.
pub(super) fn unguessable(secret: &str, purpose: &str, number: u64) -> String {
    hex::encode(&mac(secret, &[purpose.as_bytes(), b"#", &number.to_be_bytes()])[..16])
}

fn mac(secret: &str, parts: &[&[u8]]) -> Vec<u8> {
    // HMAC takes keys of any length, so this cannot fail; an empty result would be refused by every verifier.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return Vec::new();
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_that_slack_publishes_comes_out() {
        let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
        assert_eq!(
            sign("8f742231b10e8888abcd99yyyzzz85a5", "1531420618", body),
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
        );
    }

    #[test]
    fn ids_differ_by_number_and_by_secret() {
        let id = unguessable("secret", "response", 1);
        assert_eq!(id.len(), 32);
        assert_ne!(id, unguessable("secret", "response", 2));
        assert_ne!(id, unguessable("another", "response", 1));
    }
}
