//! The opening of most stories: a house with a backend of its own, where people sit down at browsers of their own.

use anyhow::Result;

use crate::api::Api;
use crate::backend::{Backend, Data};
use crate::browser::{DESKTOP, Driver, Size};
use crate::person::Person;

/// A house of one story's own.
pub struct House {
    backend: Backend,
    driver: Driver,
}

impl House {
    /// Opens it with the demo data, which nobody else sees and nothing keeps.
    pub async fn opens() -> Result<House> {
        Ok(House {
            backend: Backend::start(Data::Demo).await?,
            driver: Driver::start()?,
        })
    }

    pub fn url(&self) -> String {
        self.backend.url()
    }

    /// The port of its backend.
    pub fn port(&self) -> u16 {
        self.backend.port
    }

    /// Somebody signs in at a browser of their own.
    pub async fn signs_in(&self, email: &str) -> Result<Person> {
        self.signs_in_on(DESKTOP, email).await
    }

    /// The same, on a screen of this size.
    pub async fn signs_in_on(&self, size: Size, email: &str) -> Result<Person> {
        self.signs_in_at(&self.url(), size, email).await
    }

    /// The same, by a way of their own to the backend.
    pub async fn signs_in_at(&self, url: &str, size: Size, email: &str) -> Result<Person> {
        Person::signed_in(self.driver.open(size).await?, url, email).await
    }

    /// Somebody opens a browser, and nobody has signed in yet.
    pub async fn visitor(&self, size: Size) -> Result<Person> {
        Person::at(self.driver.open(size).await?, &self.url()).await
    }

    /// Somebody works without a browser.
    pub async fn api(&self, email: &str) -> Result<Api> {
        Api::sign_in(&self.url(), email).await
    }

    /// Everybody leaves.
    pub async fn closes(self, people: impl IntoIterator<Item = Person>) -> Result<()> {
        for person in people {
            person.leaves().await?;
        }
        self.backend.stop().await
    }
}
