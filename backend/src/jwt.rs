//! Tokens: the keys, what the backend signs, and what it accepts.
//!
//! One HS256 secret signs everything, as in a project made by the Supabase CLI; where it comes from is not known here. This module knows claims and
//! clocks; it must never know HTTP, the database or what a role may do.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

/// The secret of every local project of the Supabase CLI. It is public and guards nothing: the backend uses it only when
/// told to, for tests that sign tokens for a process they started.
pub const DEMO_SECRET: &str = "super-secret-jwt-token-with-at-least-32-characters-long";

/// When the API keys run out: the same far-off second as in the Supabase CLI's demo keys.
const API_KEYS_EXPIRE: i64 = 1_983_812_996;

/// Why a token was refused. No variant holds any part of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Not three base64url parts with a JSON object in the middle.
    #[error("the token is not a JWT")]
    NotAJwt,
    /// Well formed and signed, but past its `exp`.
    #[error("the token expired {seconds_ago} seconds ago")]
    Expired {
        /// Whole seconds since `exp`.
        seconds_ago: i64,
    },
    /// Signed by another key or with another algorithm, or changed since.
    #[error("the token's signature is not ours")]
    BadSignature,
    /// `role` or `exp` is missing or of the wrong type.
    #[error("the token lacks `role` or `exp`")]
    MissingClaims,
}

/// What a verified token says.
#[derive(Debug, Clone, PartialEq)]
pub struct Claims {
    /// The PostgreSQL role the bearer acts in: `anon`, `authenticated` or `service_role`.
    pub role: String,
    /// Unix seconds after which the token is void.
    pub exp: i64,
    /// The user's id; the API keys have none.
    pub sub: Option<String>,
    /// Every claim, as it goes into `request.jwt.claims`.
    pub raw: Value,
}

/// The signing secret with the two API keys made from it.
///
/// ```
/// use bedside_backend::jwt::{DEMO_SECRET, JwtKeys};
///
/// let keys = JwtKeys::new(DEMO_SECRET);
/// let claims = keys.verify(keys.anon_key()).map_err(|e| e.to_string());
/// assert_eq!(claims.map(|claims| claims.role), Ok("anon".to_owned()));
/// ```
pub struct JwtKeys {
    secret: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    anon: String,
    service_role: String,
}

impl JwtKeys {
    /// Keys from a shared secret.
    pub fn new(secret: &str) -> Self {
        let encoding = EncodingKey::from_secret(secret.as_bytes());
        let api_key = |role: &str| {
            encode(
                &encoding,
                &json!({ "iss": "supabase-demo", "role": role, "exp": API_KEYS_EXPIRE }),
            )
        };
        Self {
            anon: api_key("anon"),
            service_role: api_key("service_role"),
            secret: secret.to_owned(),
            decoding: DecodingKey::from_secret(secret.as_bytes()),
            encoding,
        }
    }

    /// The key that browsers send: public by design.
    pub fn anon_key(&self) -> &str {
        &self.anon
    }

    /// The key that passes Row Level Security by. Never leaves the machine.
    pub fn service_role_key(&self) -> &str {
        &self.service_role
    }

    /// The shared secret, for the parts that verify by themselves.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Signs any claims.
    pub fn sign(&self, claims: &Value) -> String {
        encode(&self.encoding, claims)
    }

    /// Verifies a token against the system clock.
    pub fn verify(&self, token: &str) -> Result<Claims, JwtError> {
        self.verify_at(token, unix_seconds())
    }

    /// Verifies a token as of `now`, in Unix seconds. The order is the real server's: shape, signature, claims, time.
    pub fn verify_at(&self, token: &str, now: i64) -> Result<Claims, JwtError> {
        if !looks_like_jwt(token) {
            return Err(JwtError::NotAJwt);
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let raw = jsonwebtoken::decode::<Value>(token, &self.decoding, &validation)
            .map_err(|_| JwtError::BadSignature)?
            .claims;
        let role = raw.get("role").and_then(Value::as_str);
        let exp = raw.get("exp").and_then(seconds);
        let (Some(role), Some(exp)) = (role, exp) else {
            return Err(JwtError::MissingClaims);
        };
        if exp <= now {
            return Err(JwtError::Expired {
                seconds_ago: now - exp,
            });
        }
        Ok(Claims {
            role: role.to_owned(),
            exp,
            sub: raw.get("sub").and_then(Value::as_str).map(str::to_owned),
            raw,
        })
    }
}

impl std::fmt::Debug for JwtKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JwtKeys(..)")
    }
}

