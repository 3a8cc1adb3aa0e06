//! What a page has in its memory, whether anything still points to it or not.

use anyhow::{Context, Result};
use serde_json::json;

use crate::person::Person;

/// Which of some texts lie in one of the page's WebAssembly memories. Bytes that were freed and not written to again are there, too.
const FIND: &str = "function(texts) { \
    const held = this.map(memory => new TextDecoder('latin1').decode(memory.buffer)); \
    return texts.filter(text => held.some(bytes => bytes.includes(text))) }";

impl Person {
    /// Which of some texts lie in the page's memory: among JavaScript's strings, after a collection of what nobody points to, or in
    /// the bytes of WebAssembly. The texts are of plain letters.
    pub async fn remembers(&self, texts: &[&str]) -> Result<Vec<String>> {
        let session = self.browser.session_id();
        let path = format!("session/{session}/chromium/heap_snapshot");
        let snapshot = reqwest::get(self.browser.server_url().join(&path)?).await?;
        let strings = snapshot.error_for_status()?.text().await?;
        let mut found = self.in_bytes(texts).await?;
        let in_strings = texts.iter().filter(|text| strings.contains(**text));
        found.extend(in_strings.map(|text| (*text).to_owned()));
        Ok(found)
    }

    async fn in_bytes(&self, texts: &[&str]) -> Result<Vec<String>> {
        let prototype = json!({"expression": "WebAssembly.Memory.prototype"});
        let prototype = self.devtools("Runtime.evaluate", prototype).await?;
        let ask = json!({"prototypeObjectId": prototype["result"]["objectId"]});
        let memories = self.devtools("Runtime.queryObjects", ask).await?;
        let find = json!({
            "objectId": memories["objects"]["objectId"],
            "functionDeclaration": FIND,
            "arguments": [{"value": texts}],
            "returnByValue": true,
        });
        let found = self.devtools("Runtime.callFunctionOn", find).await?;
        serde_json::from_value(found["result"]["value"].clone())
            .context("the memory cannot be read")
    }
}
