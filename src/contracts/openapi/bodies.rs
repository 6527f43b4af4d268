//! What is sent and what is answered: bodies, media types, statuses, headers.

use super::collect::{Collector, Found, code};
use super::model::{Header, Media, Operation, Response};
use super::operations::{Context, Spot, Use};
use crate::contracts::Impact;
use crate::contracts::document::Node;

/// Impact of a change that takes something away from what callers may send, or get.
fn impact(breaks: bool) -> Impact {
    if breaks { Impact::Breaking } else { Impact::Compatible }
}

/// Compares the bodies that are sent with an operation.
pub(super) fn request(
    context: &Context<'_>,
    old: &Operation,
    new: &Operation,
    name: &str,
    out: &mut Collector,
    uses: &mut Vec<Use>,
) {
    // A body that the server sends may come or go where callers read it, and not where they write it.
    let inverted = context.inverted;
    match (&old.body, &new.body) {
        (None, None) => {}
        (None, Some(body)) => {
            let (rule, kind) = match body.required {
                true => ("request-body-added-required", "required"),
                false => ("request-body-added-optional", "optional"),
            };
            let found = Found::new(rule, impact(body.required && !inverted), name).at(Some(old.key), Some(body.key));
            out.reach(found.say(format!("the body is new and {kind}")), name);
        }
        (Some(body), None) => {
            let (impact, message) = match inverted {
                true => (Impact::Breaking, "a body is no longer sent"),
                false => (Impact::Dangerous, "a body is no longer taken"),
            };
            let found = Found::new("request-body-removed", impact, name).at(Some(body.key), Some(new.key));
            out.reach(found.say(message.into()), name);
        }
        (Some(before), Some(after)) => {
            if before.required != after.required {
                let (rule, breaks) = match after.required {
                    true => ("request-body-became-required", !inverted),
                    false => ("request-body-became-optional", inverted),
                };
                let said = |required: bool| if required { "required" } else { "optional" };
                out.reach(
                    Found::new(rule, impact(breaks), name)
                        .shared("request body".into())
                        .at(Some(before.node), Some(after.node))
                        .sides(said(before.required), said(after.required))
                        .say(format!("the body is {} and was {}", said(after.required), said(before.required))),
                    name,
                );
            }
            let holders = [before.node, after.node];
            media(context, (&before.media, &after.media), holders, &Spot::Body, name, out, uses);
        }
    }
}

/// Compares the answers of an operation.
pub(super) fn responses(
    context: &Context<'_>,
    old: &Operation,
    new: &Operation,
    name: &str,
    out: &mut Collector,
    uses: &mut Vec<Use>,
) {
    let find = |list: &'_ [Response], status: &str| list.iter().position(|one| one.status == status);
    for before in &old.responses {
        if let Some(after) = find(&new.responses, &before.status) {
            response(context, before, &new.responses[after], name, out, uses);
            continue;
        }
        let (rule, level) = match before.status.as_bytes().first() {
            Some(b'2') => ("response-success-status-removed", Impact::Breaking),
            _ if before.status == "default" => ("response-default-removed", Impact::Breaking),
            _ => ("response-non-success-status-removed", Impact::Compatible),
        };
        // What the server says no longer, a caller that answers a callback may say no longer either.
        out.reach(
            Found::new(rule, level, name)
                .at(Some(before.key), Some(context.forest.key(new.node, "responses").unwrap_or(new.key)))
                .args([before.status.clone()])
                .say(format!("the response {} is gone", code(&before.status))),
            name,
        );
    }
    for after in &new.responses {
        if find(&old.responses, &after.status).is_some() {
            continue;
        }
        let rule = match after.status.as_bytes().first() {
            Some(b'2') => "response-success-status-added",
            _ if after.status == "default" => "response-default-added",
            _ => "response-non-success-status-added",
        };
        out.reach(
            Found::new(rule, Impact::Compatible, name)
                .at(Some(context.forest.key(old.node, "responses").unwrap_or(old.key)), Some(after.key))
                .args([after.status.clone()])
                .say(format!("the response {} is new", code(&after.status))),
            name,
        );
    }
}

