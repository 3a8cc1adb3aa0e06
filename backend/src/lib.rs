//! The library half of the backend.
