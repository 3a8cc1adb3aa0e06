//! Columns that hold one of a few fixed words, as enums. A word that this build does not know is kept apart as
//! `Unknown`: an older app must go on working when the database learns a new one.

/// Declares an enum for a column of fixed words, with the word in the database and the one for people.
macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $word:literal, $label:literal; )+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $( $(#[$variant_meta])* #[serde(rename = $word)] $variant, )+
            /// A word that this build does not know.
            #[serde(other, rename = "unrecognised")]
            Unknown,
        }

        impl $name {
            /// Every known word, in the order people read them.
            pub const ALL: &'static [Self] = &[$( Self::$variant ),+];

            /// The word in the database.
            pub const fn word(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )+
                    Self::Unknown => "unrecognised",
                }
            }

            /// The word for people.
            pub const fn label(self) -> &'static str {
                match self {
                    $( Self::$variant => $label, )+
                    Self::Unknown => "Unrecognised",
                }
            }

            /// The value of a word of the database; `Unknown` for any other text.
            pub fn from_word(word: &str) -> Self {
                match word {
                    $( $word => Self::$variant, )+
                    _ => Self::Unknown,
                }
            }
        }
    };
}

pub(crate) use words;
