//! The cache as an app uses it: the core behind a typed, cloneable client, its effects carried out, and what it shows as
//! signals. Everything that knows `reactive_graph`, tasks or the clock of the platform is in here.

mod client;
mod data;
mod defaults;
mod entries;
mod erased;
mod events;
mod flush;
mod hydrate;
mod infinite;
mod lifecycle;
mod mutation;
mod observation;
mod operations;
mod options;
mod persist;
mod runtime;
mod shown;
mod tabs;
mod use_counts;
mod use_infinite_query;
mod use_mutation;
mod use_queries;
mod use_query;
mod watch;

pub use client::{
    ClientOptions, MutationNews, MutationStep, QueryClient, Settled, provide_query_client,
    use_query_client,
};
pub use defaults::QueryDefaults;
pub use entries::{Entries, EntryStore};
pub use events::{Listening, MutationRow, QueryRow, Snapshot};
pub use hydrate::{Dehydrated, DehydratedMutation, DehydratedQuery};
pub use infinite::{InfiniteOptions, PageDirection, Pages};
pub use mutation::{Call, CallbackResult, MutationOptions, Optimistic};
pub use observation::{Observation, Observed};
pub use operations::{Network, Page};
pub use options::{FetchContext, QueryOptions};
pub use persist::{PersistError, PersistOptions, Persistence, Persister};
#[cfg(target_arch = "wasm32")]
pub use runtime::BrowserRuntime;
#[cfg(not(target_arch = "wasm32"))]
pub use runtime::ManualRuntime;
pub use runtime::Runtime;
pub use tabs::{Sharing, TabChannel};
pub use use_counts::{use_is_fetching, use_is_mutating};
pub use use_infinite_query::{UseInfiniteQuery, use_infinite_query};
pub use use_mutation::{UseMutation, use_mutation};
pub use use_queries::use_queries;
pub use use_query::{UseQuery, use_query};
