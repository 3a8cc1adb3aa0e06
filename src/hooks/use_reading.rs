//! A live query as pages want it: the data, the trouble, whether more is on its way.

use std::sync::Arc;

use bedside_query::{QueryError, QueryOptions, Time, UseQuery, query_key};
use leptos::prelude::*;

use super::use_live_query;
use crate::data::{DataError, Rest};
use crate::sync::Table;

/// What a page sees of a query. Its signals live as long as the component that asked.
pub struct Reading<T: Send + Sync + 'static> {
    /// The answer to the present question. Nothing before it has come, and nothing once the database says that there is no such row for this person: what may not be seen
    /// any more is not shown any more.
    pub data: Signal<Option<Arc<T>>>,
    /// The same; until the answer to the present question has come, the one to the question before it. Only for lists that say which of
    /// the two they show, and offer nothing of an earlier one.
    pub latest: Signal<Option<Arc<T>>>,
    /// Why there is no newer answer: the last fetch failed, or can't begin without a network.
    pub error: Signal<Option<DataError>>,
    /// Whether [`latest`](Self::latest) answers an earlier question, until the answer to the present one comes.
    pub outdated: Signal<bool>,
    /// When the data was fetched.
    pub fetched: Signal<Option<Time>>,
    /// Fetches again, now.
    pub refetch: Callback<()>,
}

impl<T: Send + Sync + 'static> Clone for Reading<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Reading<T> {}

/// Reads a query and follows the tables that it shows.
pub fn use_reading<T>(
    tables: &'static [Table],
    query: impl Fn(Rest) -> QueryOptions<T, DataError> + 'static,
) -> Reading<T>
where
    T: PartialEq + Send + Sync + 'static,
{
    let rest = use_context::<Rest>();
    let read = use_live_query(tables, move || match &rest {
        Some(rest) => query(rest.clone()),
        None => QueryOptions::without_fetcher(query_key!["nothing"]),
    });
    Reading::of(read)
}

impl<T> Reading<T>
where
    T: PartialEq + Send + Sync + 'static,
{
    fn of(query: UseQuery<T, DataError>) -> Self {
        let (failure, paused) = (query.error(), query.is_paused());
        let data = query.data();
        let gone = {
            let failure = failure.clone();
            Memo::new(move |_| {
                failure.with(|error| error.as_ref().and_then(trouble)) == Some(DataError::NotFound)
            })
        };
        let error = move || match failure.get() {
            Some(error) => trouble(&error),
            None => paused.get().then_some(DataError::Offline),
        };
        let outdated: Signal<bool> = query.is_placeholder_data().into();
        let latest = move || if gone.get() { None } else { data.get() };
        let latest = Signal::derive(latest);
        Self {
            data: Signal::derive(move || if outdated.get() { None } else { latest.get() }),
            latest,
            error: Signal::derive(error),
            outdated,
            fetched: query.data_updated_at().into(),
            refetch: Callback::new(move |()| {
                // Begun at once; whoever reads the data sees how it ends.
                drop(query.refetch());
            }),
        }
    }
}

/// The trouble behind a failed query; a cancelled one is no trouble.
pub fn trouble(error: &QueryError<DataError>) -> Option<DataError> {
    match error {
        QueryError::Failed(error) => Some(DataError::clone(error)),
        QueryError::Cancelled => None,
        QueryError::Panicked(_) | QueryError::NoFetcher | QueryError::Mismatch(_) => {
            Some(DataError::Unreadable)
        }
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bedside_query::{
        ClientOptions, ManualRuntime, QueryClient, provide_query_client, use_query,
    };
    use futures::channel::oneshot;
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    type Answers = Rc<RefCell<Vec<oneshot::Sender<&'static str>>>>;

    /// A list that is searched by a word, and keeps what it found before. Each answer is given by hand.
    fn searched(word: RwSignal<&'static str>, answers: &Answers) -> Reading<&'static str> {
        let answers = Rc::clone(answers);
        Reading::of(use_query(move || {
            let answers = Rc::clone(&answers);
            QueryOptions::new(query_key!["found", word.get()], move |_| {
                let (answer, answered) = oneshot::channel();
                answers.borrow_mut().push(answer);
                async move { answered.await.map_err(|_| DataError::Offline) }
            })
            .keep_previous_data()
        }))
    }

    fn settle(runtime: &ManualRuntime) {
        for _ in 0..3 {
            runtime.settle();
            any_spawner::Executor::poll_local();
        }
    }

    #[test]
    fn what_an_earlier_search_found_is_no_answer_to_the_present_one() {
        let _ = any_spawner::Executor::init_futures_executor();
        let runtime = ManualRuntime::new();
        let client = QueryClient::new(ClientOptions::default().runtime(runtime.clone()));
        let owner = Owner::new();
        let answers = Answers::default();
        let (word, list) = owner.with(|| {
            provide_query_client(client.clone());
            let word = RwSignal::new("smith");
            (word, searched(word, &answers))
        });
        settle(&runtime);
        answers.borrow_mut().pop().unwrap().send("Smith").unwrap();
        settle(&runtime);
        assert_eq!(list.data.get_untracked().as_deref(), Some(&"Smith"));

        word.set("nobody of that name");
        settle(&runtime);
        assert_eq!(list.data.get_untracked(), None);
        assert_eq!(list.latest.get_untracked().as_deref(), Some(&"Smith"));
        assert!(list.outdated.get_untracked());

        answers.borrow_mut().pop().unwrap().send("–").unwrap();
        settle(&runtime);
        assert_eq!(list.data.get_untracked().as_deref(), Some(&"–"));
        assert!(!list.outdated.get_untracked());
    }
}
