//! The cache as an app uses it: the core behind a typed, cloneable client, its effects carried out, and what it shows as
//! signals. Everything that knows `reactive_graph`, tasks or the clock of the platform is in here.

mod client;
mod defaults;
mod flush;
mod lifecycle;
mod mutation;
mod observation;
mod operations;
mod options;
mod runtime;
mod shown;
mod use_mutation;
mod use_query;
mod watch;

pub use client::{ClientOptions, QueryClient, Settled, provide_query_client, use_query_client};
pub use defaults::QueryDefaults;
pub use mutation::{Call, MutationOptions, Optimistic};
pub use observation::{Observation, Observed};
pub use operations::{Network, Page};
pub use options::{FetchContext, QueryOptions};
#[cfg(target_arch = "wasm32")]
pub use runtime::BrowserRuntime;
#[cfg(not(target_arch = "wasm32"))]
pub use runtime::ManualRuntime;
pub use runtime::Runtime;
pub use use_mutation::{UseMutation, use_mutation};
pub use use_query::{UseQuery, use_query};
