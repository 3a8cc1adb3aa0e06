//! What Supabase owns in a project's database: API roles, the `auth` schema, the publication, default privileges.
//!
//! The migrations in `supabase/` rely on it and never create any of it, so that they apply unchanged to a real
//! project. Every statement can run again on a database that has it already.

use crate::db::Db;
use crate::error::StartError;
use crate::realtime;

const ROLES: &str = include_str!("../bootstrap/roles.sql");
const AUTH: &str = include_str!("../bootstrap/auth.sql");

/// Brings a database to the state in which a new Supabase project is.
pub(crate) async fn apply(db: &Db) -> Result<(), StartError> {
    for script in [ROLES, AUTH, realtime::bootstrap_sql()] {
        db.run_script(script)
            .await
            .map_err(StartError::database("preparing what Supabase owns"))?;
    }
    Ok(())
}
