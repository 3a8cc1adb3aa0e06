//! Rules 92 to 96: pages.

use std::cell::RefCell;
use std::rc::Rc;

use bedside_query::{InfiniteOptions, Pages, QueryError, Retry, Status, query_key};
use futures::channel::oneshot;

use super::support::World;

type Options = InfiniteOptions<i32, i32, String>;

/// Pages 0 to 4, each worth ten times its number plus the round, and what was asked for.
fn pages(round: &Rc<RefCell<i32>>) -> (Rc<RefCell<Vec<i32>>>, Options) {
    let asked = Rc::new(RefCell::new(Vec::new()));
    let (into, round) = (Rc::clone(&asked), Rc::clone(round));
    let options = InfiniteOptions::new(query_key!["pages"], 0, move |_, page: i32| {
        into.borrow_mut().push(page);
        let data = page * 10 + *round.borrow();
        async move {
            if page == 99 {
                Err("no such page".to_string())
            } else {
                Ok(data)
            }
        }
    })
    .next_page(|held| {
        held.params
            .last()
            .filter(|page| **page < 4)
            .map(|page| page + 1)
    })
    .previous_page(|held| {
        held.params
            .first()
            .filter(|page| **page > -2)
            .map(|page| page - 1)
    });
    (asked, options)
}

fn data(pages: &Pages<i32, i32>) -> Vec<i32> {
    pages.pages.iter().map(|page| **page).collect()
}

#[test]
fn r092_the_first_page_is_asked_for_with_the_initial_parameter() {
    let world = World::new();
    let (asked, options) = pages(&Rc::default());
    let fetched = world.start(world.client.fetch_query(options.into_query()));
    let result = fetched.borrow_mut().take().unwrap().unwrap();
    assert_eq!(
        (data(&result), result.params.clone(), asked.borrow().clone()),
        (vec![0], vec![0], vec![0])
    );
}

#[test]
fn r093_a_refetch_asks_for_all_held_pages_in_order() {
    let world = World::new();
    let round = Rc::new(RefCell::new(0));
    let (asked, options) = pages(&round);
    let query = || options.clone().first_pages(3).into_query();
    world.start(world.client.fetch_query(query()));
    *round.borrow_mut() = 1;
    asked.borrow_mut().clear();
    let again = world.start(world.client.fetch_query(query()));
    let result = again.borrow_mut().take().unwrap().unwrap();
    assert_eq!(
        (data(&result), asked.borrow().clone()),
        (vec![1, 11, 21], vec![0, 1, 2])
    );
}

#[test]
fn r095_a_failing_page_fails_the_fetch_and_keeps_what_was_held() {
    let world = World::new();
    let (_, options) = pages(&Rc::default());
    let query = |options: Options| options.with(|query| query.retry(Retry::Never)).into_query();
    world.start(world.client.fetch_query(query(options.clone())));
    let failing = options.first_pages(2).next_page(|_| Some(99));
    world
        .client
        .set_query_data(
            query_key!["pages"],
            Pages {
                pages: vec![0.into(), 1.into()],
                params: vec![0, 1],
            },
        )
        .unwrap();
    let failed = world.start(world.client.fetch_query(query(failing)));
    assert!(failed.borrow().as_ref().unwrap().is_err());
    let held = world
        .client
        .get_query_data::<Pages<i32, i32>>(&query_key!["pages"])
        .unwrap()
        .unwrap();
    assert_eq!(held.params, [0, 1]);
}

#[test]
fn r095_a_fetch_that_is_cancelled_between_pages_asks_for_no_more() {
    let world = World::new();
    let asked = Rc::new(RefCell::new(Vec::new()));
    let gates: Rc<RefCell<Vec<oneshot::Sender<()>>>> = Rc::default();
    let (into, opens) = (Rc::clone(&asked), Rc::clone(&gates));
    let options = Options::new(query_key!["pages"], 0, move |_, page: i32| {
        let (open, opened) = oneshot::channel();
        into.borrow_mut().push(page);
        opens.borrow_mut().push(open);
        async move { opened.await.map(|()| page).map_err(|_| "gone".to_string()) }
    })
    .next_page(|held| held.params.last().map(|page| page + 1))
    .first_pages(3);
    let fetched = world.start(world.client.fetch_query(options.into_query()));
    let first = gates.borrow_mut().remove(0);
    first.send(()).unwrap();
    world.settle();
    assert_eq!(*asked.borrow(), [0, 1]);
    world.client.cancel_queries(query_key!["pages"]);
    world.settle();
    assert!(
        gates.borrow_mut().remove(0).send(()).is_err(),
        "its future was dropped"
    );
    assert_eq!(*asked.borrow(), [0, 1]);
    assert_eq!(
        fetched.borrow_mut().take(),
        Some(Err(QueryError::Cancelled))
    );
    assert_eq!(world.view(&query_key!["pages"]).status, Status::Pending);
}

#[test]
fn r096_several_first_pages_end_early_where_there_are_no_more() {
    let world = World::new();
    let (asked, options) = pages(&Rc::default());
    world
        .client
        .prefetch_query(options.first_pages(50).into_query());
    world.settle();
    assert_eq!(*asked.borrow(), [0, 1, 2, 3, 4]);
}
