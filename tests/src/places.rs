//! Every page and state of the product that can be looked at, in one table: whoever adds a page adds it here, and it is
//! pictured by `cargo xtask screens` and held to the rules of access by the end-to-end tests.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::api::Api;
use crate::lens::Trouble;
use crate::person::Person;

pub const ADMIN: &str = "admin@bedside.test";
pub const CLINICIAN: &str = "clinician.one@bedside.test";
pub const VIEWER: &str = "viewer@bedside.test";

/// A page in one state.
pub struct Place {
    /// A file's name, and what a failed test calls it.
    pub name: &'static str,
    /// The address. `{patient}`, `{form}` and `{draft}` stand for rows that this person sees.
    pub path: &'static str,
    /// What goes wrong while the page opens.
    pub trouble: Trouble,
    /// What the person does there.
    pub acts: &'static [Act],
}

/// One thing that a person does to bring a page into a state.
#[derive(Clone, Copy)]
pub enum Act {
    /// Waits for a text.
    Sees(&'static str),
    /// Clicks a button or link by its name.
    Clicks(&'static str),
    /// Replaces what the field of this label holds.
    Types(&'static str, &'static str),
    /// Presses a key, alone or with Control, wherever the focus is.
    Presses(&'static str),
    PressesWithControl(&'static str),
    /// Loses the network, and waits until the page knows.
    LosesNetwork,
}

const fn page(name: &'static str, path: &'static str) -> Place {
    Place {
        name,
        path,
        trouble: Trouble::None,
        acts: &[],
    }
}

const fn after(name: &'static str, path: &'static str, acts: &'static [Act]) -> Place {
    Place {
        name,
        path,
        trouble: Trouble::None,
        acts,
    }
}

const fn in_trouble(name: &'static str, path: &'static str, trouble: Trouble) -> Place {
    Place {
        name,
        path,
        trouble,
        acts: &[],
    }
}

/// What nobody needs to sign in for.
pub const SIGNED_OUT: &[Place] = &[
    page("sign-in", "/sign-in"),
    after(
        "sign-in-refused",
        "/sign-in",
        &[
            Act::Types("Email", "clinician.one@bedside.test"),
            Act::Types("Password", "not-the-password"),
            Act::Clicks("Sign in"),
            Act::Sees("password"),
        ],
    ),
    page("accept", "/accept"),
    after(
        "accept-refused",
        "/accept",
        &[
            Act::Types("Email", "invited@bedside.test"),
            Act::Types("Invitation code", "0000-0000-0000"),
            Act::Types("New password", "a password of mine"),
            Act::Clicks("Create account"),
            Act::Sees("This code isn't valid."),
        ],
    ),
    page("not-found", "/no/such/page"),
];

/// What a clinician meets.
pub const CLINICIANS: &[Place] = &[
    page("dashboard", "/"),
    in_trouble(
        "dashboard-waiting",
        "/",
        Trouble::NoAnswer("*/rest/v1/patients*"),
    ),
    in_trouble(
        "dashboard-failed",
        "/",
        Trouble::Refused("*/rest/v1/patients*"),
    ),
    after("dashboard-offline", "/", &[Act::LosesNetwork]),
    page("patients", "/patients"),
    page("patients-empty", "/patients?q=nobody-of-this-name"),
    in_trouble(
        "patients-waiting",
        "/patients",
        Trouble::NoAnswer("*/rest/v1/patients*"),
    ),
    in_trouble(
        "patients-failed",
        "/patients",
        Trouble::Refused("*/rest/v1/patients*"),
    ),
    page("patient", "/patients/{patient}"),
    in_trouble(
        "patient-waiting",
        "/patients/{patient}",
        Trouble::NoAnswer("*/rest/v1/*patients*"),
    ),
    page(
        "patient-unknown",
        "/patients/00000000-0000-4000-8000-000000000000",
    ),
    page("patient-new", "/patients/new"),
    page("forms", "/forms"),
    page("forms-queue", "/forms?view=review"),
    page("forms-empty", "/forms?status=draft&type=consent&page=90"),
    in_trouble(
        "forms-waiting",
        "/forms",
        Trouble::NoAnswer("*/rest/v1/form_submissions*"),
    ),
    in_trouble(
        "forms-failed",
        "/forms",
        Trouble::Refused("*/rest/v1/form_submissions*"),
    ),
    page("form", "/forms/{form}"),
    page("form-draft", "/forms/{draft}"),
    after(
        "form-draft-refused",
        "/forms/{draft}",
        &[
            Act::Types("Heart rate", "7200"),
            Act::Clicks("Submit"),
            Act::Sees("put right first"),
        ],
    ),
    page("form-new", "/forms/new"),
    after(
        "patient-new-refused",
        "/patients/new",
        &[Act::Clicks("Save"), Act::Sees("Record number is needed")],
    ),
    after(
        "patient-hand-over",
        "/patients/{patient}",
        &[
            Act::Clicks("Hand over…"),
            Act::Sees("Choose who takes over."),
        ],
    ),
    page("staff-forbidden", "/staff"),
    page("settings", "/settings"),
    page("help", "/help"),
    after(
        "palette",
        "/patients",
        &[Act::PressesWithControl("k"), Act::Sees("results")],
    ),
    after(
        "palette-found",
        "/patients",
        &[
            Act::PressesWithControl("k"),
            Act::Types("Find a page", "ma"),
            Act::Sees("Patient ·"),
        ],
    ),
    after(
        "keyboard-map",
        "/patients",
        &[Act::Presses("?"), Act::Sees("Show this map")],
    ),
    after(
        "notifications",
        "/patients",
        &[Act::Presses("n"), Act::Sees("All quiet")],
    ),
    after(
        "dashboard-tables",
        "/",
        &[
            Act::Clicks("Submissions, last 30 days as a table"),
            Act::Clicks("Forms by status as a table"),
            Act::Clicks("Patients in wards as a table"),
            Act::Clicks("From submission to approval as a table"),
        ],
    ),
    // The last: what is saved here is sent once the network is back, and said on whatever page that is.
    after(
        "outbox-waiting",
        "/patients/{patient}",
        &[
            Act::LosesNetwork,
            Act::Types("Notes", "Written without a network."),
            Act::Clicks("Save"),
            Act::Sees("1 change waiting to be sent"),
        ],
    ),
];

/// What an admin meets beside that.
pub const ADMINS: &[Place] = &[
    page("dashboard", "/"),
    page("patients", "/patients"),
    page("patient", "/patients/{patient}"),
    page("forms", "/forms"),
    page("form", "/forms/{form}"),
    page("staff", "/staff"),
    in_trouble(
        "staff-waiting",
        "/staff",
        Trouble::NoAnswer("*/rest/v1/profiles?select=*&order*"),
    ),
    after(
        "staff-invite",
        "/staff",
        &[Act::Clicks("Invite a person"), Act::Sees("Work email")],
    ),
    page("realtime", "/realtime"),
    after("realtime-offline", "/realtime", &[Act::LosesNetwork]),
];

/// What somebody who only reads meets.
pub const VIEWERS: &[Place] = &[
    page("dashboard", "/"),
    page("patients", "/patients"),
    page("patient", "/patients/{patient}"),
    page("form", "/forms/{form}"),
    page("forms", "/forms"),
    page("realtime-forbidden", "/realtime"),
    // The last: nobody gets on without the password.
    after(
        "locked",
        "/patients",
        &[
            Act::Clicks("Lock the screen"),
            Act::Sees("Your work is as you left it."),
        ],
    ),
];

/// Everyone, with what they meet and a short word for them.
pub const PEOPLE: &[(&str, &str, &[Place])] = &[
    ("clinician", CLINICIAN, CLINICIANS),
    ("admin", ADMIN, ADMINS),
    ("viewer", VIEWER, VIEWERS),
];

/// The rows that stand for `{patient}`, `{form}` and `{draft}` in addresses.
pub struct Rows {
    patient: String,
    form: String,
    draft: String,
}

impl Rows {
    /// A path with these rows in it.
    pub fn in_path(&self, path: &str) -> String {
        path.replace("{patient}", &self.patient)
            .replace("{form}", &self.form)
            .replace("{draft}", &self.draft)
    }

    /// The first ones that a person sees.
    pub async fn of(url: &str, email: &str) -> Result<Rows> {
        let api = Api::sign_in(url, email).await?;
        let id = async |path: &str| -> Result<String> {
            let row = api.rows(path).await?.into_iter().next();
            row.and_then(|row| row["id"].as_str().map(str::to_owned))
                .with_context(|| format!("{email} sees none of {path}"))
        };
        let form = "form_submissions?select=id,patient_id&status=eq.submitted&order=id&limit=1";
        let about: Vec<Value> = api.rows(form).await?;
        let patient = about
            .first()
            .and_then(|row| row["patient_id"].as_str())
            .context("no submitted form")?;
        Ok(Rows {
            patient: patient.to_owned(),
            form: id(form).await?,
            draft: id(
                "form_submissions?select=id&status=eq.draft&form_type=eq.vitals&order=id&limit=1",
            )
            .await?,
        })
    }
}

impl Place {
    /// The address, with real rows in it.
    pub fn address(&self, rows: &Rows) -> String {
        rows.in_path(self.path)
    }

    /// Brings a person there, in this state, and waits until nothing moves any more.
    pub async fn visit(&self, person: &Person, rows: &Rows) -> Result<()> {
        person.meets(self.trouble).await?;
        person.goes_to(&self.address(rows)).await?;
        person.waits_for_the_page(self.trouble).await?;
        for act in self.acts {
            act.done_by(person).await?;
        }
        person.waits_until_still().await
    }

    /// Leaves the state behind.
    pub async fn leave(&self, person: &Person) -> Result<()> {
        person.meets(Trouble::None).await
    }
}

impl Act {
    async fn done_by(self, person: &Person) -> Result<()> {
        match self {
            Act::Sees(text) => person.sees(text).await,
            Act::Clicks(name) => person.clicks(name).await,
            Act::Types(label, text) => person.types(label, text).await,
            Act::Presses(key) => person.presses(key).await,
            Act::PressesWithControl(key) => person.presses_with_control(key).await,
            Act::LosesNetwork => {
                person.meets(Trouble::NoNetwork).await?;
                let lost = ["offline", "stale", "degraded", "connecting"];
                person.waits_for_realtime(&lost).await.map(|_| ())
            }
        }
    }
}
