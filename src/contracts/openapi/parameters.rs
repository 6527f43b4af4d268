//! The parameters of an operation.

use super::collect::{Collector, Found, code};
use super::lifecycle::{self, Farewell};
use super::model::{In, Operation, Parameter, PathItem};
use super::operations::{Context, Spot, Use, aged_words};
use super::{bodies, pair};
use crate::contracts::Impact;

/// What two parameters must have in common to be one: the place, and the name or the position in the path.
fn identity(parameter: &Parameter, item: &PathItem, by_name: bool) -> (In, String) {
    let name = match parameter.place {
        In::Path if !by_name => {
            let position = pair::names(&item.name).iter().position(|name| *name == parameter.name);
            position.map_or_else(|| parameter.name.clone(), |position| format!("{{{position}}}"))
        }
        // RFC 9110: names of headers know no case.
        In::Header => parameter.name.to_ascii_lowercase(),
        _ => parameter.name.clone(),
    };
    (parameter.place, name)
}

/// Compares the parameters of an operation, those of its path included.
pub(super) fn compare(
    context: &Context<'_>,
    (old_item, old): (&PathItem, &Operation),
    (new_item, new): (&PathItem, &Operation),
    name: &str,
    out: &mut Collector,
    uses: &mut Vec<Use>,
) {
    let by_name = context.options.include_path_params;
    let of = |operation: &'_ Operation, item: &PathItem| -> Vec<(In, String)> {
        operation.parameters.iter().map(|parameter| identity(parameter, item, by_name)).collect()
    };
    let (was, is) = (of(old, old_item), of(new, new_item));
    for (index, before) in old.parameters.iter().enumerate() {
        match is.iter().position(|other| *other == was[index]) {
            Some(other) => stayed(context, before, &new.parameters[other], name, out, uses),
            None => removed(context, before, new, name, out),
        }
    }
    for (index, after) in new.parameters.iter().enumerate() {
        if !was.contains(&is[index]) {
            added(context, after, old, new_item, name, out);
        }
    }
}

fn thing(parameter: &Parameter) -> String {
    format!("the {} parameter {}", parameter.place.name(), code(&parameter.name))
}

fn names(parameter: &Parameter) -> [String; 2] {
    [parameter.place.name().to_string(), parameter.name.clone()]
}

fn shared(parameter: &Parameter) -> String {
    format!("{} parameter {}", parameter.place.name(), parameter.name)
}

fn added(_: &Context<'_>, after: &Parameter, old: &Operation, item: &PathItem, name: &str, out: &mut Collector) {
    // A parameter of the path that was there all the time and only now is described.
    let in_template = after.place == In::Path && pair::names(&item.name).contains(&after.name.as_str());
    let rule = match (after.place, after.required, after.shared) {
        (In::Path, ..) => "request-path-parameter-added",
        (_, true, true) => "request-parameter-added-required-to-path",
        (_, true, false) => "request-parameter-added-required",
        (_, false, true) => "request-parameter-added-optional-to-path",
        (_, false, false) => "request-parameter-added-optional",
    };
    let impact = if after.required && !in_template { Impact::Breaking } else { Impact::Compatible };
    let kind = if after.required { "required" } else { "optional" };
    out.reach(
        Found::new(rule, impact, name)
            .shared(shared(after))
            .at(Some(old.key), Some(after.node))
            .args(names(after))
            .say(format!("{} is new and {kind}", thing(after))),
        name,
    );
}

fn removed(context: &Context<'_>, before: &Parameter, new: &Operation, name: &str, out: &mut Collector) {
    let thing = thing(before);
    let (rule, impact, more, message) = match lifecycle::farewell(context.forest, before.lifecycle, context.options) {
        Farewell::None => ("request-parameter-removed", Impact::Dangerous, None, format!("{thing} is gone")),
        Farewell::Announced => (
            "request-parameter-removed-after-deprecation",
            Impact::Compatible,
            None,
            format!("{thing} is gone: it was deprecated"),
        ),
        Farewell::Due(end) => (
            "request-parameter-removed-after-sunset",
            Impact::Compatible,
            None,
            format!("{thing} is gone, as announced for {end}"),
        ),
        Farewell::Early(end) => (
            "request-parameter-removed-before-sunset",
            Impact::Breaking,
            Some(end.to_string()),
            format!("{thing} is gone before {end}, the day announced for it"),
        ),
        Farewell::Unreadable(why) => (
            "request-parameter-removed-sunset-unreadable",
            Impact::Breaking,
            Some(why.clone()),
            format!("{thing} is gone, and the day announced for it cannot be read: it {why}"),
        ),
    };
    out.reach(
        Found::new(rule, impact, name)
            .shared(shared(before))
            .at(Some(before.node), Some(new.key))
            .args(names(before).into_iter().chain(more))
            .say(message),
        name,
    );
}

