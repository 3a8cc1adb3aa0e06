//! The hooks under a real reactive runtime: what a component sees, and when.

mod groups;
mod mutations;
mod page;
mod queries;
