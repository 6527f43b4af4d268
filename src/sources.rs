//! Where text to scan comes from: files, archives, standard input, history, the index. An edge.

pub mod archives;
pub mod content;
pub mod files;
pub mod formats;
pub mod fragments;
pub mod history;
pub mod patches;
mod paths;
pub mod platforms;
pub mod stdin;
