//! Base against revision, element by element, in the order in which a reader goes through a schema.
//!
//! The order matters where one change implies another: what implies comes first.

use std::collections::{HashMap, HashSet};

use super::model::{At, DirectiveDefinition, Kind, Member, NO_REASON, Schema, Type, Usage};
use super::rules::Place;
use super::values::{safe_to_read, safe_to_send, same_default};
use crate::contracts::Impact;

/// One difference, before it is said to people.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) rule: &'static str,
    pub(super) impact: Impact,
    /// `Type.field.argument.@directive`, or empty for the schema itself.
    pub(super) path: String,
    pub(super) message: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) base: Option<At>,
    pub(super) revision: Option<At>,
}

/// Types and directives that every server has.
const BUILT_IN: [&str; 5] = ["Int", "Float", "String", "Boolean", "ID"];
const BUILT_IN_DIRECTIVES: [&str; 5] = ["skip", "include", "deprecated", "specifiedBy", "oneOf"];
const INTROSPECTION: [&str; 8] = [
    "__Schema",
    "__Type",
    "__TypeKind",
    "__Field",
    "__InputValue",
    "__EnumValue",
    "__Directive",
    "__DirectiveLocation",
];

pub(super) fn compare(base: &Schema, revision: &Schema) -> Vec<Change> {
    let mut comparison = Comparison { base, revision, changes: Vec::new() };
    comparison.directive_definitions();
    comparison.roots();
    comparison.types();
    let (old, new) = (&base.schema, &revision.schema);
    let at = (old.at, new.at);
    comparison.usages(Place::Schema, "", "the schema", &old.directives, &new.directives, at, false);
    comparison.changes
}

struct Comparison<'a> {
    base: &'a Schema,
    revision: &'a Schema,
    changes: Vec<Change>,
}

/// The values before and after, where there are short ones.
type Values = (Option<String>, Option<String>);
/// Where it stood and where it stands.
type Sides = (Option<At>, Option<At>);

impl<'a> Comparison<'a> {
    fn say(&mut self, rule: &'static str, impact: Impact, path: &str, message: String, values: Values, at: Sides) {
        let (before, after) = values;
        let (base, revision) = at;
        self.changes.push(Change { rule, impact, path: path.into(), message, before, after, base, revision });
    }

    fn directive_definitions(&mut self) {
        let own = |directive: &&'a DirectiveDefinition| !BUILT_IN_DIRECTIVES.contains(&directive.name.as_str());
        let (base, revision) = (self.base, self.revision);
        let old: Vec<_> = base.directives.iter().filter(own).collect();
        let new: Vec<_> = revision.directives.iter().filter(own).collect();
        let lists = Lists::new(old, new, |directive| &directive.name);
        for gone in lists.removed {
            let (path, message) = (format!("@{}", gone.name), format!("the directive `@{}` is gone", gone.name));
            self.say("DIRECTIVE_REMOVED", Impact::Breaking, &path, message, (None, None), (Some(gone.at), None));
        }
        for new in lists.added {
            let (path, message) = (format!("@{}", new.name), format!("the directive `@{}` is new", new.name));
            self.say("DIRECTIVE_ADDED", Impact::Compatible, &path, message, (None, None), (None, Some(new.at)));
            self.directive(None, new);
        }
        for (old, new) in lists.mutual {
            self.directive(Some(old), new);
        }
    }

