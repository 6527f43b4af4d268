//! The same changes in the names and words of the tools that people come from, so that two answers can be compared by a
//! program: `{id, level, operation, path, args, base, revision, file, span}`, levels in their words.

use serde_json::{Value, json};

use crate::contracts::compare::{Change, Comparison, endpoint};
use crate::contracts::{Format, Impact, Place};

/// A tool whose names are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// oasdiff, for OpenAPI.
    Oasdiff,
    /// buf, for Protobuf.
    Buf,
    /// graphql-inspector, for GraphQL.
    GraphqlInspector,
}

impl Peer {
    fn format(self) -> Format {
        match self {
            Peer::Oasdiff => Format::OpenApi,
            Peer::Buf => Format::Protobuf,
            Peer::GraphqlInspector => Format::GraphQl,
        }
    }
}

/// The changes of the peer's language, sorted by id, then by place.
pub fn answers(comparison: &Comparison, peer: Peer) -> Value {
    let of_language = comparison.changes.iter().filter(|change| change.what.format == peer.format());
    let mut entries: Vec<Value> = match peer {
        Peer::Oasdiff => of_language.flat_map(unfolded).collect(),
        Peer::Buf => of_language.map(at_a_span).collect(),
        Peer::GraphqlInspector => of_language.map(on_a_path).collect(),
    };
    entries.sort_by_key(|entry| (entry["id"].to_string(), entry.to_string()));
    json!({ "changes": entries })
}

fn level(impact: Impact) -> &'static str {
    match impact {
        Impact::Breaking => "error",
        Impact::Dangerous => "warning",
        Impact::Compatible => "info",
    }
}

/// One entry per operation that the change reaches.
fn unfolded(change: &Change) -> Vec<Value> {
    let what = &change.what;
    let names = std::iter::once(&what.subject).chain(&what.reaches);
    let mut operations: Vec<(&str, &str)> = names.filter_map(|name| endpoint(name)).collect();
    operations.sort_unstable();
    operations.dedup();
    let entry = |at: Option<(&str, &str)>| {
        json!({
            "id": what.rule,
            "level": level(what.impact),
            "operation": at.map(|(method, _)| method),
            "path": at.map(|(_, path)| path),
            "args": what.args,
            "base": place(&what.base),
            "revision": place(&what.revision),
        })
    };
    match operations.is_empty() {
        true => vec![entry(None)],
        false => operations.into_iter().map(|at| entry(Some(at))).collect(),
    }
}

fn place(place: &Option<Place>) -> Option<Value> {
    place.as_ref().map(|place| json!({ "line": place.line, "column": place.column }))
}

fn at_a_span(change: &Change) -> Value {
    let what = &change.what;
    let at = what.revision.as_ref();
    json!({
        "id": what.rule,
        "level": level(what.impact),
        "args": what.args,
        "file": at.map(|place| place.file.as_str()),
        "span": at.map(|place| [place.line, place.column, place.end_line, place.end_column]),
    })
}

fn on_a_path(change: &Change) -> Value {
    json!({ "id": change.what.rule, "level": level(change.what.impact), "path": change.what.subject, "args": change.what.args })
}
