//! A person at the keyboard: single keys, and the way from one thing to the next with Tab.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use thirtyfour::prelude::*;

use crate::person::Person;

/// More stops than any page has between two things; who comes by none of them will never come.
const STOPS: usize = 100;

/// Longer than a page takes to move the focus.
const PATIENCE: Duration = Duration::from_secs(10);
const GLANCE: Duration = Duration::from_millis(25);

impl Person {
    /// Presses a key by its name, or types a text, wherever the focus is.
    pub async fn presses(&self, keys: &str) -> Result<()> {
        let keys = self.browser.action_chain().send_keys(named(keys));
        Ok(keys.perform().await?)
    }

    /// Presses a key with Control, wherever the focus is.
    pub async fn presses_with_control(&self, key: &str) -> Result<()> {
        let keys = self.browser.action_chain().key_down(Key::Control);
        let keys = keys.send_keys(named(key)).key_up(Key::Control);
        Ok(keys.perform().await?)
    }

    /// The name of what has the focus, as a screen reader would call it.
    pub async fn focused(&self) -> Result<String> {
        let name = self
            .browser
            .execute(
                "const at = document.activeElement; \
                 const labels = [...(at.labels ?? [])].map(label => label.innerText).join(' '); \
                 return (at.getAttribute('aria-label') ?? (labels || at.innerText)).trim();",
                vec![],
            )
            .await?;
        Ok(name.json().as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the focus is on what is called so, without a key.
    pub async fn waits_for_focus_on(&self, name: &str) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.focused().await?.starts_with(name) {
                return Ok(());
            }
            tokio::time::sleep(GLANCE).await;
        }
        bail!(
            "the focus is on {:?}, not on {name:?}",
            self.focused().await?
        )
    }

    /// Presses Tab until the focus is on what is called so; not at all when it is there already.
    pub async fn tabs_to(&self, name: &str) -> Result<()> {
        let mut passed = Vec::new();
        for _ in 0..STOPS {
            let now = self.focused().await?;
            if now.starts_with(name) {
                return Ok(());
            }
            passed.push(now);
            self.presses("Tab").await?;
        }
        bail!("Tab never comes to {name:?}, only to {passed:?}")
    }
}

/// A key as the driver spells it: those with a name of their own, and any other as it is.
fn named(key: &str) -> TypingData {
    let key = match key {
        "Enter" => Key::Enter,
        "Escape" => Key::Escape,
        "Tab" => Key::Tab,
        "Down" => Key::Down,
        "Up" => Key::Up,
        "Right" => Key::Right,
        "Home" => Key::Home,
        "End" => Key::End,
        "Space" => Key::Space,
        "Delete" => Key::Delete,
        other => return other.into(),
    };
    key + ""
}
