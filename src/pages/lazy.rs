//! How the router comes by a page: after the click that asks for it has been answered with a paint, and for most pages after their code has
//! come. These are not part of the first download. Their code arrives when they are first opened, or shortly after sign-in by
//! [`fetch_ahead`], so that a network that dies later takes no page away. Knows the pages; no page knows of it.
//!
//! The feature `split` marks where the code is cut; `cargo xtask build` sets it and cuts there. Without it all is one file.

use std::future::Future;
use std::pin::Pin;

use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::ChooseView;
use reactive_graph::computed::ScopedFuture;

use crate::components::paint::painted;
use crate::components::{Icon, Shape, SkeletonLines};

/// How long the page that was asked for has the network to itself.
const FIRST_PAGE_MS: u32 = 3_000;

/// The code of a page did not arrive.
struct NotLoaded;

#[cfg(feature = "split")]
impl From<leptos::wasm_split::SplitLoaderError> for NotLoaded {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self
    }
}

type Loading = Pin<Box<dyn Future<Output = Result<AnyView, NotLoaded>>>>;

/// Declares the pages by the file of code that they come in: a function for each page's route, and one that gets all files.
macro_rules! pages {
    ($($file:ident { $($name:ident: $page:path;)* })*) => {
        $($(
            pub fn $name() -> AnyView {
                #[cfg(feature = "split")]
                #[leptos::wasm_split::wasm_split($file, wasm_split_path = leptos::wasm_split, fallible)]
                fn $name() -> Result<AnyView, NotLoaded> {
                    Ok($page().into_any())
                }
                #[cfg(not(feature = "split"))]
                async fn $name() -> Result<AnyView, NotLoaded> {
                    Ok($page().into_any())
                }
                arriving(|| Box::pin($name()))
            }
        )*)*

        #[cfg(feature = "split")]
        async fn fetch_all() -> Result<(), NotLoaded> {
            $({
                // Calling anything in a file gets the file.
                #[leptos::wasm_split::wasm_split($file, wasm_split_path = leptos::wasm_split, fallible)]
                fn $file() -> Result<(), NotLoaded> {
                    Ok(())
                }
                $file().await?;
            })*
            Ok(())
        }
        #[cfg(not(feature = "split"))]
        async fn fetch_all() -> Result<(), NotLoaded> {
            Ok(())
        }
    };
}

pages! {
    overview {
        dashboard: super::Dashboard;
    }
    records {
        patient: super::PatientPage;
        new_patient: super::NewPatient;
        forms: super::Forms;
        new_form: super::NewForm;
        form: super::FormPage;
    }
    office {
        accept: super::Accept;
        staff: super::Staff;
        realtime: super::RealtimePage;
        settings: super::Settings;
        help: super::Help;
        styleguide: super::Styleguide;
    }
}

/// A page as the router is given it. The page that is left stays until the browser has shown where the click leads (the navigation marks it
/// at once); making the next one is the work of the frame after.
#[derive(Clone, Copy)]
pub struct Routed(pub fn() -> AnyView);

impl ChooseView for Routed {
    async fn choose(self) -> AnyView {
        (self.0)()
    }

    async fn preload(&self) {
        painted().await;
    }
}

/// Gets the code of all pages when the first one has had its time to appear. What fails is got again when it is opened.
pub fn fetch_ahead() {
    spawn_local(async {
        TimeoutFuture::new(FIRST_PAGE_MS).await;
        let _ = fetch_all().await;
    });
}

/// A page from the moment its code is not there yet.
fn arriving(load: fn() -> Loading) -> AnyView {
    let page = RwSignal::new_local(None::<Result<AnyView, NotLoaded>>);
    // The page belongs to the route that asked for it, however late it comes and whichever button asked again.
    let route = Owner::current().unwrap_or_default();
    let fetch = move || {
        page.set(None);
        spawn_local(route.with(|| {
            ScopedFuture::new(async move {
                let loaded = load().await;
                page.try_set(Some(loaded));
            })
        }));
    };
    let again = Callback::new({
        let fetch = fetch.clone();
        move |()| fetch()
    });
    fetch();
    (move || {
        page.track();
        match page.try_update_untracked(Option::take).flatten() {
            None => view! { <SkeletonLines lines=6 /> }.into_any(),
            Some(Ok(page)) => page,
            Some(Err(NotLoaded)) => view! { <Missing again /> }.into_any(),
        }
    })
    .into_any()
}

/// Why there is no page, and both ways on.
#[component]
fn Missing(again: Callback<()>) -> impl IntoView {
    view! {
        <div class="state" role="alert" data-tone="critical">
            <Icon shape=Shape::Unplugged size=28 />
            <p class="state-title">"This page could not be loaded"</p>
            <p>
                "Check the network, then try again. If Bedside has been updated since you opened it, reload it."
            </p>
            <button class="button" type="button" on:click=move |_| again.run(())>
                <Icon shape=Shape::Refresh />
                "Try again"
            </button>
        </div>
    }
}
