//! The icons, drawn for this app on a 24-unit grid. Always beside a word or inside something that has a name, so hidden from
//! screen readers.

use leptos::prelude::*;

/// What an icon shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Alert,
    Bed,
    Bell,
    Chart,
    Check,
    Circle,
    Clock,
    Close,
    Cloud,
    Dashboard,
    Device,
    Door,
    Eye,
    Form,
    Gear,
    Help,
    Lock,
    Moon,
    Next,
    Patients,
    Pen,
    Plus,
    Previous,
    Print,
    Pulse,
    Refresh,
    Download,
    Return,
    Rows,
    Search,
    Send,
    Sort,
    Staff,
    Sun,
    Unplugged,
}

impl Shape {
    /// The lines, as the `d` of one path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Alert => "M12 4 2.8 19.5h18.4zM12 10v4.5M12 17v.1",
            Self::Bed => {
                "M3 5v14M3 16h18v3M21 16v-3a3 3 0 0 0-3-3h-7v6M5.25 11.5a1.75 1.75 0 1 0 3.5 0a1.75 1.75 0 1 0 -3.5 0z"
            }
            Self::Bell => "M6 16.5V11a6 6 0 0 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4",
            Self::Chart => "M4 19.5h16M7 16v-4M12 16V6M17 16v-7",
            Self::Check => "M5 12.5l4.5 4.5L19 7.5",
            Self::Circle => "M4.5 12a7.5 7.5 0 1 0 15 0a7.5 7.5 0 1 0 -15 0z",
            Self::Clock => "M3.5 12a8.5 8.5 0 1 0 17 0a8.5 8.5 0 1 0 -17 0zM12 7.5V12l3 2",
            Self::Close => "M6.5 6.5l11 11m0-11-11 11",
            Self::Cloud => {
                "M7 18.5h10a4 4 0 0 0 .6-7.95A5.75 5.75 0 0 0 6.6 9.6 4.5 4.5 0 0 0 7 18.5z"
            }
            Self::Dashboard => {
                "M5 3.5h4a1.5 1.5 0 0 1 1.5 1.5v6a1.5 1.5 0 0 1 -1.5 1.5h-4a1.5 1.5 0 0 1 -1.5 -1.5v-6a1.5 1.5 0 0 1 1.5 -1.5zM15 3.5h4a1.5 1.5 0 0 1 1.5 1.5v2a1.5 1.5 0 0 1 -1.5 1.5h-4a1.5 1.5 0 0 1 -1.5 -1.5v-2a1.5 1.5 0 0 1 1.5 -1.5zM15 11.5h4a1.5 1.5 0 0 1 1.5 1.5v6a1.5 1.5 0 0 1 -1.5 1.5h-4a1.5 1.5 0 0 1 -1.5 -1.5v-6a1.5 1.5 0 0 1 1.5 -1.5zM5 15.5h4a1.5 1.5 0 0 1 1.5 1.5v2a1.5 1.5 0 0 1 -1.5 1.5h-4a1.5 1.5 0 0 1 -1.5 -1.5v-2a1.5 1.5 0 0 1 1.5 -1.5z"
            }
            Self::Device => {
                "M5 4.5h14a2 2 0 0 1 2 2v8a2 2 0 0 1 -2 2h-14a2 2 0 0 1 -2 -2v-8a2 2 0 0 1 2 -2zM9 20h6"
            }
            Self::Door => {
                "M10 4H6.5A1.5 1.5 0 0 0 5 5.5v13A1.5 1.5 0 0 0 6.5 20H10M15 8l4 4-4 4M19 12h-9"
            }
            Self::Eye => {
                "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM9.25 12a2.75 2.75 0 1 0 5.5 0a2.75 2.75 0 1 0 -5.5 0z"
            }
            Self::Form => {
                "M6.5 3.5h7.5l4.5 4.5v11a1.5 1.5 0 0 1-1.5 1.5h-10A1.5 1.5 0 0 1 5.5 19V4.5a1 1 0 0 1 1-1zM9 12.5h6M9 16h4"
            }
            Self::Gear => {
                "M9 12a3 3 0 1 0 6 0a3 3 0 1 0 -6 0zM12 3v2.5M12 18.5V21M3 12h2.5M18.5 12H21M5.6 5.6l1.8 1.8M16.6 16.6l1.8 1.8M18.4 5.6l-1.8 1.8M7.4 16.6l-1.8 1.8"
            }
            Self::Help => {
                "M3.5 12a8.5 8.5 0 1 0 17 0a8.5 8.5 0 1 0 -17 0zM9.5 9.5a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.9-1.1 1.8M12 16.5v.1"
            }
            Self::Lock => {
                "M7 10.5h10a2 2 0 0 1 2 2v5.5a2 2 0 0 1 -2 2h-10a2 2 0 0 1 -2 -2v-5.5a2 2 0 0 1 2 -2zM8 10.5V8a4 4 0 0 1 8 0v2.5"
            }
            Self::Moon => "M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z",
            Self::Next => "M9.5 6l6 6-6 6",
            Self::Patients => {
                "M5.5 8a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0zM2.5 20v-.5a5 5 0 0 1 5-5h3a5 5 0 0 1 5 5v.5M16 4.8a3.5 3.5 0 0 1 0 6.4M21.5 20v-.5a5 5 0 0 0-3-4.6"
            }
            Self::Pen => "M4.5 19.5 5.5 15 16 4.5l3.5 3.5L9 18.5zM13.5 7l3.5 3.5",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Previous => "M14.5 6l-6 6 6 6",
            Self::Print => {
                "M7 9V4h10v5M7 17H5a2 2 0 0 1-2-2v-4a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2v4a2 2 0 0 1-2 2h-2M7 14h10v6H7z"
            }
            Self::Download => "M12 4v11m0 0 4.5-4.5M12 15l-4.5-4.5M4.5 19.5h15",
            Self::Pulse => "M2.5 12.5h4l3-8 5 15 3-7h4",
            Self::Refresh => "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L19.5 9M19.5 4v5h-5",
            Self::Return => "M8.5 5l-5 5 5 5M3.5 10H15a5 5 0 0 1 0 10h-3",
            Self::Rows => "M4 6.5h16M4 12h16M4 17.5h16",
            Self::Search => "M4.5 10.5a6 6 0 1 0 12 0a6 6 0 1 0 -12 0zM15 15l5 5",
            Self::Send => "M20.5 3.5 10 14M20.5 3.5 14 20.5 10 14l-6.5-4z",
            Self::Sort => "M12 18.5v-13M6.5 11 12 5.5l5.5 5.5",
            Self::Staff => {
                "M6 4h12a2 2 0 0 1 2 2v12.5a2 2 0 0 1 -2 2h-12a2 2 0 0 1 -2 -2v-12.5a2 2 0 0 1 2 -2zM9.5 10.5a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0zM7.5 17.5a4.5 4.5 0 0 1 9 0M10 2.5h4"
            }
            Self::Sun => {
                "M8 12a4 4 0 1 0 8 0a4 4 0 1 0 -8 0zM12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4"
            }
            Self::Unplugged => {
                "M3 3l18 18M7.5 8.2A4.5 4.5 0 0 0 7 18.5h10c.5 0 1-.1 1.4-.2M10.2 6a5.8 5.8 0 0 1 7.4 4.6A4 4 0 0 1 21 14.5"
            }
        }
    }
}

/// An icon of the text's colour, 16 pixels unless told.
#[component]
pub fn Icon(#[prop(into)] shape: Signal<Shape>, #[prop(default = 16)] size: u16) -> impl IntoView {
    view! {
        <svg class="icon" width=size height=size viewBox="0 0 24 24" aria-hidden="true">
            <path d=move || shape.get().path()></path>
        </svg>
    }
}
