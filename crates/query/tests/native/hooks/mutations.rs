//! `use_mutation`: calls of a component, and its optimistic changes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bedside_query::{MutationOptions, MutationStatus, query_key, use_mutation};

use reactive_graph::traits::GetUntracked;

use super::page::on_page;

#[test]
fn an_optimistic_change_shows_at_once_and_leaves_with_its_failure() {
    on_page(|page| async move {
        page.client
            .set_query_data(query_key!["name"], "old".to_string())
            .unwrap();
        let rename = page.owner.with(|| {
            use_mutation(
                MutationOptions::new(|_: String| async move { Err::<(), _>("refused") })
                    .optimistic(|optimistic, name: &String| {
                        let name = name.clone();
                        optimistic.change(query_key!["name"], move |_: &String| Some(name.clone()));
                    }),
            )
        });
        let name = || {
            page.client
                .get_query_data::<String>(&query_key!["name"])
                .unwrap()
        };
        rename.mutate("new".to_string());
        assert_eq!(name().as_deref().map(String::as_str), Some("new"));
        page.settle().await;
        assert_eq!(name().as_deref().map(String::as_str), Some("old"));
        assert!(rename.error().get_untracked().is_some());
    });
}

#[test]
fn r102_callbacks_of_a_call_are_for_the_latest_call_of_a_mounted_component() {
    on_page(|page| async move {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let save = page.owner.with(|| {
            use_mutation(MutationOptions::new(|n: i32| async move {
                Ok::<i32, String>(n)
            }))
        });
        let call = |n: i32| {
            let heard = Rc::clone(&heard);
            save.mutate_then(n, move |result| heard.borrow_mut().push(*result.unwrap()));
        };
        call(1);
        call(2);
        page.settle().await;
        assert_eq!(*heard.borrow(), [2]);
        call(3);
        page.owner.cleanup();
        page.settle().await;
        assert_eq!(*heard.borrow(), [2]);
    });
}

#[test]
fn r106_a_reset_forgets_the_call_and_lets_it_run() {
    on_page(|page| async move {
        let ran = Rc::new(Cell::new(0));
        let counted = Rc::clone(&ran);
        let save = page.owner.with(|| {
            use_mutation(MutationOptions::new(move |n: i32| {
                counted.set(counted.get() + n);
                async move { Ok::<i32, String>(n) }
            }))
        });
        save.mutate(5);
        assert_eq!(save.variables().get_untracked().as_deref(), Some(&5));
        save.reset();
        assert_eq!(save.status().get_untracked(), MutationStatus::Idle);
        page.settle().await;
        assert_eq!(
            (ran.get(), save.status().get_untracked()),
            (5, MutationStatus::Idle)
        );
        save.mutate(1);
        page.settle().await;
        assert_eq!(
            (ran.get(), save.data().get_untracked().as_deref()),
            (6, Some(&1))
        );
    });
}
