//! A person's access to the backend without a browser: what another system, or another clinician, does meanwhile.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// A signed-in person.
pub struct Api {
    http: reqwest::Client,
    url: String,
    anon_key: String,
    token: String,
    pub user_id: String,
}

impl Api {
    /// Signs in with the demo password.
    pub async fn sign_in(url: &str, email: &str) -> Result<Api> {
        let http = reqwest::Client::new();
        let config: Value = http
            .get(format!("{url}/config.json"))
            .send()
            .await?
            .json()
            .await?;
        let anon_key = config["anon_key"]
            .as_str()
            .context("config.json has no anon_key")?
            .to_owned();
        let session: Value = http
            .post(format!("{url}/auth/v1/token?grant_type=password"))
            .header("apikey", &anon_key)
            .json(&json!({"email": email, "password": crate::PASSWORD}))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let token = session["access_token"]
            .as_str()
            .context("no access token")?
            .to_owned();
        let user_id = session["user"]["id"]
            .as_str()
            .context("no user id")?
            .to_owned();
        Ok(Api {
            http,
            url: url.to_owned(),
            anon_key,
            token,
            user_id,
        })
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}/rest/v1/{path}", self.url))
            .header("apikey", &self.anon_key)
            .bearer_auth(&self.token)
    }

    /// The rows that a REST path answers with.
    pub async fn rows(&self, path: &str) -> Result<Vec<Value>> {
        let response = self.request(reqwest::Method::GET, path).send().await?;
        let status = response.status();
        let body: Value = response.json().await?;
        ensure!(status.is_success(), "GET {path}: {status}: {body}");
        serde_json::from_value(body).context("the answer is not a list of rows")
    }

    /// Waits until the first row of a path is as wanted: a screen shows what is saved before the server has it.
    pub async fn row_once(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let row = self.rows(path).await?.into_iter().next();
            if let Some(row) = row.as_ref().filter(|row| wanted(row)) {
                return Ok(row.clone());
            }
            ensure!(
                Instant::now() < deadline,
                "{path} never was as wanted: {row:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Changes the rows that a REST path names, and returns them as they are now.
    pub async fn change(&self, path: &str, fields: Value) -> Result<Vec<Value>> {
        let response = self
            .request(reqwest::Method::PATCH, path)
            .header("Prefer", "return=representation")
            .json(&fields)
            .send()
            .await?;
        let status = response.status();
        let body: Value = response.json().await?;
        ensure!(status.is_success(), "PATCH {path}: {status}: {body}");
        serde_json::from_value(body).context("the answer is not a list of rows")
    }

    /// Adds rows, as an import does.
    pub async fn add(&self, table: &str, rows: Value) -> Result<()> {
        let response = self
            .request(reqwest::Method::POST, table)
            .header("Prefer", "return=minimal")
            .json(&rows)
            .send()
            .await?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(status.is_success(), "POST {table}: {status}: {body}");
        Ok(())
    }

    /// Changes the rows that a REST path names, without looking at them.
    pub async fn change_quietly(&self, path: &str, fields: Value) -> Result<()> {
        let response = self
            .request(reqwest::Method::PATCH, path)
            .header("Prefer", "return=minimal")
            .json(&fields)
            .send()
            .await?;
        let status = response.status();
        let body = response.text().await?;
        ensure!(status.is_success(), "PATCH {path}: {status}: {body}");
        Ok(())
    }

    /// This person's name, as colleagues read it.
    pub async fn full_name(&self) -> Result<String> {
        let path = format!("profiles?id=eq.{}", self.user_id);
        let rows = self.rows(&path).await?;
        let name = rows.first().and_then(|row| row["full_name"].as_str());
        Ok(name.context("a person without a name")?.to_owned())
    }

    /// The first patient assigned to this person, by MRN.
    pub async fn own_patient(&self) -> Result<Value> {
        let path = format!(
            "patients?clinician_id=eq.{}&order=mrn&limit=1",
            self.user_id
        );
        self.rows(&path)
            .await?
            .into_iter()
            .next()
            .context("this person has no patients")
    }
}
