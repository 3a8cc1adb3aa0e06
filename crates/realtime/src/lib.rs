#![doc = include_str!("../README.md")]
//!
//! # Rooms of this crate
//!
//! The [`engine`] decides everything and does no I/O; [`RealtimeClient`] runs it over a socket, in the browser and
//! natively alike; [`wire`] knows bytes and no meaning. Nothing here knows Leptos or what a table means.

mod binding;
pub mod client;
mod driver;
pub mod engine;
mod event;
mod gap;
mod liveness;
mod room;
mod status;
mod token;
pub mod wire;

pub use binding::{Binding, BindingLint};
pub use client::{
    BindingHandle, BuildError, Builder, Events, Listener, RealtimeClient, StatusSnapshot,
    StatusWatch,
};
pub use client::{PostRequest, Pushed, RoomEvents, RoomHandle};
pub use event::{BindingEvent, Ready, Refusal};
pub use gap::{Gap, GapCause};
pub use liveness::{Echo, Liveness};
pub use room::{
    Access, Message, Payload, Presence, PresenceChange, PresenceState, PushError, Room, RoomEvent,
};
pub use status::{DegradedReason, FatalReason, Remedy, Report, Status};
pub use token::{AccessToken, TokenError, TokenNeed};
pub use wire::{Change, ChangeFault, ChangeKind, Column, Field, Fields, Record, Vsn};