    fn directive(&mut self, old: Option<&'a DirectiveDefinition>, new: &'a DirectiveDefinition) {
        let path = format!("@{}", new.name);
        let at = (old.map(|old| old.at), Some(new.at));
        let called = format!("the directive `@{}`", new.name);
        if differ(old.and_then(|old| old.description.as_ref()), new.description.as_ref()) {
            let message = format!("the description of {called} changed");
            let values = (old.and_then(|old| old.description.clone()), new.description.clone());
            self.say("DIRECTIVE_DESCRIPTION_CHANGED", Impact::Compatible, &path, message, values, at);
        }
        match (old.is_some_and(|old| old.repeatable), new.repeatable) {
            (true, false) => {
                let message = format!("{called} may no longer be repeated");
                self.say("DIRECTIVE_REPEATABLE_REMOVED", Impact::Dangerous, &path, message, (None, None), at);
            }
            (false, true) => {
                let message = format!("{called} may be repeated");
                self.say("DIRECTIVE_REPEATABLE_ADDED", Impact::Compatible, &path, message, (None, None), at);
            }
            _ => {}
        }
        let old_locations = old.map(|old| &old.locations[..]).unwrap_or_default();
        for location in new.locations.iter().filter(|location| !old_locations.contains(location)) {
            let message = format!("{called} may stand on {location}");
            let values = (None, Some(location.clone()));
            self.say("DIRECTIVE_LOCATION_ADDED", Impact::Compatible, &path, message, values, at);
        }
        for location in old_locations.iter().filter(|location| !new.locations.contains(location)) {
            let message = format!("{called} may no longer stand on {location}");
            let values = (Some(location.clone()), None);
            self.say("DIRECTIVE_LOCATION_REMOVED", Impact::Breaking, &path, message, values, at);
        }
        let arguments = old.map(|old| old.arguments.iter().collect()).unwrap_or_default();
        let lists = Lists::new(arguments, new.arguments.iter().collect(), |argument| &argument.name);
        for gone in lists.removed {
            let message = format!("{called} takes no argument `{}` any more", gone.name);
            let path = format!("{path}.{}", gone.name);
            let at = (Some(gone.at), Some(new.at));
            let values = (Some(gone.ty.to_string()), None);
            self.say("DIRECTIVE_ARGUMENT_REMOVED", Impact::Breaking, &path, message, values, at);
        }
        for added in lists.added {
            let message = format!("{called} takes an argument `{}: {}`", added.name, added.ty);
            let breaks = old.is_some() && added.ty.is_required();
            let impact = if breaks { Impact::Breaking } else { Impact::Compatible };
            let at = (old.map(|old| old.at), Some(added.at));
            self.say("DIRECTIVE_ARGUMENT_ADDED", impact, &path, message, (None, Some(added.ty.to_string())), at);
        }
        for (old, new) in lists.mutual {
            let path = format!("{path}.{}", new.name);
            let rules = [
                "DIRECTIVE_ARGUMENT_DESCRIPTION_CHANGED",
                "DIRECTIVE_ARGUMENT_DEFAULT_VALUE_CHANGED",
                "DIRECTIVE_ARGUMENT_TYPE_CHANGED",
            ];
            self.argument(rules, &path, &format!("the argument `{}` of {called}", new.name), old, new);
        }
    }

