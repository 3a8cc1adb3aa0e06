//! Deciding about a form: approve, return with a comment, take into review, and the way back of each.

use std::sync::Arc;

use bedside_query::use_mutation;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_navigate;

use super::Shown;
use super::queue::Queue;
use crate::components::phrase;
use crate::components::{Banner, FieldShell, Icon, Shape, Toasts, Tone, focus_on};
use crate::data::form_submissions::{self, Decision};
use crate::data::{DataError, Rest};
use crate::hooks::use_reading::trouble;
use crate::model::form_step::{Step, Whose, steps};
use crate::model::{FormStatus, FormSubmission, Role};

/// How many characters a comment may have.
const LONGEST: usize = 2000;
const COMMENT: &str = "review-comment";

/// How the last decision went.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    None,
    OnItsWay(Step),
    Failed(DataError),
}

/// The steps that this person may take with a form that was handed in, and what has to be said along with them.
#[component]
pub fn Review(shown: Shown, queue: Option<Queue>) -> impl IntoView {
    let toasts = use_context::<Toasts>().unwrap_or_default();
    let navigate = use_navigate();
    let decide =
        use_context::<Rest>().map(|rest| use_mutation(form_submissions::decision_mutation(rest)));
    let outcome = RwSignal::new(Outcome::None);
    let returning = RwSignal::new(false);
    let comment = RwSignal::new(String::new());
    let tried = RwSignal::new(false);
    let offered = Memo::new(move |_| {
        let role = shown.role.get().unwrap_or(Role::Unknown);
        // Handing in is the editor's business.
        steps(shown.status(), role, shown.whose())
            .iter()
            .copied()
            .filter(|step| *step != Step::Submit)
            .collect::<Vec<_>>()
    });
    let comment_error = Signal::derive(move || {
        let text = comment.get();
        let count = text.chars().count();
        if count > LONGEST {
            Some(format!("The comment is longer than {LONGEST} characters."))
        } else if tried.get() && text.trim().is_empty() {
            Some("Say what has to change: a form is returned with a comment.".to_owned())
        } else {
            None
        }
    });

    let take = Callback::new(move |step: Step| {
        if matches!(outcome.get_untracked(), Outcome::OnItsWay(_)) {
            return;
        }
        let (Some(decide), Some(form)) = (decide, shown.form.get_untracked()) else {
            return;
        };
        let navigate = navigate.clone();
        outcome.set(Outcome::OnItsWay(step));
        let words = (step == Step::Return).then(|| comment.get_untracked().trim().to_owned());
        spawn_local(async move {
            let decision = Decision {
                id: form.id,
                version: form.version,
                status: step.leads_to(),
                comment: words,
            };
            match decide.run(decision).await {
                Ok(_) => {
                    toasts.done(format!("{}: {}.", step.done(), title(&form)));
                    // The person may have gone on meanwhile; then there is nothing to tidy here.
                    if outcome.try_set(Outcome::None).is_none() {
                        returning.set(false);
                        tried.set(false);
                        comment.set(String::new());
                        match queue.filter(|_| step.ends_review()) {
                            Some(queue) => navigate(&queue.next_address(), Default::default()),
                            // What was pressed is gone; the focus goes where the reading begins.
                            None => focus_on("main"),
                        }
                    }
                }
                Err(error) => {
                    let error = trouble(&error).unwrap_or(DataError::Conflict);
                    if outcome.try_set(Outcome::Failed(error)).is_some() {
                        toasts.failed(format!("Not decided: {}.", title(&form)));
                    }
                }
            }
        });
    });
    let on_step = move |step: Step| {
        if step == Step::Return {
            returning.set(true);
            outcome.set(Outcome::None);
            // The field is on the page only after this event.
            request_animation_frame(|| focus_on(COMMENT));
        } else {
            take.run(step);
        }
    };
    let on_return = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        tried.set(true);
        if comment_error.get_untracked().is_some() {
            focus_on(COMMENT);
        } else {
            take.run(Step::Return);
        }
    };
    let busy = move |step: Step| (outcome.get() == Outcome::OnItsWay(step)).then_some("true");
    let button = move |step: Step| {
        let class = if step == Step::Approve {
            "button button-primary"
        } else {
            "button"
        };
        view! {
            <button class=class type="button" aria-busy=move || busy(step) on:click=move |_| on_step(step)>
                <Icon shape=shape_of(step) />
                {step.label()}
            </button>
        }
    };
    let waiting_words = move || {
        let own = shown.whose() == Whose::Own;
        match shown.status() {
            FormStatus::Submitted if own => Some("It waits for somebody else to review it."),
            FormStatus::InReview if own => Some("Somebody is reviewing it right now."),
            FormStatus::Approved => Some("Approved forms don’t change any more."),
            _ if !shown.role.get().is_some_and(Role::may_edit) => {
                Some("You can read this form. Clinicians and admins review it.")
            }
            _ => None,
        }
    };
    let nothing_to_say = move || offered.with(Vec::is_empty) && waiting_words().is_none();
    view! {
        <section class="card" aria-labelledby="review-title" hidden=nothing_to_say>
            <div class="card-head">
                <h2 id="review-title">"Review"</h2>
            </div>
            <div class="card-body form">
                {move || waiting_words().map(|words| view! { <p class="muted">{words}</p> })}
                <div role="alert">
                    {move || {
                        let Outcome::Failed(error) = outcome.get() else {
                            return None;
                        };
                        let said = phrase::data_error(&error);
                        let advice = if error == DataError::Conflict {
                            "The form changed while you were reading it. Look at it again, then decide.".to_owned()
                        } else {
                            said.advice
                        };
                        Some(
                            view! {
                                <Banner tone=Tone::Critical shape=Shape::Alert>
                                    <strong>{said.title}</strong>
                                    <p>{advice}</p>
                                </Banner>
                            },
                        )
                    }}
                </div>
                <Show
                    when=move || returning.get() && offered.with(|offered| offered.contains(&Step::Return))
                    fallback=move || {
                        view! {
                            <div class="form-foot">
                                {move || offered.get().into_iter().map(button).collect_view()}
                            </div>
                        }
                    }
                >
                    <form class="form" novalidate aria-label="Return the form" on:submit=on_return>
                        <FieldShell id=COMMENT label="What has to change?" error=comment_error>
                            <textarea
                                class="input"
                                id=COMMENT
                                dir="auto"
                                rows="4"
                                aria-describedby=format!("{COMMENT}-note")
                                aria-required="true"
                                aria-invalid=move || comment_error.with(Option::is_some).then_some("true")
                                prop:value=move || comment.get()
                                on:input=move |event| comment.set(event_target_value(&event))
                            ></textarea>
                        </FieldShell>
                        <div class="form-foot">
                            <button
                                class="button button-primary"
                                type="submit"
                                aria-busy=move || busy(Step::Return)
                            >
                                <Icon shape=Shape::Return />
                                "Return to the author"
                            </button>
                            <button class="button button-quiet" type="button" on:click=move |_| returning.set(false)>
                                "Cancel"
                            </button>
                        </div>
                    </form>
                </Show>
            </div>
        </section>
    }
}

fn title(form: &Arc<FormSubmission>) -> String {
    format!("{}, {}", form.form_type.label(), form.about())
}

const fn shape_of(step: Step) -> Shape {
    match step {
        Step::Approve => Shape::Check,
        Step::Return => Shape::Return,
        Step::Begin | Step::Reopen => Shape::Eye,
        Step::Submit => Shape::Send,
        Step::Withdraw => Shape::Pen,
        Step::Release => Shape::Door,
    }
}