fn response(
    context: &Context<'_>,
    before: &Response,
    after: &Response,
    name: &str,
    out: &mut Collector,
    uses: &mut Vec<Use>,
) {
    let holders = [before.node, after.node];
    let spot = Spot::Response(after.status.clone());
    media(context, (&before.media, &after.media), holders, &spot, name, out, uses);
    let find = |list: &'_ [Header], name: &str| list.iter().position(|one| one.name.eq_ignore_ascii_case(name));
    for old in &before.headers {
        let lower = old.name.to_ascii_lowercase();
        match find(&after.headers, &old.name) {
            Some(new) => header(context, old, &after.headers[new], &after.status, name, out, uses),
            None => {
                let (rule, impact) = match old.required {
                    true => ("response-header-removed-required", Impact::Breaking),
                    false => ("response-header-removed-optional", Impact::Dangerous),
                };
                out.reach(
                    Found::new(rule, impact, name)
                        .shared(format!("response header {lower}"))
                        .at(Some(old.key), Some(after.key))
                        .args([lower.clone(), after.status.clone()])
                        .say(format!("the header {} of the response {} is gone", code(&old.name), code(&after.status))),
                    name,
                );
            }
        }
    }
    for new in &after.headers {
        if find(&before.headers, &new.name).is_none() {
            let lower = new.name.to_ascii_lowercase();
            out.reach(
                Found::new("response-header-added", Impact::Compatible, name)
                    .shared(format!("response header {lower}"))
                    .at(Some(before.key), Some(new.key))
                    .args([lower, after.status.clone()])
                    .say(format!("the header {} of the response {} is new", code(&new.name), code(&after.status))),
                name,
            );
        }
    }
}

fn header(
    context: &Context<'_>,
    old: &Header,
    new: &Header,
    status: &str,
    name: &str,
    out: &mut Collector,
    uses: &mut Vec<Use>,
) {
    let lower = new.name.to_ascii_lowercase();
    if old.required != new.required {
        let (rule, impact, verb) = match new.required {
            true => ("response-header-became-required", Impact::Compatible, "required and was optional"),
            false => ("response-header-became-optional", Impact::Breaking, "optional and was required"),
        };
        out.reach(
            Found::new(rule, impact, name)
                .shared(format!("response header {lower}"))
                .at(Some(old.key), Some(new.key))
                .args([lower.clone(), status.to_string()])
                .say(format!("the header {} of the response {} is {verb}", code(&new.name), code(status))),
            name,
        );
    }
    let spot = Spot::Header(lower, status.to_string());
    uses.push(Use {
        spot,
        to_server: context.inverted,
        base: old.schema.or_else(|| old.media.first()?.schema),
        revision: new.schema.or_else(|| new.media.first()?.schema),
        holders: [old.key, new.key],
        media: String::new(),
        operation: name.to_string(),
    });
}

/// The media types of something that is not a body.
pub(super) fn media_of_part(
    context: &Context<'_>,
    lists: (&[Media], &[Media]),
    holders: [Node; 2],
    spot: &Spot,
    name: &str,
    out: &mut Collector,
    uses: &mut Vec<Use>,
) {
    media(context, lists, holders, spot, name, out, uses);
}

/// How one media type stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kin {
    /// Every body of the second is one of the first: a wildcard.
    Covers,
    Covered,
    /// The second is written in the way that the first one names: `json` and `problem+json`.
    Generalizes,
    Specializes,
    Strangers,
}

fn kin(one: &str, other: &str) -> Kin {
    let covers = |wide: &str, narrow: &str| match wide.split_once('/') {
        Some(("*", "*")) => true,
        Some((kind, "*")) => narrow.split_once('/').is_some_and(|(other, _)| other == kind),
        _ => false,
    };
    let suffix = |name: &str| name.rsplit_once('+').map(|(_, suffix)| suffix.to_string());
    let plain = |name: &str| name.split_once('/').map(|(_, sub)| sub.to_string());
    match () {
        () if covers(one, other) => Kin::Covers,
        () if covers(other, one) => Kin::Covered,
        () if suffix(other).is_some() && suffix(other) == plain(one) => Kin::Generalizes,
        () if suffix(one).is_some() && suffix(one) == plain(other) => Kin::Specializes,
        () => Kin::Strangers,
    }
}

