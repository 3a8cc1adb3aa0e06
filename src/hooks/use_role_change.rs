//! The moment at which a person's own role becomes another.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Reading;
use crate::data::auth::Wanted;
use crate::data::{Auth, AuthError};
use crate::model::{Profile, Role};

/// Calls back with the new role when an admin has changed it, told from the last role that was known: a change of the row alone
/// doesn't say what it was before.
///
/// By then everything cached is in question already, and whatever reads the role has changed: navigation and guards. The session
/// is renewed, and with its new token the server builds this person's subscriptions anew.
pub fn use_role_change(profile: Reading<Profile>, callback: impl Fn(Role) + 'static) {
    let auth = use_context::<Auth>();
    let role = Memo::new(move |_| {
        profile
            .data
            .with(|profile| profile.as_ref().map(|profile| profile.role))
    });
    Effect::new(move |known: Option<Option<Role>>| {
        let known = known.flatten();
        let now = role.get();
        if let (Some(before), Some(now)) = (known, now)
            && before != now
        {
            callback(now);
            if let Some(auth) = auth.clone() {
                spawn_local(async move {
                    // Should it fail, the old token is good until it ends: the database looks the role up for each request.
                    let _ = renew(&auth).await;
                });
            }
        }
        now.or(known)
    });
}

async fn renew(auth: &Auth) -> Result<(), AuthError> {
    if let Some(token) = auth.access_token(Wanted::Usable).await? {
        auth.access_token(Wanted::OtherThan(&token.jwt)).await?;
    }
    Ok(())
}
