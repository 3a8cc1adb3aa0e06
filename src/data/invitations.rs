//! Invitations to become staff, for admins. Their keys begin as those of the directory do: whoever accepts one appears there,
//! and that change brings both up to date.

use std::sync::Arc;

use bedside_query::{MutationOptions, NetworkMode, QueryKey, QueryOptions, query_key};
use uuid::Uuid;

use super::query::query;
use super::{DataError, Request, Rest, portions};
use crate::model::{Invitation, Role};

/// Whom an admin wants to let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    pub email: String,
    pub full_name: String,
    pub role: Role,
}

fn key() -> QueryKey {
    query_key!["profiles", "invitations"]
}

/// The query of all open invitations, the latest first.
pub fn list_query(rest: Rest) -> QueryOptions<Vec<Arc<Invitation>>, DataError> {
    query(key(), move || {
        let rest = rest.clone();
        async move {
            let request = Request::table("staff_invitations")
                .select("*")
                .order("created_at.desc,id.asc");
            let open = portions::all(
                |invitation: &Invitation| invitation.id,
                |from, to| rest.page(request.clone().range(from, to)),
            );
            Ok(open.await?.shared().rows)
        }
    })
}

/// The mutation that writes an invitation and brings its code.
pub fn invite_mutation(rest: Rest) -> MutationOptions<Invited, Invitation, DataError> {
    MutationOptions::new(move |invited: Invited| {
        let rest = rest.clone();
        async move {
            let body = serde_json::json!({
                "email": invited.email,
                "full_name": invited.full_name,
                "role": invited.role.word(),
            });
            let request = Request::table("staff_invitations")
                .insert(body.to_string())
                .select("*");
            rest.row(request).await
        }
    })
    .network_mode(NetworkMode::Always)
    .on_settled(|_, call| async move {
        call.client.invalidate_queries(key());
    })
}

/// The mutation that takes an invitation back.
pub fn withdraw_mutation(rest: Rest) -> MutationOptions<Uuid, Invitation, DataError> {
    MutationOptions::new(move |id: Uuid| {
        let rest = rest.clone();
        async move {
            let request = Request::table("staff_invitations")
                .delete()
                .eq("id", id.to_string())
                .select("*");
            rest.row(request).await
        }
    })
    .network_mode(NetworkMode::Always)
    .on_settled(|_, call| async move {
        call.client.invalidate_queries(key());
    })
}
