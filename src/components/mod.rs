//! The parts that pages are made of, one file each. A part knows how things look and are said; it never fetches.

pub mod badge;
pub mod changed;
pub mod dialog;
pub mod field;
pub mod frame;
pub mod icon;
pub mod pager;
pub mod phrase;
pub mod realtime_connection_status;
pub mod search_box;
pub mod skeleton;
pub mod sort_header;
pub mod state;
pub mod theme_switch;
pub mod time;
pub mod title;
pub mod toast;

pub use badge::{Badge, FormStatusBadge, PatientStatusBadge, RoleBadge, Tone};
pub use changed::{Changed, ChangedText};
pub use dialog::{Confirm, Dialog};
pub use field::{Field, FieldShell};
pub use frame::Frame;
pub use icon::{Icon, Shape};
pub use pager::Pager;
pub use realtime_connection_status::RealtimeConnectionStatus;
pub use search_box::SearchBox;
pub use skeleton::{SkeletonLines, SkeletonRows};
pub use sort_header::SortHeader;
pub use state::{Banner, Empty, Failed, NotRefreshed};
pub use theme_switch::ThemeSwitch;
pub use time::Ago;
pub use title::use_title;
pub use toast::{Toaster, Toasts};
