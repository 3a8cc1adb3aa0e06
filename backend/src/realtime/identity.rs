//! Tokens as the Realtime part sees them: whose rights a channel has, until when, and in which words a token is
//! refused. The words differ by place: at the handshake, in a join, on a joined channel.

use std::sync::Arc;

use super::hub::Viewer;
use crate::jwt::{Claims, JwtError};

/// Somebody proven by a token.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) viewer: Viewer,
    /// Unix seconds.
    pub(crate) expires: i64,
    /// To recognise the same token when it is pushed again. Never logged.
    token: Arc<str>,
}

impl Identity {
    pub(crate) fn new(token: &str, claims: &Claims) -> Self {
        Self {
            viewer: Viewer {
                role: claims.role.clone(),
                claims: claims.raw.to_string().into(),
            },
            expires: claims.exp,
            token: token.into(),
        }
    }

    pub(crate) fn is_token(&self, token: &str) -> bool {
        *self.token == *token
    }
}

/// At the handshake.
pub(crate) fn refused_connection(error: &JwtError) -> &'static str {
    match error {
        JwtError::NotAJwt => "The token provided is not a valid JWT",
        JwtError::Expired { .. } => "Token has expired",
        JwtError::BadSignature => "Failed to validate JWT signature",
        JwtError::MissingClaims => MISSING_CLAIMS,
    }
}

/// In the reply to a join.
pub(crate) fn refused_join(error: &JwtError) -> String {
    match error {
        JwtError::NotAJwt => "MalformedJWT: The token provided is not a valid JWT".to_owned(),
        JwtError::Expired { seconds_ago } => format!("InvalidJWTToken: {}", expired(*seconds_ago)),
        JwtError::BadSignature => "JwtSignatureError: Failed to validate JWT signature".to_owned(),
        JwtError::MissingClaims => format!("InvalidJWTToken: {MISSING_CLAIMS}"),
    }
}

/// In the `system` message before a channel is closed.
pub(crate) fn refused_renewal(error: &JwtError) -> String {
    match error {
        JwtError::NotAJwt => "The token provided is not a valid JWT".to_owned(),
        JwtError::Expired { seconds_ago } => expired(*seconds_ago),
        JwtError::BadSignature => ":signature_error".to_owned(),
        JwtError::MissingClaims => MISSING_CLAIMS.to_owned(),
    }
}

pub(crate) fn expired(seconds_ago: i64) -> String {
    format!("Token has expired {seconds_ago} seconds ago")
}

const MISSING_CLAIMS: &str = "Fields `role` and `exp` are required in JWT";
