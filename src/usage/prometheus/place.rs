//! Where the service is, and how to prove who asks.
use super::Labels;
use crate::ports::UsageError;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;

/// How to prove who asks.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// A bearer token.
    Bearer(SecretString),
    /// A bearer token in a file that is read anew each time: tokens of service accounts are replaced every hour.
    BearerFile(PathBuf),
    /// User and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
}

impl Auth {
    /// Puts the proof into the headers.
    pub(super) async fn prove(&self, headers: &mut HeaderMap) -> Result<(), UsageError> {
        let text = match self {
            Auth::None => return Ok(()),
            Auth::Bearer(token) => format!("Bearer {}", token.expose_secret()),
            Auth::BearerFile(path) => {
                let token = tokio::fs::read_to_string(path).await.map_err(|error| {
                    UsageError::Refused(format!("the token's file cannot be read: {error}"))
                })?;
                format!("Bearer {}", token.trim())
            }
            Auth::Basic { user, password } => {
                let pair = format!("{user}:{}", password.expose_secret());
                format!("Basic {}", STANDARD.encode(pair))
            }
        };
        let mut value = HeaderValue::try_from(text)
            .map_err(|_| UsageError::Refused("the credentials hold line breaks".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        Ok(())
    }
}

/// Where the service is, and how it is asked.
#[derive(Clone, Debug)]
pub struct Place {
    /// Base address, with the path below which `/api/v1/…` lies, if there is one.
    pub url: url::Url,
    /// How to prove who asks.
    pub auth: Auth,
    /// Further headers, such as `X-Scope-OrgID`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How series are labelled.
    pub labels: Labels,
}