fn stayed(
    context: &Context<'_>,
    before: &Parameter,
    after: &Parameter,
    name: &str,
    out: &mut Collector,
    uses: &mut Vec<Use>,
) {
    let mut add = |rule: &'static str, impact: Impact, sides: [String; 2], args: Vec<String>, message: String| {
        let found = Found::new(rule, impact, name).shared(shared(after)).at(Some(before.node), Some(after.node));
        out.reach(found.sides(&sides[0], &sides[1]).args(args).say(message), name);
    };
    let said = |required: bool| if required { "required" } else { "optional" }.to_string();
    let both = names(after).to_vec();
    if before.required != after.required {
        let (rule, impact) = match after.required {
            true => ("request-parameter-became-required", Impact::Breaking),
            false => ("request-parameter-became-optional", Impact::Compatible),
        };
        let sides = [said(before.required), said(after.required)];
        let message = format!("{} is {} and was {}", thing(after), sides[1], sides[0]);
        add(rule, impact, sides, both.clone(), message);
    }
    if before.style != after.style && (before.composite || after.composite) {
        let show = |(style, explode): &(String, bool)| match explode {
            true => format!("{style}, exploded"),
            false => style.clone(),
        };
        let sides = [show(&before.style), show(&after.style)];
        let message = format!("{} is written as {} and was as {}", thing(after), code(&sides[1]), code(&sides[0]));
        add("request-parameter-style-changed", Impact::Breaking, sides, both.clone(), message);
    }
    let flags = [
        ("request-parameter-reserved-characters", "reserved characters", before.allow_reserved, after.allow_reserved),
        ("request-parameter-empty-value", "an empty value", before.allow_empty, after.allow_empty),
    ];
    for (rule, what, was, is) in flags {
        if was != is {
            let impact = if was { Impact::Breaking } else { Impact::Compatible };
            let verb = if is { "may hold" } else { "may no longer hold" };
            let sides = [was.to_string(), is.to_string()];
            add(rule, impact, sides, both.clone(), format!("{} {verb} {what}", thing(after)));
        }
    }
    let stability = lifecycle::stability(context.forest, after.lifecycle).unwrap_or(lifecycle::Stability::Stable);
    let days = context.options.deprecation_days(stability);
    for aging in lifecycle::aged(context.forest, before.lifecycle, after.lifecycle, days, context.options) {
        let (ending, impact, args, message) = aged_words(&aging, &thing(after));
        let rule = match ending {
            "deprecated" => "request-parameter-deprecated",
            "deprecated-with-sunset" => "request-parameter-deprecated-with-sunset",
            "reactivated" => "request-parameter-reactivated",
            "sunset-missing" => "request-parameter-sunset-missing",
            "sunset-unreadable" => "request-parameter-sunset-unreadable",
            "sunset-spoilt" => "request-parameter-sunset-spoilt",
            "sunset-removed" => "request-parameter-sunset-removed",
            "sunset-too-soon" => "request-parameter-sunset-too-soon",
            _ => "request-parameter-sunset-earlier",
        };
        let args: Vec<String> = names(after).into_iter().chain(args).collect();
        let found = Found::new(rule, impact, name).shared(shared(after)).at(Some(before.node), Some(after.node));
        out.reach(found.args(args).say(message), name);
    }
    let spot = Spot::Parameter(after.place.name(), after.name.clone());
    let holders = [before.node, after.node];
    match (before.schema.is_some() || after.schema.is_some(), before.media.is_empty() && after.media.is_empty()) {
        (false, false) => {
            bodies::media_of_part(context, (&before.media, &after.media), holders, &spot, name, out, uses)
        }
        _ => uses.push(Use {
            spot,
            to_server: !context.inverted,
            base: before.schema.or_else(|| before.media.first()?.schema),
            revision: after.schema.or_else(|| after.media.first()?.schema),
            holders,
            media: String::new(),
            operation: name.to_string(),
        }),
    }
}
