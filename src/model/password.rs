//! What a new password must be, as far as that can be told without asking the auth service.

/// As `supabase/config.toml` asks; a project may ask for more, and says so then.
const SHORTEST: usize = 10;
/// Of a longer one only the beginning is compared.
const LONGEST_BYTES: usize = 72;

/// What is wrong with a new password.
///
/// ```
/// use bedside::model::password::new_password_error;
/// assert!(new_password_error("nine char").is_some());
/// assert_eq!(new_password_error("ten chars!"), None);
/// assert!(new_password_error(&"ü".repeat(40)).is_some());
/// ```
pub fn new_password_error(password: &str) -> Option<&'static str> {
    if password.chars().count() < SHORTEST {
        return Some("Choose at least 10 characters.");
    }
    (password.len() > LONGEST_BYTES).then_some("Choose a shorter one: at most 72 characters.")
}
