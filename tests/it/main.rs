//! Tests through the front door: the real binary on real repositories.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests are an edge: they make repositories and say what they compared or skipped"
)]

mod action;
mod additions;
mod change_set;
mod check;
mod config;
mod contracts;
mod contracts_code;
mod contracts_graphql;
mod contracts_json_schema;
mod contracts_json_schema_values;
mod contracts_openapi;
mod contracts_protobuf;
mod coverage;
mod critic;
mod delivery;
mod deps;
mod deps_front;
mod deps_remote;
mod examples;
mod fork_report;
mod fuzz;
mod github;
mod house;
mod previews;
mod publish;
mod queue;
mod readme;
mod release;
mod reports;
mod sast;
mod secrets_cases;
mod secrets_files;
mod secrets_history;
mod secrets_parity;
mod secrets_reports;
mod secrets_rules;
mod secrets_tokens;
mod support;
mod workflow_run;
mod workflows;
