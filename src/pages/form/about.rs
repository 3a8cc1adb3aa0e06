//! Who wrote the form, who reviewed it, and when.

use leptos::prelude::*;

use super::Shown;
use crate::components::{Ago, ChangedText};

/// The people and the moments of a form.
#[component]
pub fn About(shown: Shown) -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="about-title">
            <div class="card-head">
                <h2 id="about-title">"About"</h2>
            </div>
            <div class="card-body">
                <dl class="facts">
                    <div>
                        <dt>"Written by"</dt>
                        <dd><ChangedText of=Signal::derive(move || shown.person(|form| form.submitted_by)) /></dd>
                    </div>
                    <div>
                        <dt>"Reviewed by"</dt>
                        <dd><ChangedText of=Signal::derive(move || shown.person(|form| form.reviewed_by)) /></dd>
                    </div>
                    <div>
                        <dt>"Begun"</dt>
                        <dd><Ago at=Signal::derive(move || shown.read(|form| form.created_at.clone())) /></dd>
                    </div>
                    <div>
                        <dt>"Submitted"</dt>
                        <dd>
                            {move || {
                                let at = shown.read(|form| form.submitted_at.clone().unwrap_or_default());
                                if at.is_empty() { "–".into_any() } else { view! { <Ago at /> }.into_any() }
                            }}
                        </dd>
                    </div>
                    <div>
                        <dt>"Updated"</dt>
                        <dd><Ago at=Signal::derive(move || shown.read(|form| form.updated_at.clone())) /></dd>
                    </div>
                </dl>
            </div>
        </section>
    }
}
