//! What one observer shows, as signals: one a field, made when it is first asked for, written only when its value changed
//! (rule 68). Everything is `Arc`: nothing in here is in the arena, so it may be dropped at any time.

use std::cell::OnceCell;
use std::sync::Arc;

use reactive_graph::signal::{ArcReadSignal, ArcRwSignal};
use reactive_graph::traits::{Set, WithUntracked};

use crate::core::time::Time;
use crate::core::value::QueryError;
use crate::core::view::{FetchStatus, Shown, Status};

/// A signal that exists once somebody wants it.
pub(super) struct Field<V>(OnceCell<ArcRwSignal<V>>);

impl<V> Default for Field<V> {
    fn default() -> Self {
        Self(OnceCell::new())
    }
}

impl<V: Send + Sync + 'static> Field<V> {
    pub(super) fn read(&self, now: impl FnOnce() -> V) -> ArcReadSignal<V> {
        self.0.get_or_init(|| ArcRwSignal::new(now())).read_only()
    }

    /// Writes if the value differs. Compared first, because a write always wakes; set only after the comparison's guard is
    /// gone, because a write under a guard would deadlock.
    pub(super) fn write(&self, value: V, same: impl FnOnce(&V, &V) -> bool) {
        if let Some(signal) = self.0.get()
            && !signal.with_untracked(|held| same(held, &value))
        {
            signal.set(value);
        }
    }

    pub(super) fn show(&self, value: V)
    where
        V: PartialEq,
    {
        self.write(value, V::eq);
    }
}

/// Two handles on one value.
pub(super) fn same_arc<T>(a: &Option<Arc<T>>, b: &Option<Arc<T>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// The state of an observer with its types.
pub(super) struct TypedShown<T, E> {
    pub(super) data: Option<Arc<T>>,
    pub(super) error: Option<QueryError<E>>,
    pub(super) failure_reason: Option<QueryError<E>>,
    pub(super) plain: Plain,
}

impl<T, E> Default for TypedShown<T, E> {
    fn default() -> Self {
        Self {
            data: None,
            error: None,
            failure_reason: None,
            plain: Plain::default(),
        }
    }
}

/// The part of it that has no types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plain {
    pub(super) status: Status,
    pub(super) fetch_status: FetchStatus,
    pub(super) has_data: bool,
    pub(super) is_placeholder: bool,
    pub(super) is_stale: bool,
    pub(super) is_invalidated: bool,
    pub(super) is_optimistic: bool,
    pub(super) is_fetched: bool,
    pub(super) is_fetched_after_mount: bool,
    pub(super) failure_count: u32,
    pub(super) data_updated_at: Option<Time>,
    pub(super) error_updated_at: Option<Time>,
}

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> TypedShown<T, E> {
    pub(super) fn of(shown: Shown) -> Self {
        let key = shown.key;
        let typed = |failure| QueryError::typed(&failure, key.as_ref());
        Self {
            plain: Plain {
                status: shown.status,
                fetch_status: shown.fetch_status,
                has_data: shown.data.is_some(),
                is_placeholder: shown.is_placeholder,
                is_stale: shown.is_stale,
                is_invalidated: shown.is_invalidated,
                is_optimistic: shown.is_optimistic,
                is_fetched: shown.is_fetched,
                is_fetched_after_mount: shown.is_fetched_after_mount,
                failure_count: shown.failure_count,
                data_updated_at: shown.data_updated_at,
                error_updated_at: shown.error_updated_at,
            },
            data: shown.data.and_then(|data| data.downcast().ok()),
            error: shown.error.map(typed),
            failure_reason: shown.failure_reason.map(typed),
        }
    }

    pub(super) fn failed(error: QueryError<E>) -> Self {
        Self {
            error: Some(error),
            plain: Plain {
                status: Status::Error,
                ..Plain::default()
            },
            ..Self::default()
        }
    }
}

