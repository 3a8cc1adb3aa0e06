//! A person at a page: finds things by their words and roles, waits as a person does, types and clicks.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use thirtyfour::prelude::*;

use crate::story;

/// Longer than anything should take; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);
const GLANCE: Duration = Duration::from_millis(25);

/// Someone with a browser open on the app.
pub struct Person {
    pub browser: WebDriver,
    url: String,
    /// Who hasn't left when the story ends was in the middle of something that failed.
    left: bool,
}

impl Drop for Person {
    fn drop(&mut self) {
        if !self.left {
            let driver = self.browser.handle().server_url();
            let driver = driver.as_str().trim_end_matches('/');
            story::save(driver, &self.browser.handle().session_id().to_string());
        }
    }
}

impl Person {
    /// Opens the app.
    pub async fn at(browser: WebDriver, url: &str) -> Result<Person> {
        browser.goto(url).await?;
        Ok(Person {
            browser,
            url: url.to_owned(),
            left: false,
        })
    }

    /// Opens the app and signs in with the demo password.
    pub async fn signed_in(browser: WebDriver, url: &str, email: &str) -> Result<Person> {
        let person = Person::at(browser, url).await?;
        person.sign_in(email, crate::PASSWORD).await?;
        person.sees_nav("Patients").await?;
        Ok(person)
    }

    /// Fills in the sign-in form and sends it.
    pub async fn sign_in(&self, email: &str, password: &str) -> Result<()> {
        self.types("Email", email).await?;
        self.types("Password", password).await?;
        self.clicks("Sign in").await
    }

    /// Goes to an address within the app, as a bookmark does.
    pub async fn goes_to(&self, path: &str) -> Result<()> {
        Ok(self.browser.goto(format!("{}{path}", self.url)).await?)
    }