    /// What a field's argument and a directive's have in common.
    fn argument(&mut self, rules: [&'static str; 3], path: &str, called: &str, old: &'a Member, new: &'a Member) {
        let at = (Some(old.at), Some(new.at));
        if differ(old.description.as_ref(), new.description.as_ref()) {
            let values = (old.description.clone(), new.description.clone());
            self.say(rules[0], Impact::Compatible, path, format!("the description of {called} changed"), values, at);
        }
        self.default(rules[1], path, called, old, new);
        if old.ty != new.ty {
            let safe = safe_to_send(&old.ty, &new.ty);
            self.type_changed(rules[2], safe, path, called, old, new);
        }
    }

    fn default(&mut self, rule: &'static str, path: &str, called: &str, old: &'a Member, new: &'a Member) {
        let (before, after) = (old.default.as_ref(), new.default.as_ref());
        if same_default((before, &old.ty, self.base), (after, &new.ty, self.revision)) {
            return;
        }
        let message = match (before, after) {
            (None, Some(after)) => format!("{called} has the default {after}"),
            (Some(before), None) => format!("{called} lost its default {before}"),
            (Some(before), Some(after)) => format!("the default of {called} changed from {before} to {after}"),
            (None, None) => return,
        };
        let values = (before.map(ToString::to_string), after.map(ToString::to_string));
        self.say(rule, Impact::Dangerous, path, message, values, (Some(old.at), Some(new.at)));
    }

    fn type_changed(
        &mut self,
        rule: &'static str,
        safe: bool,
        path: &str,
        called: &str,
        old: &'a Member,
        new: &'a Member,
    ) {
        let impact = if safe { Impact::Compatible } else { Impact::Breaking };
        let message = format!("{called} changed its type from `{}` to `{}`", old.ty, new.ty);
        let values = (Some(old.ty.to_string()), Some(new.ty.to_string()));
        self.say(rule, impact, path, message, values, (Some(old.at), Some(new.at)));
    }

    fn roots(&mut self) {
        let rules = ["SCHEMA_QUERY_TYPE_CHANGED", "SCHEMA_MUTATION_TYPE_CHANGED", "SCHEMA_SUBSCRIPTION_TYPE_CHANGED"];
        for (operation, (rule, name)) in rules.into_iter().zip(["query", "mutation", "subscription"]).enumerate() {
            let (old, new) = (self.base.root(operation), self.revision.root(operation));
            if old == new {
                continue;
            }
            let message = match (old, new) {
                (None, _) => format!("the schema has a {name} root, `{}`", new.unwrap_or_default()),
                (Some(old), None) => format!("the schema has no {name} root any more, it was `{old}`"),
                (Some(old), Some(new)) => format!("the {name} root changed from `{old}` to `{new}`"),
            };
            let impact = if old.is_none() { Impact::Compatible } else { Impact::Breaking };
            let at = |schema: &Schema, root: Option<&str>| {
                let written = schema.schema.roots[operation].as_ref().map(|(_, at)| *at);
                written.or_else(|| schema.type_named(root?).map(|one| one.at)).or(schema.schema.at)
            };
            let at = (at(self.base, old), at(self.revision, new));
            self.say(rule, impact, "", message, (old.map(Into::into), new.map(Into::into)), at);
        }
    }

    fn types(&mut self) {
        let own = |one: &&'a Type| {
            let name = one.name.as_str();
            !BUILT_IN.contains(&name) && !INTROSPECTION.contains(&name)
        };
        let (base, revision) = (self.base, self.revision);
        let old: Vec<_> = base.types.iter().filter(own).collect();
        let new: Vec<_> = revision.types.iter().filter(own).collect();
        let lists = Lists::new(old, new, |one| &one.name);
        for gone in lists.removed {
            let message = format!("the {} `{}` is gone", gone.kind.name(), gone.name);
            let values = (Some(gone.kind.name().into()), None);
            self.say("TYPE_REMOVED", Impact::Breaking, &gone.name, message, values, (Some(gone.at), None));
        }
        for new in lists.added {
            let message = format!("the {} `{}` is new", new.kind.name(), new.name);
            let values = (None, Some(new.kind.name().into()));
            self.say("TYPE_ADDED", Impact::Compatible, &new.name, message, values, (None, Some(new.at)));
            self.one_type(None, new);
        }
        for (old, new) in lists.mutual {
            self.one_type(Some(old), new);
        }
    }

    fn one_type(&mut self, old: Option<&'a Type>, new: &'a Type) {
        let at = (old.map(|old| old.at), Some(new.at));
        let path = new.name.as_str();
        if let Some(old) = old.filter(|old| old.kind != new.kind) {
            let (before, after) = (old.kind.name(), new.kind.name());
            let message = format!("`{path}` was a {before} and is a {after}");
            let values = (Some(before.into()), Some(after.into()));
            self.say("TYPE_KIND_CHANGED", Impact::Breaking, path, message, values, at);
        } else {
            let place = match new.kind {
                Kind::Scalar => Place::Scalar,
                Kind::Object => Place::Object,
                Kind::Interface => Place::Interface,
                Kind::Union => Place::Union,
                Kind::Enum => Place::Enum,
                Kind::Input => Place::InputObject,
            };
            self.named(old, new);
            self.members(old, new);
            let usages = old.map(|old| &old.directives[..]).unwrap_or_default();
            self.usages(place, path, &format!("`{path}`"), usages, &new.directives, at, old.is_none());
        }
        let before = old.and_then(|old| old.description.as_ref());
        if differ(before, new.description.as_ref()) {
            let (rule, what) = match (before, &new.description) {
                (None, _) => ("TYPE_DESCRIPTION_ADDED", "got a description"),
                (Some(_), None) => ("TYPE_DESCRIPTION_REMOVED", "lost its description"),
                _ => ("TYPE_DESCRIPTION_CHANGED", "has another description"),
            };
            let values = (before.cloned(), new.description.clone());
            self.say(rule, Impact::Compatible, path, format!("`{path}` {what}"), values, at);
        }
    }

