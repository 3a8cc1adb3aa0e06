//! The embedded backend.

fn main() {}
