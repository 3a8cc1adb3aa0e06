//! What the clinic is made of: people, patients, forms. Plain values with serde; no I/O, no signals, no DOM.

pub mod caret;
pub mod date;
pub mod draft;
pub mod form_kind;
pub mod form_step;
pub mod form_submission;
pub mod invitation;
pub mod merge;
pub mod overview;
pub mod password;
pub mod patient;
pub mod patient_change;
pub mod policy;
pub mod profile;
pub mod role;
pub mod wall_time;
mod word;

pub use date::CalendarDate;
pub use draft::{Draft, FieldState, Sent};
pub use form_kind::FormKind;
pub use form_submission::{FormStatus, FormSubmission, FormType};
pub use invitation::Invitation;
pub use patient::{Patient, PatientField, PatientStatus, Sex, WARDS};
pub use patient_change::PatientChange;
pub use profile::Profile;
pub use role::Role;
pub use wall_time::WallTime;

/// The version of a row: counts its changes, set by the database.
pub type Version = i64;
