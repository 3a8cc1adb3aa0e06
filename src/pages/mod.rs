//! What an address shows: one file a route. A page puts queries and parts together; it owns no rule of the clinic.

mod accept;
mod config_error;
mod dashboard;
mod forbidden;
mod form;
mod forms;
pub mod lazy;
mod new_form;
mod not_found;
mod patient;
mod patients;
mod realtime;
mod sign_in;
mod staff;

pub use accept::Accept;
pub use config_error::ConfigErrorPage;
pub use dashboard::Dashboard;
pub use forbidden::Guard;
pub use form::FormPage;
pub use forms::Forms;
pub use new_form::NewForm;
pub use not_found::NotFound;
pub use patient::{NewPatient, PatientPage};
pub use patients::Patients;
pub use realtime::RealtimePage;
pub use sign_in::SignIn;
pub use staff::Staff;