    async fn finds(&self, what: &str, xpath: &str) -> Result<WebElement> {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                for element in self.browser.find_all(By::XPath(xpath)).await? {
                    // An element that went away while it was looked at is as good as not there.
                    if element.is_displayed().await.unwrap_or(false) {
                        return anyhow::Ok(element);
                    }
                }
                tokio::time::sleep(GLANCE).await;
            }
        })
        .await;
        match found {
            Ok(element) => element,
            Err(_) => bail!(
                "no {what} on the page, which says:\n{}",
                self.page_text().await?
            ),
        }
    }

    /// The field with this label.
    pub async fn field(&self, label: &str) -> Result<WebElement> {
        let named = format!("label[starts-with(normalize-space(.), {label:?})]");
        self.finds(
            &format!("field {label:?}"),
            &format!(
                "//input[@id=//{named}/@for or ancestor::{named} or starts-with(@aria-label, {label:?})] \
                 | //textarea[@id=//{named}/@for or ancestor::{named}] | //select[@id=//{named}/@for or ancestor::{named}]"
            ),
        )
        .await
    }

    /// Replaces what a field holds.
    pub async fn types(&self, label: &str, text: &str) -> Result<()> {
        let field = self.field(label).await?;
        // Bars stay at both ends of the window; a person scrolls what they want to the middle.
        field.scroll_into_view().await?;
        field.click().await?;
        field.send_keys(Key::Control + "a").await?;
        if text.is_empty() {
            field.send_keys(Key::Delete + "").await?;
        } else {
            field.send_keys(text).await?;
        }
        Ok(())
    }

    /// Picks a day, written as `1956-03-09`, as the calendar of a date field does.
    pub async fn picks(&self, label: &str, day: &str) -> Result<()> {
        let field = self.field(label).await?;
        let script = "const [field, day] = arguments; field.value = day; \
                      field.dispatchEvent(new Event('input', {bubbles: true}));";
        let arguments = vec![field.to_json()?, Value::from(day)];
        self.browser.execute(script, arguments).await?;
        Ok(())
    }

    pub async fn clicks(&self, name: &str) -> Result<()> {
        let xpath = format!(
            "//*[self::button or self::a][normalize-space(.)={name:?} or @aria-label={name:?}]"
        );
        let button = self.finds(&format!("button {name:?}"), &xpath).await?;
        button.scroll_into_view().await?;
        Ok(button.click().await?)
    }

    async fn switch(&self, label: &str) -> Result<WebElement> {
        let xpath = format!("//*[@role='switch'][@id=//label[normalize-space(.)={label:?}]/@for]");
        self.finds(&format!("switch {label:?}"), &xpath).await
    }

    /// Turns the switch of this label.
    pub async fn clicks_switch(&self, label: &str) -> Result<()> {
        Ok(self.switch(label).await?.click().await?)
    }

    /// Whether the switch of this label is on.
    pub async fn is_switched_on(&self, label: &str) -> Result<bool> {
        let checked = self.switch(label).await?.attr("aria-checked").await?;
        Ok(checked.as_deref() == Some("true"))
    }

    /// Whether a button or link of this name is on the page now.
    pub async fn offers(&self, name: &str) -> Result<bool> {
        let xpath = format!("//*[self::button or self::a][normalize-space(.)={name:?}]");
        Ok(!self.browser.find_all(By::XPath(xpath)).await?.is_empty())
    }

    /// The words of the alert on the page.
    pub async fn alert(&self) -> Result<String> {
        Ok(self
            .finds("alert", "//*[@role='alert'][normalize-space(.)]")
            .await?
            .text()
            .await?)
    }

    /// Signs out, wherever the page keeps it.
    pub async fn signs_out(&self) -> Result<()> {
        self.clicks("Sign out").await
    }

    /// Sees a link of the main navigation.
    pub async fn sees_nav(&self, name: &str) -> Result<()> {
        let xpath = format!("//nav//a[starts-with(normalize-space(.), {name:?})]");
        self.finds(&format!("navigation link {name:?}"), &xpath)
            .await
            .map(|_| ())
    }

    /// Sees this text anywhere on the page.
    pub async fn sees(&self, text: &str) -> Result<()> {
        self.until(&format!("the text {text:?}"), |page| page.contains(text))
            .await
    }

    /// Waits until this text is nowhere on the page.
    pub async fn no_longer_sees(&self, text: &str) -> Result<()> {
        self.until(&format!("the text {text:?} gone"), |page| {
            !page.contains(text)
        })
        .await
    }

    /// What the page says now.
    pub async fn page_text(&self) -> Result<String> {
        let text = self
            .browser
            .execute("return document.body.innerText", vec![])
            .await?;
        Ok(text.json().as_str().unwrap_or_default().to_owned())
    }

    async fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> Result<()> {
        let seen = tokio::time::timeout(PATIENCE, async {
            loop {
                let page = self.page_text().await?;
                if holds(&page) {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(GLANCE).await;
            }
        })
        .await;
        match seen {
            Ok(result) => result,
            Err(_) => bail!(
                "waited in vain for {what}; the page says:\n{}",
                self.page_text().await?
            ),
        }
    }

    /// The rows of the table with this name, as text.
    pub async fn table(&self, name: &str) -> Result<Vec<String>> {
        let xpath =
            format!("//table[@aria-label={name:?} or normalize-space(caption)={name:?}]/tbody/tr");
        self.finds(&format!("row in the table {name:?}"), &xpath)
            .await?;
        let rows = self
            .browser
            .execute(
                "const table = [...document.querySelectorAll('table')].find(t => (t.getAttribute('aria-label') ?? t.caption?.innerText.trim()) === arguments[0]); \
                 return [...table.tBodies[0].rows].map(row => row.innerText);",
                vec![Value::from(name)],
            )
            .await?;
        serde_json::from_value(rows.json().clone()).context("the table's rows are not texts")
    }

    /// The state that the status widget shows.
    pub async fn realtime_state(&self) -> Result<String> {
        let state = self
            .browser
            .execute(
                "return document.querySelector('[role=status][data-realtime-state]')?.dataset.realtimeState ?? ''",
                vec![],
            )
            .await?;
        Ok(state.json().as_str().unwrap_or_default().to_owned())
    }

    /// Waits until the status widget shows one of these states.
    pub async fn waits_for_realtime(&self, states: &[&str]) -> Result<String> {
        let reached = tokio::time::timeout(PATIENCE * 2, async {
            loop {
                let state = self.realtime_state().await?;
                if states.contains(&state.as_str()) {
                    return anyhow::Ok(state);
                }
                tokio::time::sleep(GLANCE).await;
            }
        })
        .await;
        match reached {
            Ok(state) => state,
            Err(_) => bail!(
                "the widget shows {:?}, never {states:?}",
                self.realtime_state().await?
            ),
        }
    }

    /// Closes the browser.
    pub async fn leaves(mut self) -> Result<()> {
        self.left = true;
        Ok(self.browser.clone().quit().await?)
    }
}
