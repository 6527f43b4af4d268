//! GitHub's REST API, through octocrab.
