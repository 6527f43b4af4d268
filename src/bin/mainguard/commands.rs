//! One file per command.

pub(crate) mod change;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod contracts;
pub(crate) mod critic;
pub(crate) mod db;
pub(crate) mod deps;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod hook;
pub(crate) mod init;
pub(crate) mod pre_push;
pub(crate) mod preview;
pub(crate) mod queue;
pub(crate) mod record;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod sast;
pub(crate) mod secrets;
