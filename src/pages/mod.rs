//! What an address shows: one file a route. A page puts queries and parts together; it owns no rule of the clinic.

mod accept;
mod config_error;
mod dashboard;
mod drafts;
mod forbidden;
mod form;
mod forms;
mod help;
pub mod lazy;
mod new_form;
mod not_found;
mod patient;
mod patients;
mod realtime;
mod settings;
mod sign_in;
mod staff;
#[cfg(debug_assertions)]
mod styleguide;

pub use accept::Accept;
pub use config_error::ConfigErrorPage;
pub use dashboard::Dashboard;
pub use forbidden::Guard;
pub use form::FormPage;
pub use forms::Forms;
pub use help::Help;
pub use new_form::NewForm;
pub use not_found::NotFound;
pub use patient::{NewPatient, PatientPage};
pub use patients::Patients;
pub use realtime::RealtimePage;
pub use settings::Settings;
pub use sign_in::SignIn;
pub use staff::Staff;
// A tool for developers, not a page: elsewhere its address leads nowhere.
#[cfg(not(debug_assertions))]
pub use not_found::NotFound as Styleguide;
#[cfg(debug_assertions)]
pub use styleguide::Styleguide;
