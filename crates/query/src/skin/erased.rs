//! A query as the core takes it: options without their types, and how they become a query, an observer or a fetch. Not
//! generic, so that an app with a hundred types of data has this code once.

use std::rc::Rc;
use std::sync::Arc;

use super::client::{QueryClient, Sink};
use super::defaults::QueryDefaults;
use super::options::Source;
use crate::core::fetch::Tries;
use crate::core::options::{Enabled, FetchSettings, ObserverSettings, Overlap, Placeholder};
use crate::core::time::Time;
use crate::core::value::{Codec, Failure, TypeTag, Value};
use crate::core::{Core, ObserverId, Outcome, QueryId};
use crate::deps::TableDep;
use crate::key::QueryKey;
use crate::rows::RowOps;

/// What a [`QueryOptions`](super::options::QueryOptions) says, its types erased.
#[derive(Clone)]
pub(super) struct ErasedOptions {
    pub(super) key: QueryKey,
    pub(super) tag: fn() -> TypeTag,
    pub(super) source: Option<Source>,
    pub(super) settings: QueryDefaults,
    pub(super) enabled: Enabled,
    pub(super) placeholder: Placeholder,
    pub(super) initial: Option<(Value, Option<Time>)>,
    pub(super) deps: Arc<[TableDep]>,
    pub(super) rows: Option<RowOps>,
    pub(super) codec: Option<Codec>,
}

impl ErasedOptions {
    pub(super) fn new(key: QueryKey, tag: fn() -> TypeTag) -> Self {
        Self {
            key,
            tag,
            source: None,
            settings: QueryDefaults::default(),
            enabled: Enabled::Yes,
            placeholder: Placeholder::None,
            initial: None,
            deps: Arc::default(),
            rows: None,
            codec: None,
        }
    }
}

/// Options with all defaults under them, and what an earlier session left for the key: nothing is left to ask others.
struct Ready {
    options: ErasedOptions,
    resolved: QueryDefaults,
    cold: Option<(Value, Time)>,
}

impl Ready {
    /// The query of these options, made if it is missing, and configured.
    fn place(self, core: &mut Core<Source>) -> Result<QueryId, Failure> {
        let Self {
            options,
            resolved,
            cold,
        } = self;
        let id = core.build(&options.key, resolved.gc());
        core.claim(id, options.tag).map_err(Failure::Mismatch)?;
        if options.source.is_some() {
            let settings: FetchSettings<Source> = resolved.fetch(options.source);
            core.configure(id, settings);
        }
        if let Some((value, at)) = &options.initial {
            core.seed(id, value, *at);
        }
        core.declare(id, &options.deps, options.rows);
        if let Some(codec) = options.codec {
            core.encode_with(id, codec);
        }
        if let Some((value, at)) = cold {
            core.hydrate(id, value, at);
        }
        Ok(id)
    }

    fn observer_settings(&mut self) -> ObserverSettings {
        ObserverSettings {
            enabled: self.options.enabled,
            placeholder: std::mem::take(&mut self.options.placeholder),
            ..self.resolved.observer()
        }
    }
}

impl QueryClient {
    fn ready(&self, mut options: ErasedOptions) -> Ready {
        let wishes = std::mem::take(&mut options.settings);
        Ready {
            resolved: self.resolved(&options.key, wishes),
            cold: options
                .codec
                .and_then(|codec| self.thaw(&options.key, codec)),
            options,
        }
    }

    /// The query of these options, made and configured.
    pub(super) fn prepare(&self, options: ErasedOptions) -> Result<QueryId, Failure> {
        let ready = self.ready(options);
        self.run(|core| ready.place(core))
            .unwrap_or(Err(Failure::Cancelled))
    }

    /// Observes the query of these options, with a new observer or with one that follows to it. `sink` is told of what it
    /// shows, now and whenever that changes.
    pub(super) fn observe_erased(
        &self,
        options: ErasedOptions,
        observer: Option<ObserverId>,
        sink: Rc<dyn Sink>,
    ) -> Result<(QueryId, ObserverId), Failure> {
        let mut ready = self.ready(options);
        let settings = ready.observer_settings();
        let observed = self
            .run_quietly(|core| {
                let query = ready.place(core)?;
                let observer = match observer {
                    Some(observer) => {
                        core.reobserve(observer, query, settings);
                        observer
                    }
                    None => core.observe(query, settings),
                };
                Ok((query, observer))
            })
            .unwrap_or(Err(Failure::Cancelled));
        if let Ok((_, observer)) = observed {
            self.inner.sinks.borrow_mut().insert(observer, sink);
        }
        self.flush();
        observed
    }

    /// The end of an observation.
    pub(super) fn unobserve(&self, observer: ObserverId) {
        let sink = self.inner.sinks.borrow_mut().remove(observer);
        // Dropped with nothing borrowed: it holds a callback of others.
        drop(sink);
        self.post(move |core| core.unobserve(observer));
    }

    /// What the query has if that is fresh, else what a fetch brings (rules 44, 85).
    pub(super) fn fetch_erased(
        &self,
        options: ErasedOptions,
    ) -> impl Future<Output = Outcome> + Send + use<> {
        let ready = self.ready(options);
        let tries = if ready.resolved.has_retry() {
            Tries::AsConfigured
        } else {
            Tries::Once
        };
        let stale = ready.resolved.stale();
        let placed = self
            .run(|core| {
                let id = ready.place(core)?;
                if !core.is_fresh_under(id, &stale) {
                    core.fetch(id, Overlap::Join, tries);
                }
                Ok(id)
            })
            .unwrap_or(Err(Failure::Cancelled));
        let waited = placed.map(|id| self.wait_for(id));
        async move {
            match waited {
                Ok(outcome) => outcome.await,
                Err(failure) => Err(failure),
            }
        }
    }
}