impl Plain {
    pub(super) fn is_fetching(&self) -> bool {
        self.fetch_status == FetchStatus::Fetching
    }

    /// Rule 25.
    pub(super) fn is_loading(&self) -> bool {
        self.status == Status::Pending && self.is_fetching()
    }

    pub(super) fn is_refetching(&self) -> bool {
        self.status != Status::Pending && self.is_fetching()
    }

    pub(super) fn is_loading_error(&self) -> bool {
        self.status == Status::Error && !self.has_data
    }

    pub(super) fn is_refetch_error(&self) -> bool {
        self.status == Status::Error && self.has_data
    }
}

/// The signals of one observer.
pub(super) struct Fields<T, E> {
    pub(super) data: Field<Option<Arc<T>>>,
    pub(super) error: Field<Option<QueryError<E>>>,
    pub(super) failure_reason: Field<Option<QueryError<E>>>,
    pub(super) status: Field<Status>,
    pub(super) fetch_status: Field<FetchStatus>,
    pub(super) flags: [Field<bool>; FLAGS.len()],
    pub(super) failure_count: Field<u32>,
    pub(super) data_updated_at: Field<Option<Time>>,
    pub(super) error_updated_at: Field<Option<Time>>,
}

impl<T, E> Default for Fields<T, E> {
    fn default() -> Self {
        Self {
            data: Field::default(),
            error: Field::default(),
            failure_reason: Field::default(),
            status: Field::default(),
            fetch_status: Field::default(),
            flags: std::array::from_fn(|_| Field::default()),
            failure_count: Field::default(),
            data_updated_at: Field::default(),
            error_updated_at: Field::default(),
        }
    }
}

/// A yes-or-no field: its place in [`FLAGS`].
#[derive(Clone, Copy)]
#[repr(usize)]
pub(super) enum Flag {
    Pending,
    Success,
    Error,
    Loading,
    Fetching,
    Refetching,
    Paused,
    LoadingError,
    RefetchError,
    Stale,
    Invalidated,
    Optimistic,
    Placeholder,
    Fetched,
    FetchedAfterMount,
}

/// How each flag is read, in the order of [`Flag`].
const FLAGS: [fn(&Plain) -> bool; 15] = [
    |p| p.status == Status::Pending,
    |p| p.status == Status::Success,
    |p| p.status == Status::Error,
    Plain::is_loading,
    Plain::is_fetching,
    Plain::is_refetching,
    |p| p.fetch_status == FetchStatus::Paused,
    Plain::is_loading_error,
    Plain::is_refetch_error,
    |p| p.is_stale,
    |p| p.is_invalidated,
    |p| p.is_optimistic,
    |p| p.is_placeholder,
    |p| p.is_fetched,
    |p| p.is_fetched_after_mount,
];

impl<T: Send + Sync + 'static, E: Send + Sync + 'static> Fields<T, E> {
    pub(super) fn flag(&self, flag: Flag, now: &Plain) -> Option<ArcReadSignal<bool>> {
        let (field, read) = self
            .flags
            .get(flag as usize)
            .zip(FLAGS.get(flag as usize))?;
        Some(field.read(|| read(now)))
    }

    /// Writes every field that somebody asked for and that changed. Data and error go first, so that whoever wakes for a
    /// flag finds them in place.
    pub(super) fn show(&self, shown: &TypedShown<T, E>) {
        self.data.write(shown.data.clone(), same_arc);
        self.error.show(shown.error.clone());
        self.failure_reason.show(shown.failure_reason.clone());
        let plain = &shown.plain;
        self.status.show(plain.status);
        self.fetch_status.show(plain.fetch_status);
        self.failure_count.show(plain.failure_count);
        self.data_updated_at.show(plain.data_updated_at);
        self.error_updated_at.show(plain.error_updated_at);
        for (field, read) in self.flags.iter().zip(FLAGS) {
            field.show(read(plain));
        }
    }
}
