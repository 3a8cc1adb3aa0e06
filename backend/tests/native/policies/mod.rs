//! What the migrations in `supabase/` promise, asked of the embedded PostgreSQL: who may do what, what the database decides
//! about a row, who is told of lost access, and a seed that one can work with.
//!
//! All tests share one backend, started from the migrations and the seed as they are. A test works in a transaction of its own
//! that is rolled back, so it sees the seed and nothing of the others; only `over_http` and `over_socket` commit, and only rows of their own.
//! Nothing here knows how a rule is written, only what it does.

mod accounts;
mod answers;
mod catalog;
mod deactivation;
mod feed_log;
mod form_history;
mod form_rules;
mod heartbeat;
mod invitations;
mod lost_access;
mod matrix;
mod over_http;
mod over_socket;
mod overview;
mod patient_history;
mod patient_rules;
mod saves;
mod seed;
mod staff_names;
mod staff_rules;
mod ward;
