//! What a browser can tell of a page by itself: axe's rules of access, and how far things moved while the page came up.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::person::Person;

/// Counts, from the first moment of each document on, what moves without anybody's doing, as browsers score it, and names it.
const SHIFTS: &str = "window.moved = {by: 0, what: []}; { \
     const place = rect => `${Math.round(rect.x)},${Math.round(rect.y)} ${Math.round(rect.width)}x${Math.round(rect.height)}`; \
     const told = ({node, previousRect, currentRect}) => \
        `${node?.nodeName} ${node?.className ?? ''} \"${(node?.textContent ?? '').slice(0, 40)}\" ${place(previousRect)} to ${place(currentRect)}`; \
     new PerformanceObserver(list => { \
        for (const entry of list.getEntries().filter(entry => !entry.hadRecentInput)) { \
            window.moved.by += entry.value; \
            window.moved.what.push(...entry.sources.map(told)); \
        } \
     }).observe({type: 'layout-shift', buffered: true}); }";

const RUN: &str = "const [rules, done] = arguments; \
     axe.run(document, {resultTypes: ['violations'], ...(rules.length ? {runOnly: rules} : {})}) \
        .then(found => done(found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.html.slice(0, 160)).slice(0, 3).join(' | ')}`)), \
              error => done([String(error)]));";

/// What moved on a page.
#[derive(Debug, Deserialize)]
pub struct Moved {
    /// The sum of all frames' scores: 1 is a whole page that moved by its whole height.
    pub by: f64,
    pub what: Vec<String>,
}

impl Person {
    /// From here on each page that this person opens can be asked for [`Person::violations`] and [`Person::moved`].
    pub async fn inspects(&self) -> Result<()> {
        let folder = crate::npm::installed("axe", &[]).await?;
        let file = folder.join("node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let script = json!({ "source": format!("{SHIFTS}\n{axe}") });
        self.devtools("Page.enable", json!({})).await?;
        self.devtools("Page.addScriptToEvaluateOnNewDocument", script)
            .await?;
        Ok(())
    }

    /// What breaks a rule on this page now. `rules` chooses among all by name; none means all.
    pub async fn violations(&self, rules: &[&str]) -> Result<Vec<String>> {
        let answer = self.browser.execute_async(RUN, vec![json!(rules)]).await?;
        serde_json::from_value(answer.json().clone()).context("axe's answer is not a list")
    }

    /// How far things moved since the page began, without what the person's own acts moved; and what moved from where to where.
    pub async fn moved(&self) -> Result<Moved> {
        // The score of a frame comes after it.
        let script = "const done = arguments[0]; requestAnimationFrame(() => setTimeout(() => done(window.moved), 0));";
        let moved = self
            .browser
            .execute_async(script, Vec::<Value>::new())
            .await?;
        moved.convert().context("nobody counted")
    }
}
