//! Hooks over many: groups, pages, counts.

use std::cell::Cell;
use std::rc::Rc;

use bedside_query::{
    InfiniteOptions, MutationOptions, QueryFilter, StaleTime, query_key, use_infinite_query,
    use_is_fetching, use_is_mutating, use_mutation, use_queries, use_query,
};
use reactive_graph::signal::RwSignal;

use reactive_graph::traits::{Get, GetUntracked, Set};

use super::page::{answer, on_page};

#[test]
fn r091_a_group_follows_its_list_in_order_with_duplicates() {
    on_page(|page| async move {
        let calls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&calls);
        let (ids, group) = page.owner.with(|| {
            let ids = RwSignal::new(vec![3_u32, 1, 3]);
            let list = move || {
                ids.get()
                    .into_iter()
                    .map(|id| answer(id, &counted).stale_time(StaleTime::Infinite))
                    .collect()
            };
            (ids, use_queries(list))
        });
        page.settle().await;
        let shown = || -> Vec<_> {
            group
                .get_untracked()
                .iter()
                .map(|one| one.data.as_ref().unwrap().to_string())
                .collect()
        };
        assert_eq!(
            (shown(), calls.get()),
            (vec!["item 3".into(), "item 1".into(), "item 3".into()], 2)
        );
        ids.set(vec![1, 2]);
        page.settle().await;
        assert_eq!(
            (shown(), calls.get()),
            (vec!["item 1".into(), "item 2".into()], 3)
        );
        assert_eq!(page.client.counts().observers, 2);
        page.owner.cleanup();
        assert_eq!(page.client.counts().observers, 0);
    });
}

#[test]
fn r094_pages_grow_both_ways_and_drop_at_the_far_end() {
    on_page(|page| async move {
        let pages = page.owner.with(|| {
            use_infinite_query(|| {
                InfiniteOptions::new(query_key!["pages"], 0_i32, |_, page| async move {
                    Ok::<_, String>(page * 10)
                })
                .next_page(|held| {
                    held.params
                        .last()
                        .filter(|page| **page < 2)
                        .map(|page| page + 1)
                })
                .previous_page(|held| {
                    held.params
                        .first()
                        .filter(|page| **page > -1)
                        .map(|page| page - 1)
                })
                .max_pages(3)
            })
        });
        page.settle().await;
        let params = || pages.data().get_untracked().unwrap().params.clone();
        let more = || {
            (
                pages.has_previous_page().get_untracked(),
                pages.has_next_page().get_untracked(),
            )
        };
        assert_eq!((params(), page.owner.with(more)), (vec![0], (true, true)));
        let fetching = page.owner.with(|| pages.is_fetching_next_page());
        drop(pages.fetch_next_page());
        assert!(fetching.get_untracked());
        page.settle().await;
        assert!(!fetching.get_untracked());
        drop(pages.fetch_next_page());
        page.settle().await;
        assert_eq!(
            (params(), page.owner.with(more)),
            (vec![0, 1, 2], (true, false))
        );
        drop(pages.fetch_next_page());
        page.settle().await;
        assert_eq!(params(), [0, 1, 2], "there is no further page");
        drop(pages.fetch_previous_page());
        page.settle().await;
        assert_eq!(
            (params(), page.owner.with(more)),
            (vec![-1, 0, 1], (false, true))
        );
        page.client.invalidate_queries(QueryFilter::all());
        page.settle().await;
        assert_eq!(
            params(),
            [-1, 0, 1],
            "a refetch keeps the pages that are held"
        );
    });
}

#[test]
fn the_counting_hooks_follow_what_runs() {
    on_page(|page| async move {
        let calls = Rc::new(Cell::new(0));
        let (fetching, mutating, save) = page.owner.with(|| {
            let _query = use_query(move || answer(1, &calls));
            let save = use_mutation(MutationOptions::new(|()| async { Ok::<(), String>(()) }));
            (use_is_fetching(query_key!["item"]), use_is_mutating(), save)
        });
        save.mutate(());
        assert_eq!((fetching.get_untracked(), mutating.get_untracked()), (1, 1));
        page.settle().await;
        assert_eq!((fetching.get_untracked(), mutating.get_untracked()), (0, 0));
    });
}
