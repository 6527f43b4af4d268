//! What several stories share.

pub(crate) mod cli;
pub(crate) mod github;
pub(crate) mod hub;
pub(crate) mod repo;
pub(crate) mod schema_cases;
pub(crate) mod sink;
