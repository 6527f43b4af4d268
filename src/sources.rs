//! Where text to scan comes from: files, archives, standard input, history, the index. An edge.

pub mod history;
pub mod patches;
pub mod platforms;
