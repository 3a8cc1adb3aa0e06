//! What a component calls to take part in the live feed.

pub mod devtools;
pub mod me;
pub mod searches;
pub mod use_company;
pub mod use_editing;
pub mod use_form_submission_updates;
pub mod use_live_query;
pub mod use_outbox;
pub mod use_profile_updates;
pub mod use_reading;
pub mod use_realtime;
pub mod use_realtime_auth;
pub mod use_realtime_details;
pub mod use_realtime_forms;
pub mod use_realtime_patients;
pub mod use_role_change;
mod use_row_updates;
pub mod wishes;

pub use devtools::use_devtools;
pub use me::Me;
pub use searches::{SearchAddress, Searches, use_search_address};
pub use use_company::{InCompany, Record, use_company};
pub use use_editing::{use_editing, use_editors};
pub use use_form_submission_updates::use_form_submission_updates;
pub use use_live_query::use_live_query;
pub use use_outbox::{UseOutbox, use_outbox};
pub use use_profile_updates::use_profile_updates;
pub use use_reading::{Reading, use_reading};
pub use use_realtime::{ConnectionState, ConnectionView, use_realtime};
pub use use_realtime_auth::{RealtimeAuth, use_realtime_auth};
pub use use_realtime_details::use_realtime_details;
pub use use_realtime_forms::{FormNotifications, RealtimeForms, use_realtime_forms};
pub use use_realtime_patients::{
    RealtimePatients, use_realtime_patients, use_realtime_patients_with,
};
pub use use_role_change::use_role_change;
pub use wishes::{Wish, Wishes};
