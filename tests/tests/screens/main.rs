//! Pictures of every page and state, as each role, in two widths and two themes: `cargo xtask screens` writes them to
//! `target/screens/`, for people to look at. No assertions: looking is the test.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use bedside_tests::backend::{Backend, Data};
use bedside_tests::browser::{DESKTOP, Driver, PHONE, Size};
use bedside_tests::lens::Theme;
use bedside_tests::person::Person;
use bedside_tests::places::{CLINICIAN, PEOPLE, Place, Rows, SIGNED_OUT};

const SIZES: [(&str, Size); 2] = [("1440x900", DESKTOP), ("390x844", PHONE)];
const THEMES: [Theme; 2] = [Theme::Light, Theme::Dark];

#[tokio::main]
async fn main() -> Result<()> {
    // Only the pages whose names contain this word.
    let only = std::env::args().nth(1).unwrap_or_default();
    let wanted = |who: &str, place: &Place| format!("{who}-{}", place.name).contains(&only);
    let folder = bedside_tests::root().join("target/screens");
    std::fs::create_dir_all(&folder)?;
    let backend = Backend::start(Data::Demo).await?;
    let driver = Driver::start()?;
    let mut album = Album {
        folder,
        count: 0,
        failed: Vec::new(),
    };

    let visitor = Person::at(driver.open(DESKTOP).await?, &backend.url()).await?;
    let rows = Rows::of(&backend.url(), CLINICIAN).await?;
    for place in SIGNED_OUT.iter().filter(|place| wanted("visitor", place)) {
        album.add(&visitor, "visitor", place, &rows).await;
    }
    visitor.leaves().await?;

    for (who, email, places) in PEOPLE {
        let places: Vec<&Place> = places.iter().filter(|place| wanted(who, place)).collect();
        if places.is_empty() {
            continue;
        }
        let person = Person::signed_in(driver.open(DESKTOP).await?, &backend.url(), email).await?;
        let rows = Rows::of(&backend.url(), email).await?;
        for place in places {
            album.add(&person, who, place, &rows).await;
        }
        person.leaves().await?;
    }
    backend.stop().await?;
    println!("{} pictures in {}", album.count, album.folder.display());
    ensure!(
        album.failed.is_empty(),
        "not pictured:\n{}",
        album.failed.join("\n")
    );
    Ok(())
}

/// The pictures so far. A page that can't be pictured does not keep the others from it.
struct Album {
    folder: PathBuf,
    count: usize,
    failed: Vec<String>,
}

impl Album {
    async fn add(&mut self, person: &Person, who: &str, place: &Place, rows: &Rows) {
        let name = format!("{who}-{}", place.name);
        println!("{name}");
        if let Err(error) = self.pictures(person, &name, place, rows).await {
            self.failed.push(format!("{name}: {error:#}"));
        }
    }

    /// One place in every width and theme.
    async fn pictures(
        &mut self,
        person: &Person,
        name: &str,
        place: &Place,
        rows: &Rows,
    ) -> Result<()> {
        person.looks(DESKTOP, Theme::Light).await?;
        place.visit(person, rows).await?;
        for (width, size) in SIZES {
            for theme in THEMES {
                person.looks(size, theme).await?;
                person.waits_until_still().await?;
                let file = format!("{name}-{width}-{}.png", theme.word());
                person.picture(size, &self.folder.join(file)).await?;
                self.count += 1;
            }
        }
        place.leave(person).await
    }
}
