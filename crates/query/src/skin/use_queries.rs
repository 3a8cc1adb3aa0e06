//! `use_queries`: as many queries as a list says, observed as one group (rule 91).

use std::cell::RefCell;
use std::rc::Rc;

use reactive_graph::computed::Memo;
use reactive_graph::effect::RenderEffect;
use reactive_graph::graph::untrack;
use reactive_graph::owner::on_cleanup;
use reactive_graph::signal::ArcRwSignal;
use reactive_graph::traits::{Track, Update};
use send_wrapper::SendWrapper;

use super::client::use_query_client;
use super::observation::Observed;
use super::options::QueryOptions;
use super::watch::Watch;
use crate::key::QueryKey;

type Group<T, E> = RefCell<Vec<(QueryKey, Rc<Watch<T, E>>)>>;

/// Observes all queries that `options` lists, until the current owner is cleaned up. When the list changes, queries that
/// stay are not looked at anew, and those that are gone are left. The result is in the order of the list; a key that is
/// listed twice is there twice.
///
/// However many answers arrive in a batch, the result is put together once, when it is read.
///
/// ```
/// use bedside_query::{query_key, use_queries, QueryOptions};
/// use reactive_graph::{owner::Owner, traits::GetUntracked};
///
/// # any_spawner::Executor::init_tokio().ok();
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(tokio::task::LocalSet::new().run_until(async {
/// let owner = Owner::new();
/// owner.with(|| {
///     let wards = use_queries(|| {
///         ["4A", "4B"].map(|ward| QueryOptions::new(query_key!["ward", ward], move |_| async move { Ok::<_, String>(ward) })).into()
///     });
///     assert_eq!(wards.get_untracked().len(), 2);
/// });
/// # }));
/// ```
pub fn use_queries<T, E>(
    options: impl Fn() -> Vec<QueryOptions<T, E>> + 'static,
) -> Memo<Vec<Observed<T, E>>>
where
    T: PartialEq + Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    let client = use_query_client();
    let version = ArcRwSignal::new(0_u64);
    let group: Rc<Group<T, E>> = Rc::default();
    let follows = RenderEffect::new({
        let (group, version) = (Rc::clone(&group), version.clone());
        move |_: Option<()>| {
            let wanted = options();
            untrack(|| {
                let mut before = group.take();
                let next: Vec<_> = wanted
                    .into_iter()
                    .map(|options| {
                        let key = options.key().clone();
                        let kept = before.iter().position(|(held, _)| *held == key);
                        let watch = match kept {
                            Some(at) => before.swap_remove(at).1,
                            None => {
                                let version = version.clone();
                                let told = move || version.update(|version| *version += 1);
                                Rc::new(Watch::telling(&client, told))
                            }
                        };
                        Watch::observe(&watch, options);
                        (key, watch)
                    })
                    .collect();
                group.replace(next);
                // Left only now: a query that moves within the list never loses its last observer.
                before.iter().for_each(|(_, watch)| watch.release());
                version.update(|version| *version += 1);
            });
        }
    });
    let held = SendWrapper::new((follows, Rc::clone(&group)));
    on_cleanup(move || {
        let (follows, group) = held.take();
        drop(follows);
        group.take().iter().for_each(|(_, watch)| watch.release());
    });
    let group = SendWrapper::new(group);
    Memo::new(move |_| {
        version.track();
        let watches: Vec<_> = group
            .borrow()
            .iter()
            .map(|(_, watch)| Rc::clone(watch))
            .collect();
        watches.iter().map(|watch| watch.now().into()).collect()
    })
}