/// The system clock in Unix seconds; 0 on a machine that believes it is before 1970.
pub fn unix_seconds() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
        .unwrap_or(0)
}

/// Signing fails only for a key of another family than the header's algorithm, which the constructor rules out.
fn encode(key: &EncodingKey, claims: &Value) -> String {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, key).unwrap_or_default()
}

fn looks_like_jwt(token: &str) -> bool {
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    [header, payload].into_iter().all(|part| {
        URL_SAFE_NO_PAD
            .decode(part)
            .is_ok_and(|bytes| serde_json::from_slice::<Value>(&bytes).is_ok_and(|v| v.is_object()))
    })
}

/// `exp` may carry a fraction; the whole seconds count.
fn seconds(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        value
            .as_f64()
            .filter(|s| s.is_finite() && s.abs() < 1e15)
            .map(|s| s as i64)
    })
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use super::*;

    fn keys() -> JwtKeys {
        JwtKeys::new(DEMO_SECRET)
    }

    #[test]
    fn a_signed_token_gives_back_its_claims() {
        let token =
            keys().sign(&json!({"role": "authenticated", "exp": 200, "sub": "u1", "x": [1]}));
        let claims = keys().verify_at(&token, 100).unwrap();
        assert_eq!((claims.role.as_str(), claims.exp), ("authenticated", 200));
        assert_eq!(claims.sub.as_deref(), Some("u1"));
        assert_eq!(claims.raw["x"], json!([1]));
    }

    #[test]
    fn a_token_expires_at_its_second_and_says_how_long_ago() {
        let token = keys().sign(&json!({"role": "anon", "exp": 100}));
        assert!(keys().verify_at(&token, 99).is_ok());
        assert_eq!(
            keys().verify_at(&token, 100),
            Err(JwtError::Expired { seconds_ago: 0 })
        );
        assert_eq!(
            keys().verify_at(&token, 107),
            Err(JwtError::Expired { seconds_ago: 7 })
        );
    }

    #[test]
    fn another_secret_another_algorithm_or_a_changed_payload_is_a_bad_signature() {
        let other = JwtKeys::new("another secret that is long enough to sign with");
        assert_eq!(
            keys().verify_at(other.anon_key(), 1),
            Err(JwtError::BadSignature)
        );

        let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let payload = URL_SAFE_NO_PAD.encode(r#"{"role":"service_role","exp":9999999999}"#);
        assert_eq!(
            keys().verify_at(&format!("{none}.{payload}."), 1),
            Err(JwtError::BadSignature)
        );

        let signed = keys().sign(&json!({"role": "anon", "exp": 100}));
        let parts: Vec<_> = signed.split('.').collect();
        let forged = format!("{}.{payload}.{}", parts[0], parts[2]);
        assert_eq!(keys().verify_at(&forged, 1), Err(JwtError::BadSignature));
    }

    #[test]
    fn what_is_no_jwt_is_called_so() {
        for text in [
            "",
            "x",
            "a.b.c",
            "..",
            "a.b",
            "e30.e30.x.y",
            "e30.W10.x",
            "sb_publishable_x",
        ] {
            assert_eq!(keys().verify_at(text, 1), Err(JwtError::NotAJwt), "{text}");
        }
    }

    #[test]
    fn role_and_exp_are_required_in_their_types() {
        for claims in [
            json!({}),
            json!({"role": "anon"}),
            json!({"exp": 5}),
            json!({"role": 1, "exp": 5}),
            json!({"role": "anon", "exp": "5"}),
        ] {
            assert_eq!(
                keys().verify_at(&keys().sign(&claims), 1),
                Err(JwtError::MissingClaims),
                "{claims}"
            );
        }
    }
}
