//! From what others say to events. Pure: a payload in, events out, and nothing is guessed.

pub mod github;
pub mod junit;
pub mod queue;
