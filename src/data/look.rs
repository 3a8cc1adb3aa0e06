//! How the app looks, as this browser keeps it for whoever sits in front of it: a few choices, each an attribute of the root
//! element. `boot.js` sets them before the first paint, and again when it is told of another choice; it alone touches the element.

use super::store;

/// What tells `boot.js`, which listens for it on the window. Other tabs hear of it from the browser's storage itself.
const CHOSEN: &str = "bedside-look";

/// One choice.
#[derive(Debug, PartialEq, Eq)]
pub struct Look {
    /// Where it is kept; `boot.js` knows the same names.
    pub key: &'static str,
    pub label: &'static str,
    /// The words that are kept, with those for people. The first holds where nothing is kept.
    pub options: &'static [(&'static str, &'static str)],
}

pub static THEME: Look = Look {
    key: "bedside.theme",
    label: "Theme",
    options: &[("system", "System"), ("light", "Light"), ("dark", "Dark")],
};

pub static CONTRAST: Look = Look {
    key: "bedside.contrast",
    label: "Contrast",
    options: &[("system", "System"), ("normal", "Normal"), ("more", "High")],
};

pub static DENSITY: Look = Look {
    key: "bedside.density",
    label: "Density",
    options: &[("comfortable", "Comfortable"), ("compact", "Compact")],
};

impl Look {
    /// The word in force.
    pub fn kept(&self) -> &'static str {
        self.read(store::read(self.key).ok().flatten().as_deref())
    }

    /// What is kept, if it is one of ours: anything may stand in the browser's storage.
    fn read(&self, kept: Option<&str>) -> &'static str {
        let known = self.options.iter().find(|(word, _)| Some(*word) == kept);
        known.or(self.options.first()).map_or("", |(word, _)| *word)
    }

    /// Chooses a word.
    pub fn choose(&self, word: &str) {
        // One that is not kept holds nowhere: the storage is forbidden, and what the system says is a fine answer.
        let _ = store::write(self.key, word);
        if let (Some(window), Ok(event)) = (web_sys::window(), web_sys::Event::new(CHOSEN)) {
            // Nobody listening would mean no boot.js, and so no app.
            let _ = window.dispatch_event(&event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_counts_only_if_it_is_a_choice() {
        assert_eq!(THEME.read(Some("dark")), "dark");
        assert_eq!(THEME.read(Some("<script>")), "system");
        assert_eq!(DENSITY.read(None), "comfortable");
    }
}
