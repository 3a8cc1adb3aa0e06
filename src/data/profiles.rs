//! The staff directory.

use std::collections::HashMap;
use std::sync::Arc;

use bedside_query::{MutationOptions, NetworkMode, Order, QueryOptions, query_key};
use uuid::Uuid;

use super::query::query;
use super::{DataError, Request, Rest, portions, rows};
use crate::model::{Profile, Role};

/// Everyone in the directory, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directory {
    pub people: Vec<Arc<Profile>>,
    /// How many more there are whose rows can't be read.
    pub unreadable: usize,
    by_id: HashMap<Uuid, Arc<Profile>>,
}

impl Directory {
    pub fn new(people: Vec<Profile>) -> Self {
        Self::of(people.into_iter().map(Arc::new).collect(), 0)
    }

    pub(super) fn of(people: Vec<Arc<Profile>>, unreadable: usize) -> Self {
        let by_id = people
            .iter()
            .map(|person| (person.id, Arc::clone(person)))
            .collect();
        Self {
            people,
            unreadable,
            by_id,
        }
    }

    /// The person with an id.
    pub fn person(&self, id: Uuid) -> Option<&Arc<Profile>> {
        self.by_id.get(&id)
    }

    /// Whether a person is on the staff and may edit records. Presence of anyone else is ignored.
    pub fn may_edit(&self, id: Uuid) -> bool {
        let edits = |person: &Arc<Profile>| person.active && person.role.may_edit();
        self.person(id).is_some_and(edits)
    }

    /// Whether this person is the only one left who can let others in. Nobody takes that from them, themselves included.
    pub fn is_last_admin(&self, id: Uuid) -> bool {
        let administers = |person: &&Arc<Profile>| person.active && person.role.may_administer();
        let mut admins = self.people.iter().filter(administers);
        admins.next().is_some_and(|admin| admin.id == id) && admins.next().is_none()
    }

    /// The name of somebody, if there is one to be said.
    pub fn known_name(&self, id: Option<Uuid>) -> Option<String> {
        Some(self.person(id?)?.full_name.clone())
    }

    /// The name of whoever is meant, in a place that always says something.
    pub fn name_of(&self, id: Option<Uuid>) -> String {
        match id {
            None => "Unassigned".to_owned(),
            Some(id) => self
                .person(id)
                .map_or_else(|| "–".to_owned(), |person| person.full_name.clone()),
        }
    }
}

/// Everyone in the directory.
pub async fn list(rest: Rest) -> Result<Directory, DataError> {
    let request = Request::table("profiles")
        .select("*")
        .order("full_name.asc,id.asc");
    let people = portions::all(
        |person: &Profile| person.id,
        |from, to| rest.page(request.clone().range(from, to)),
    );
    let people = people.await?.shared();
    Ok(Directory::of(people.rows, people.unreadable))
}

/// One person.
pub async fn one(rest: Rest, id: Uuid) -> Result<Profile, DataError> {
    rest.row(
        Request::table("profiles")
            .select("*")
            .eq("id", id.to_string()),
    )
    .await
}

/// What an admin changes about a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What they may do.
    Role(Role),
    /// Whether they see anything at all.
    Active(bool),
}

/// Changes a person's standing. Only an admin may.
pub async fn set_standing(rest: Rest, id: Uuid, standing: Standing) -> Result<Profile, DataError> {
    let body = match standing {
        Standing::Role(role) => serde_json::json!({ "role": role.word() }),
        Standing::Active(active) => serde_json::json!({ "active": active }),
    }
    .to_string();
    let request = Request::table("profiles")
        .update(body)
        .eq("id", id.to_string())
        .select("*");
    rest.rows(request)
        .await?
        .into_iter()
        .next()
        .ok_or(DataError::Conflict)
}

/// The query of the directory.
pub fn directory_query(rest: Rest) -> QueryOptions<Directory, DataError> {
    query(query_key!["profiles", "list"], move || list(rest.clone()))
        .row_set(rows::profiles().ordered(Order::ascending("full_name")))
}

/// The query of one person.
pub fn one_query(rest: Rest, id: Uuid) -> QueryOptions<Profile, DataError> {
    query(query_key!["profiles", "one", id], move || {
        one(rest.clone(), id)
    })
    .row(rows::profiles().matching(rows::by_key(id)))
}

/// The query of the signed-in person's own row; of nothing while nobody is signed in.
pub fn own_query(rest: Rest, id: Option<Uuid>) -> QueryOptions<Profile, DataError> {
    match id {
        Some(id) => one_query(rest, id),
        None => QueryOptions::without_fetcher(query_key!["profiles", "nobody"]),
    }
}

/// The mutation that changes a person's standing.
pub fn standing_mutation(rest: Rest) -> MutationOptions<(Uuid, Standing), Profile, DataError> {
    MutationOptions::new(move |(id, standing)| set_standing(rest.clone(), id, standing))
        .network_mode(NetworkMode::Always)
        .on_settled(|_, call| async move {
            call.client.invalidate_queries(query_key!["profiles"]);
        })
}