    /// Interfaces of a type, members of a union.
    fn named(&mut self, old: Option<&'a Type>, new: &'a Type) {
        let path = new.name.as_str();
        let names = old.map(|old| old.named.iter().collect()).unwrap_or_default();
        let lists = Lists::new(names, new.named.iter().collect(), |(name, _)| name);
        let union = new.kind == Kind::Union;
        for (name, at) in lists.removed {
            let (rule, message) = match union {
                true => ("UNION_MEMBER_REMOVED", format!("`{name}` is no longer part of the union `{path}`")),
                false => ("OBJECT_TYPE_INTERFACE_REMOVED", format!("`{path}` no longer implements `{name}`")),
            };
            self.say(rule, Impact::Breaking, path, message, (Some(name.clone()), None), (Some(*at), Some(new.at)));
        }
        for (name, at) in lists.added {
            let (rule, message) = match union {
                true => ("UNION_MEMBER_ADDED", format!("`{name}` is part of the union `{path}`")),
                false => ("OBJECT_TYPE_INTERFACE_ADDED", format!("`{path}` implements `{name}`")),
            };
            let impact = if old.is_some() { Impact::Dangerous } else { Impact::Compatible };
            self.say(rule, impact, path, message, (None, Some(name.clone())), (old.map(|old| old.at), Some(*at)));
        }
    }

    fn members(&mut self, old: Option<&'a Type>, new: &'a Type) {
        let members = old.map(|old| old.members.iter().collect()).unwrap_or_default();
        let lists = Lists::new(members, new.members.iter().collect(), |member| &member.name);
        for gone in lists.removed {
            let path = format!("{}.{}", new.name, gone.name);
            let deprecated = if gone.is_deprecated() { ", which was deprecated," } else { "" };
            let (rule, what) = match new.kind {
                Kind::Enum => ("ENUM_VALUE_REMOVED", "value"),
                Kind::Input => ("INPUT_FIELD_REMOVED", "input field"),
                _ => ("FIELD_REMOVED", "field"),
            };
            let message = format!("the {what} `{path}`{deprecated} is gone");
            let values = (Some(gone.ty.to_string()).filter(|ty| !ty.is_empty()), None);
            self.say(rule, Impact::Breaking, &path, message, values, (Some(gone.at), Some(new.at)));
        }
        for member in lists.added {
            self.member_added(old, new, member);
            self.member(new, None, member);
        }
        for (old, member) in lists.mutual {
            self.member(new, Some(old), member);
        }
    }

    fn member_added(&mut self, old: Option<&'a Type>, new: &'a Type, member: &'a Member) {
        let path = format!("{}.{}", new.name, member.name);
        let at = (old.map(|old| old.at), Some(member.at));
        let ty = member.ty.to_string();
        match new.kind {
            Kind::Enum => {
                let impact = if old.is_some() { Impact::Dangerous } else { Impact::Compatible };
                let message = format!("the value `{path}` is new");
                self.say("ENUM_VALUE_ADDED", impact, &path, message, (None, None), at);
            }
            Kind::Input => {
                let impact = match (old, member.ty.is_required(), &member.default) {
                    (None, ..) | (_, false, None) => Impact::Compatible,
                    (_, true, None) => Impact::Breaking,
                    (_, _, Some(_)) => Impact::Dangerous,
                };
                let required = if impact == Impact::Breaking { " and required" } else { "" };
                let message = format!("the input field `{path}: {ty}` is new{required}");
                self.say("INPUT_FIELD_ADDED", impact, &path, message, (None, Some(ty)), at);
            }
            _ => {
                let message = format!("the field `{path}: {ty}` is new");
                self.say("FIELD_ADDED", Impact::Compatible, &path, message, (None, Some(ty)), at);
            }
        }
    }

    fn member(&mut self, owner: &'a Type, old: Option<&'a Member>, new: &'a Member) {
        let path = format!("{}.{}", owner.name, new.name);
        match owner.kind {
            Kind::Enum => self.enum_value(&path, old, new),
            Kind::Input => self.input_field(&path, old, new),
            _ => self.field(&path, old, new),
        }
    }

