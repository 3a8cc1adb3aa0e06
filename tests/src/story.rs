//! What a failing story leaves behind, in `target/stories/<name>/`: a picture of each page, its console, and the backend's log.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use serde_json::{Value, json};

/// The folder of the story that runs on this thread.
pub fn folder() -> PathBuf {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("main").replace("::", "-");
    let folder = crate::target(1).join("stories").join(name);
    let _ = std::fs::create_dir_all(&folder);
    folder
}

/// Saves what a browser shows and then closes it. Blocks: a destructor can't await.
pub fn save(driver: &str, session: &str) {
    let folder = folder();
    let address = format!("{driver}/session/{session}");
    // The story's own runtime is busy ending.
    let saving = std::thread::spawn(move || -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let http = reqwest::Client::builder()
                .timeout(Duration::from_secs(10))
                .build()?;
            let value = async |request: reqwest::RequestBuilder| -> Result<Value> {
                let answer: Value = request.send().await?.json().await?;
                answer.get("value").cloned().context("no value")
            };
            let name = format!("browser-{}", session_name(&address));
            let picture = value(http.get(format!("{address}/screenshot"))).await;
            if let Some(picture) = picture.ok().as_ref().and_then(Value::as_str) {
                let png = base64::engine::general_purpose::STANDARD.decode(picture)?;
                std::fs::write(folder.join(format!("{name}.png")), png)?;
            }
            let console = http
                .post(format!("{address}/se/log"))
                .json(&json!({"type": "browser"}));
            if let Ok(Value::Array(lines)) = value(console).await {
                let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
                std::fs::write(folder.join(format!("{name}.log")), text)?;
            }
            http.delete(&address).send().await?;
            eprintln!(
                "the page, its console and the backend's log are in {}",
                folder.display()
            );
            Ok(())
        })
    });
    match saving.join() {
        Ok(Ok(())) => {}
        Ok(Err(error)) => eprintln!("the page could not be saved: {error}"),
        Err(_) => eprintln!("the page could not be saved"),
    }
}

/// A few letters that tell two browsers of one story apart.
fn session_name(address: &str) -> &str {
    let id = address.rsplit('/').next().unwrap_or_default();
    id.get(..6).unwrap_or(id)
}
