//! The page for a site that does not know its Supabase project: for whoever set it up.

use leptos::prelude::*;

use crate::components::{Icon, Shape, phrase, use_title};
use crate::data::ConfigError;

/// What a good file looks like.
const EXAMPLE: &str = r#"{
  "supabase_url": "https://your-project.supabase.co",
  "publishable_key": "sb_publishable_..."
}"#;

/// Says what is wrong with `config.json`, shows a good one, and tries again on demand.
#[component]
pub fn ConfigErrorPage(error: ConfigError, retry: Callback<()>) -> impl IntoView {
    use_title(|| "Not configured".to_owned());
    let said = phrase::config_error(&error);
    let example = (error != ConfigError::Unreachable).then(|| {
        view! {
            <p class="small muted">"A good config.json, next to index.html:"</p>
            <pre class="code"><code>{EXAMPLE}</code></pre>
        }
    });
    view! {
        <main class="alone">
            <section class="alone-card alone-card-wide" role="alert">
                <div class="brand">
                    <Icon shape=Shape::Bed size=24 />
                    "Bedside"
                </div>
                <div class="form">
                    <h1>{said.title}</h1>
                    <p class="muted">{said.advice}</p>
                    {example}
                </div>
                <div>
                    <button class="button button-primary" type="button" on:click=move |_| retry.run(())>
                        <Icon shape=Shape::Refresh />
                        "Try again"
                    </button>
                </div>
            </section>
        </main>
    }
}