    fn enum_value(&mut self, path: &str, old: Option<&'a Member>, new: &'a Member) {
        let at = (old.map(|old| old.at), Some(new.at));
        let before = old.and_then(|old| old.description.as_ref());
        let called = format!("the value `{path}`");
        if differ(before, new.description.as_ref()) {
            let values = (before.cloned(), new.description.clone());
            let message = format!("the description of {called} changed");
            self.say("ENUM_VALUE_DESCRIPTION_CHANGED", Impact::Compatible, path, message, values, at);
        }
        let (before, after) = (old.and_then(Member::deprecation), new.deprecation());
        if differ_text(before, after) {
            let below = format!("{path}.@deprecated");
            let (rule, path, message) = match (before, after) {
                (None | Some(NO_REASON), _) => {
                    ("ENUM_VALUE_DEPRECATION_REASON_ADDED", &*below, format!("{called} is deprecated"))
                }
                (_, None | Some(NO_REASON)) => (
                    "ENUM_VALUE_DEPRECATION_REASON_REMOVED",
                    path,
                    format!("{called} is deprecated for no given reason"),
                ),
                _ => (
                    "ENUM_VALUE_DEPRECATION_REASON_CHANGED",
                    &*below,
                    format!("{called} is deprecated for another reason"),
                ),
            };
            let message = if after.is_none() { format!("{called} is no longer deprecated") } else { message };
            self.say(rule, Impact::Compatible, path, message, (before.map(Into::into), after.map(Into::into)), at);
        }
        let usages = old.map(|old| &old.directives[..]).unwrap_or_default();
        self.usages(Place::EnumValue, path, &called, usages, &new.directives, at, old.is_none());
    }

    fn input_field(&mut self, path: &str, old: Option<&'a Member>, new: &'a Member) {
        let at = (old.map(|old| old.at), Some(new.at));
        let called = format!("the input field `{path}`");
        let rules =
            ["INPUT_FIELD_DESCRIPTION_ADDED", "INPUT_FIELD_DESCRIPTION_REMOVED", "INPUT_FIELD_DESCRIPTION_CHANGED"];
        self.description(rules, path, &called, old, new);
        if let Some(old) = old {
            self.default("INPUT_FIELD_DEFAULT_VALUE_CHANGED", path, &called, old, new);
            if old.ty != new.ty {
                let safe = safe_to_send(&old.ty, &new.ty);
                self.type_changed("INPUT_FIELD_TYPE_CHANGED", safe, path, &called, old, new);
            }
        }
        let usages = old.map(|old| &old.directives[..]).unwrap_or_default();
        self.usages(Place::InputField, path, &called, usages, &new.directives, at, old.is_none());
    }

    fn field(&mut self, path: &str, old: Option<&'a Member>, new: &'a Member) {
        let at = (old.map(|old| old.at), Some(new.at));
        let called = format!("the field `{path}`");
        let rules = ["FIELD_DESCRIPTION_ADDED", "FIELD_DESCRIPTION_REMOVED", "FIELD_DESCRIPTION_CHANGED"];
        self.description(rules, path, &called, old, new);
        self.deprecation(path, &called, old, new);
        if let Some(old) = old.filter(|old| old.ty != new.ty) {
            let safe = safe_to_read(&old.ty, &new.ty);
            self.type_changed("FIELD_TYPE_CHANGED", safe, path, &called, old, new);
        }
        let arguments = old.map(|old| old.arguments.iter().collect()).unwrap_or_default();
        let lists = Lists::new(arguments, new.arguments.iter().collect(), |argument| &argument.name);
        for gone in lists.removed {
            let message = format!("{called} takes no argument `{}` any more", gone.name);
            let path = format!("{path}.{}", gone.name);
            let values = (Some(gone.ty.to_string()), None);
            self.say("FIELD_ARGUMENT_REMOVED", Impact::Breaking, &path, message, values, (Some(gone.at), Some(new.at)));
        }
        for added in lists.added {
            let required = added.ty.is_required() && added.default.is_none();
            let impact = match (old, required) {
                (None, _) => Impact::Compatible,
                (Some(_), true) => Impact::Breaking,
                (Some(_), false) => Impact::Dangerous,
            };
            let what = if required { "requires" } else { "takes" };
            let message = format!("{called} {what} an argument `{}: {}`", added.name, added.ty);
            let path = format!("{path}.{}", added.name);
            let at = (old.map(|old| old.at), Some(added.at));
            self.say("FIELD_ARGUMENT_ADDED", impact, &path, message, (None, Some(added.ty.to_string())), at);
        }
        for (old, new) in lists.mutual {
            let rules =
                ["FIELD_ARGUMENT_DESCRIPTION_CHANGED", "FIELD_ARGUMENT_DEFAULT_CHANGED", "FIELD_ARGUMENT_TYPE_CHANGED"];
            let (path, called) = (format!("{path}.{}", new.name), format!("the argument `{}` of {called}", new.name));
            self.argument(rules, &path, &called, old, new);
            let at = (Some(old.at), Some(new.at));
            self.usages(Place::Argument, &path, &called, &old.directives, &new.directives, at, false);
        }
        let usages = old.map(|old| &old.directives[..]).unwrap_or_default();
        self.usages(Place::FieldDefinition, path, &called, usages, &new.directives, at, old.is_none());
    }

