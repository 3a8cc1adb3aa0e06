//! How long a test goes on: a short size for each run, and the full one in a soak.

/// `full` if `BEDSIDE_SOAK=1` is set, as `cargo xtask soak` does; otherwise `short`.
pub fn size<T>(short: T, full: T) -> T {
    if std::env::var_os("BEDSIDE_SOAK").is_some_and(|value| value == "1") {
        full
    } else {
        short
    }
}