fn media(
    context: &Context<'_>,
    (before, after): (&[Media], &[Media]),
    holders: [Node; 2],
    spot: &Spot,
    name: &str,
    out: &mut Collector,
    uses: &mut Vec<Use>,
) {
    let to_server = (*spot == Spot::Body || matches!(spot, Spot::Parameter(..))) != context.inverted;
    let mut note = |old: &Media, new: &Media| {
        uses.push(Use {
            spot: spot.clone(),
            to_server,
            base: old.schema,
            revision: new.schema,
            holders: [old.key, new.key],
            media: new.name.clone(),
            operation: name.to_string(),
        });
    };
    let mut gone: Vec<&Media> = Vec::new();
    let mut new: Vec<&Media> = Vec::new();
    for old in before {
        match after.iter().find(|other| other.name == old.name) {
            Some(same) => note(old, same),
            None => gone.push(old),
        }
    }
    new.extend(after.iter().filter(|one| !before.iter().any(|old| old.name == one.name)));
    let (request, prefix) = match spot {
        Spot::Response(_) | Spot::Header(..) => (false, "response"),
        _ => (true, "request-body"),
    };
    let status = match spot {
        Spot::Response(status) | Spot::Header(_, status) => Some(status.clone()),
        _ => None,
    };
    let mut tell = |rule: &'static str, impact: Impact, old: Option<&Media>, now: Option<&Media>, message: String| {
        let value = |media: Option<&Media>| media.map(|media| media.name.clone());
        let args = [value(old), value(now), status.clone()].into_iter().flatten();
        let found = Found::new(rule, impact, name).shared(format!("{prefix} media type"));
        let at = |media: Option<&Media>, holder: Node| Some(media.map_or(holder, |media| media.key));
        let found = found.at(at(old, holders[0]), at(now, holders[1])).sides_of(value(old), value(now));
        out.reach(found.args(args).say(message), name);
    };
    // What takes the place of a name that is gone: a wildcard, or another name for the same syntax.
    let mut taken: Vec<usize> = Vec::new();
    gone.retain(|old| {
        let related = |wanted: &[Kin]| new.iter().position(|one| wanted.contains(&kin(&old.name, &one.name)));
        // A request may lose nothing and a response may gain nothing.
        let harmless = if to_server { Kin::Covered } else { Kin::Covers };
        let found = related(&[Kin::Covered, Kin::Covers])
            .or_else(|| related(&[Kin::Generalizes, Kin::Specializes]).filter(|at| !taken.contains(at)));
        let Some(at) = found else { return true };
        taken.push(at);
        let now = new[at];
        note(old, now);
        let how = kin(&old.name, &now.name);
        let rule = match (request, how) {
            (false, Kin::Covered | Kin::Specializes) => "response-media-type-name-generalized",
            (false, _) => "response-media-type-name-specialized",
            (true, Kin::Covered | Kin::Specializes) => "request-body-media-type-name-generalized",
            (true, _) => "request-body-media-type-name-specialized",
        };
        let message = format!("the media type is {} and was {}", code(&now.name), code(&old.name));
        tell(rule, impact(how != harmless), Some(old), Some(now), message);
        false
    });
    let of = |what: &str| if request { "a request" } else { what }.to_string();
    for old in gone {
        let rule = if request { "request-body-media-type-removed" } else { "response-media-type-removed" };
        let message = format!("{} can no longer be {}", of("a response"), code(&old.name));
        tell(rule, Impact::Breaking, Some(old), None, message);
    }
    for (at, now) in new.iter().enumerate() {
        if !taken.contains(&at) {
            let rule = if request { "request-body-media-type-added" } else { "response-media-type-added" };
            // A response may be of a kind that a client never asked for only where it asks for anything.
            let message = format!("{} can be {}", of("a response"), code(&now.name));
            tell(rule, Impact::Compatible, None, Some(now), message);
        }
    }
}