    /// Rules for words that came, went, and changed.
    fn description(
        &mut self,
        rules: [&'static str; 3],
        path: &str,
        called: &str,
        old: Option<&'a Member>,
        new: &'a Member,
    ) {
        let before = old.and_then(|old| old.description.as_ref());
        if !differ(before, new.description.as_ref()) {
            return;
        }
        let (rule, what) = match (before, &new.description) {
            (None, _) => (rules[0], "got a description"),
            (Some(_), None) => (rules[1], "lost its description"),
            _ => (rules[2], "has another description"),
        };
        let at = (old.map(|old| old.at), Some(new.at));
        let values = (before.cloned(), new.description.clone());
        self.say(rule, Impact::Compatible, path, format!("{called} {what}"), values, at);
    }

    fn deprecation(&mut self, path: &str, called: &str, old: Option<&'a Member>, new: &'a Member) {
        let at = (old.map(|old| old.at), Some(new.at));
        let below = format!("{path}.@deprecated");
        let (before, after) = (old.and_then(Member::deprecation), new.deprecation());
        let (rule, path, message) = match (old.is_some_and(Member::is_deprecated), new.is_deprecated()) {
            (false, false) => return,
            (false, true) => ("FIELD_DEPRECATION_ADDED", &*below, format!("{called} is deprecated")),
            (true, false) => ("FIELD_DEPRECATION_REMOVED", &*below, format!("{called} is no longer deprecated")),
            (true, true) if !differ_text(before, after) => return,
            (true, true) => match (before, after) {
                (None | Some(NO_REASON), _) => {
                    ("FIELD_DEPRECATION_REASON_ADDED", &*below, format!("{called} is deprecated for a reason"))
                }
                (_, None | Some(NO_REASON)) => {
                    ("FIELD_DEPRECATION_REASON_REMOVED", path, format!("{called} is deprecated for no given reason"))
                }
                _ => {
                    ("FIELD_DEPRECATION_REASON_CHANGED", &*below, format!("{called} is deprecated for another reason"))
                }
            },
        };
        self.say(rule, Impact::Compatible, path, message, (before.map(Into::into), after.map(Into::into)), at);
    }

    /// Directives where they are used. The same directive may stand several times; the order tells which is which.
    #[expect(clippy::too_many_arguments, reason = "two sides of one list, where it stands and how to speak of it")]
    fn usages(
        &mut self,
        place: Place,
        path: &str,
        called: &str,
        old: &'a [Usage],
        new: &'a [Usage],
        (base, revision): Sides,
        fresh: bool,
    ) {
        if old.is_empty() && new.is_empty() {
            return;
        }
        let mut waiting: HashMap<&str, Vec<&'a Usage>> = HashMap::new();
        for usage in new.iter().rev() {
            waiting.entry(&usage.name).or_default().push(usage);
        }
        let (mut removed, mut mutual) = (Vec::new(), Vec::new());
        for usage in old {
            match waiting.get_mut(usage.name.as_str()).and_then(Vec::pop) {
                Some(other) => mutual.push((usage, other)),
                None => removed.push(usage),
            }
        }
        let rules = place.rules();
        for usage in removed {
            let impact = match usage.name.as_str() {
                "deprecated" | "oneOf" => Impact::Compatible,
                _ => Impact::Dangerous,
            };
            let path = format!("{path}.@{}", usage.name);
            let message = format!("`@{}` no longer stands on {called}", usage.name);
            let values = (Some(shown(usage)), None);
            self.say(rules[1], impact, &path, message, values, (Some(usage.at), revision));
        }
        let left: HashSet<*const Usage> = waiting.values().flatten().map(|usage| *usage as *const Usage).collect();
        for usage in new.iter().filter(|usage| left.contains(&std::ptr::from_ref(*usage))) {
            let impact = match usage.name.as_str() {
                _ if fresh => Impact::Compatible,
                "deprecated" => Impact::Compatible,
                "oneOf" => Impact::Breaking,
                _ => Impact::Dangerous,
            };
            let path = format!("{path}.@{}", usage.name);
            let message = format!("`@{}` stands on {called}", usage.name);
            self.say(rules[0], impact, &path, message, (None, Some(shown(usage))), (base, Some(usage.at)));
            self.usage_arguments(&path, called, None, usage);
        }
        for (old, new) in mutual {
            self.usage_arguments(&format!("{path}.@{}", new.name), called, Some(old), new);
        }
    }

    /// An argument of another value went and came.
    fn usage_arguments(&mut self, path: &str, called: &str, old: Option<&'a Usage>, new: &'a Usage) {
        let at = (old.map(|old| old.at), Some(new.at));
        let arguments = old.map(|old| old.arguments.iter().collect()).unwrap_or_default();
        let lists = Lists::new(arguments, new.arguments.iter().collect(), |(name, _)| name);
        let on = format!("`@{}` on {called}", new.name);
        let (gone, came) = ("DIRECTIVE_USAGE_ARGUMENT_REMOVED", "DIRECTIVE_USAGE_ARGUMENT_ADDED");
        for (name, value) in lists.removed {
            let message = format!("{on} lost its argument `{name}`");
            let values = (Some(value.to_string()), None);
            self.say(gone, Impact::Dangerous, &format!("{path}.{name}"), message, values, at);
        }
        for (name, value) in lists.added {
            let message = format!("{on} has the argument `{name}: {value}`");
            let values = (None, Some(value.to_string()));
            self.say(came, Impact::Compatible, &format!("{path}.{name}"), message, values, at);
        }
        for ((name, old), (_, new)) in lists.mutual.into_iter().filter(|((_, old), (_, new))| old != new) {
            let message = format!("{on} changed its argument `{name}` from {old} to {new}");
            let values = (Some(old.to_string()), Some(new.to_string()));
            let path = format!("{path}.{name}");
            self.say(gone, Impact::Dangerous, &path, message.clone(), values.clone(), at);
            self.say(came, Impact::Compatible, &path, message, values, at);
        }
    }
}

fn shown(usage: &Usage) -> String {
    let arguments: Vec<String> = usage.arguments.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    match arguments.is_empty() {
        true => format!("@{}", usage.name),
        false => format!("@{}({})", usage.name, arguments.join(", ")),
    }
}

/// No words and empty words say the same.
fn differ(one: Option<&String>, other: Option<&String>) -> bool {
    differ_text(one.map(String::as_str), other.map(String::as_str))
}

fn differ_text(one: Option<&str>, other: Option<&str>) -> bool {
    one.unwrap_or_default() != other.unwrap_or_default()
}

/// What of two lists is in one, in the other, and in both, by name.
struct Lists<'a, T> {
    removed: Vec<&'a T>,
    added: Vec<&'a T>,
    mutual: Vec<(&'a T, &'a T)>,
}

impl<'a, T> Lists<'a, T> {
    fn new(old: Vec<&'a T>, new: Vec<&'a T>, name: impl Fn(&'a T) -> &'a String) -> Self {
        let mut lists = Self { removed: Vec::new(), added: Vec::new(), mutual: Vec::new() };
        if old.is_empty() {
            lists.added = new;
            return lists;
        }
        // Most lists are as they were.
        if old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| name(old) == name(new)) {
            lists.mutual = old.into_iter().zip(new).collect();
            return lists;
        }
        let by_name: HashMap<&str, &'a T> = new.iter().map(|item| (name(item).as_str(), *item)).collect();
        let known: HashSet<&str> = old.iter().map(|item| name(item).as_str()).collect();
        for item in old {
            match by_name.get(name(item).as_str()) {
                Some(other) => lists.mutual.push((item, other)),
                None => lists.removed.push(item),
            }
        }
        lists.added = new.into_iter().filter(|item| !known.contains(name(item).as_str())).collect();
        lists
    }
}
