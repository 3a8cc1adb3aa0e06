//! The ways to look at a page that a person's eyes and network have and a driver's commands don't: its width and theme, a
//! picture of all of it, a network that is away or answers nothing. Through Chromium's own protocol.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use serde_json::{Value, json};

use crate::browser::Size;
use crate::person::Person;

const GLANCE: Duration = Duration::from_millis(25);
/// Longer than any page takes; one that still moves then never comes to rest.
const PATIENCE: Duration = Duration::from_secs(20);

/// A picture higher than this shows nothing new.
const HIGHEST: u64 = 4_000;

/// What goes wrong between the page and the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// The computer has no network.
    NoNetwork,
    /// Requests to these addresses fail at once.
    Refused(&'static str),
    /// Requests to these addresses are never answered.
    NoAnswer(&'static str),
}

/// Light or dark, as the system says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub const fn word(self) -> &'static str {
        match self {
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }
}

/// Another tab, over the one that somebody was looking at.
pub struct Away {
    tab: Value,
}

impl Person {
    /// Sends a command of Chromium's own protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        self.browser
            .cdp()
            .send_raw(command, parameters)
            .await
            .with_context(|| command.to_owned())
    }

    /// Opens another tab over this one, whose page goes on unseen until [`Person::comes_back`].
    pub async fn turns_away(&self) -> Result<Away> {
        let blank = json!({"url": "about:blank"});
        let opened = self.devtools("Target.createTarget", blank).await?;
        let tab = opened["targetId"].clone();
        self.waits_for("tab out of sight", "return document.hidden", vec![])
            .await?;
        Ok(Away { tab })
    }

    /// Closes the other tab again.
    pub async fn comes_back(&self, from: Away) -> Result<()> {
        let close = json!({"targetId": from.tab});
        self.devtools("Target.closeTarget", close).await?;
        self.waits_for("tab in sight", "return !document.hidden", vec![])
            .await
    }

    /// Gives the page another size and theme.
    pub async fn looks(&self, size: Size, theme: Theme) -> Result<()> {
        let metrics =
            json!({"width": size.0, "height": size.1, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await?;
        // Bars that take room would be in the picture's way; on a phone there are none.
        let bars = json!({"hidden": true});
        self.devtools("Emulation.setScrollbarsHidden", bars).await?;
        // Without motion nobody waits for it to end.
        let media = json!({"features": [
            {"name": "prefers-color-scheme", "value": theme.word()},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools("Emulation.setEmulatedMedia", media).await?;
        Ok(())
    }

    /// Puts trouble between the page and the server; [`Trouble::None`] takes it away.
    pub async fn meets(&self, trouble: Trouble) -> Result<()> {
        self.devtools("Network.enable", json!({})).await?;
        self.devtools("Fetch.disable", json!({})).await?;
        let refused: &[&str] = match &trouble {
            Trouble::Refused(pattern) => &[pattern],
            _ => &[],
        };
        self.devtools("Network.setBlockedURLs", json!({"urls": refused}))
            .await?;
        let network = json!({
            "offline": trouble == Trouble::NoNetwork,
            "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.devtools("Network.emulateNetworkConditions", network)
            .await?;
        if let Trouble::NoAnswer(pattern) = trouble {
            let patterns = json!({"patterns": [{"urlPattern": pattern}]});
            self.devtools("Fetch.enable", patterns).await?;
        }
        Ok(())
    }

    /// Waits until the app stands, and shows data where some can come.
    pub async fn waits_for_the_page(&self, trouble: Trouble) -> Result<()> {
        let outline_stays = matches!(trouble, Trouble::NoAnswer(_));
        self.waits_for(
            "the page",
            "const [outlineStays] = arguments; \
             const outline = document.querySelector('.skeleton'); \
             const said = document.querySelector('h1, .state-title'); \
             return !document.getElementById('shell') && !!(outlineStays ? outline : said && !outline);",
            vec![Value::from(outline_stays)],
        )
        .await
    }

    /// Waits until nothing moves any more but what moves for ever, and every change has lost its mark.
    pub async fn waits_until_still(&self) -> Result<()> {
        self.waits_for(
            "a page at rest",
            "return document.getAnimations().every(a => a.playState !== 'running' || a.effect.getTiming().iterations === Infinity);",
            vec![],
        )
        .await
    }

    /// Waits until a script answers `true`.
    pub async fn waits_for(&self, what: &str, script: &str, arguments: Vec<Value>) -> Result<()> {
        let holds = async {
            loop {
                let answer = self.browser.execute(script, arguments.clone()).await?;
                if answer.json() == &Value::Bool(true) {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(GLANCE).await;
            }
        };
        match tokio::time::timeout(PATIENCE, holds).await {
            Ok(done) => done,
            Err(_) => bail!(
                "no {what} in {PATIENCE:?}; the page says:\n{}",
                self.page_text().await?
            ),
        }
    }

    /// Keeps a picture of the whole page, from its top to its end: on a screen as high as that, so that bars stand at the edges and a long list is
    /// made. A dialog is seen on the screen as it is.
    pub async fn picture(&self, size: Size, file: &Path) -> Result<()> {
        let metrics = self.devtools("Page.getLayoutMetrics", json!({})).await?;
        let height = metrics["cssContentSize"]["height"]
            .as_u64()
            .context("a page without height")?;
        let modal = "return !!document.querySelector('dialog[open]')";
        let modal = self.browser.execute(modal, vec![]).await?;
        if modal.json() != &Value::Bool(true) {
            let high = json!({"width": size.0, "height": height.min(HIGHEST), "deviceScaleFactor": 1, "mobile": false});
            self.devtools("Emulation.setDeviceMetricsOverride", high)
                .await?;
            self.waits_until_still().await?;
        }
        let metrics = self.devtools("Page.getLayoutMetrics", json!({})).await?;
        let whole = &metrics["cssLayoutViewport"];
        let shot = json!({
            "format": "png",
            "captureBeyondViewport": true,
            "clip": {"x": 0, "y": 0, "width": whole["clientWidth"], "height": whole["clientHeight"], "scale": 1},
        });
        let picture = self.devtools("Page.captureScreenshot", shot).await?;
        let text = picture["data"].as_str().context("no picture came")?;
        let png = base64::engine::general_purpose::STANDARD.decode(text)?;
        std::fs::write(file, png).with_context(|| file.display().to_string())
    }
}
