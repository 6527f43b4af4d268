//! What can be said about routes.

pub use crate::contracts::Rule;
use crate::contracts::rule;

/// The rule of an id.
pub(super) fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

/// All rules.
pub const RULES: &[Rule] = &[
    rule(
        "route-removed",
        "a request is no longer answered",
        "clients that send it",
        "keep the route and mark it deprecated, or answer with a redirect",
    ),
    rule("route-added", "a request is answered that was not", "", ""),
    rule(
        "route-path-changed",
        "what answered one path answers another",
        "clients that send requests to the old path",
        "keep the old path as a second route, or answer it with a redirect",
    ),
    rule(
        "route-method-changed",
        "a path is answered for another method",
        "clients that send the old method",
        "keep the old method as well",
    ),
    rule(
        "route-methods-narrowed",
        "a path that was answered for every method is answered for some",
        "clients that send another method",
        "go on answering every method",
    ),
    rule("route-methods-widened", "a path is answered for every method", "", ""),
    rule(
        "route-prefix-changed",
        "a router is mounted elsewhere: all its routes moved",
        "clients of every route below the old prefix",
        "mount the router at both prefixes",
    ),
    rule("route-parameter-renamed", "a part of a path has another name", "", ""),
    rule(
        "route-parameter-required",
        "a part of a path cannot be left out any more",
        "clients that leave it out",
        "add a route without it",
    ),
    rule("route-parameter-optional", "a part of a path can be left out", "", ""),
    rule(
        "route-pattern-changed",
        "a part of a path has to match something else",
        "clients whose values no longer match",
        "go on taking what was taken, and answer 400 to what is wrong",
    ),
    rule(
        "route-catch-all-narrowed",
        "a path that took everything behind it takes one part",
        "clients that send longer paths",
        "keep the catch-all",
    ),
    rule("route-catch-all-widened", "a path takes everything behind it", "", ""),
    rule(
        "route-not-judged",
        "a route or a mount that is computed has changed",
        "clients of whatever it answered, perhaps",
        "write the path as a string, so that it can be compared",
    ),
    rule(
        "file-not-judged",
        "a file changed that cannot be read",
        "clients of whatever it answered, perhaps",
        "make it parse, or take it out of the contracts' paths",
    ),
];
