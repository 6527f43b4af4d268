//! Base against revision: every rule that a change breaks, each with what caused it.
//!
//! Files are paired by path, messages, enums and services by full name, fields and values by number, extensions by
//! what they extend and their number. A thing of a name that two files declare is paired within its file first.

mod files;
mod reserved;
mod services;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::features::Feature;
use super::lexer::Span;
use super::link::{Fields, Linked, LinkedEnum, LinkedField, LinkedMessage, joined};
use super::model::{Label, Opt, Range, Written, option};
use super::rules::rank;

/// A place on one side: the file, and where in it if there is a where.
pub(super) type Spot = Option<(usize, Option<Span>)>;

/// One rule that one element breaks.
#[derive(Debug)]
pub(super) struct Break {
    pub(super) rule: usize,
    /// What may have caused it, the widest first. The last is what it would be called if nothing wider happened.
    pub(super) causes: Vec<String>,
    pub(super) subject: String,
    pub(super) message: String,
    pub(super) args: Vec<String>,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) base: Spot,
    pub(super) revision: Spot,
    /// A file that is gone, or whose package is.
    pub(super) gone: Option<String>,
}

pub(super) fn compare(base: &Linked, revision: &Linked) -> Vec<Break> {
    let mut comparison = Comparison {
        base,
        revision,
        revision_files: (0..revision.loaded.compared).map(|at| (revision.file(at).path.as_str(), at)).collect(),
        base_messages: base.messages.iter().map(|one| ((one.file, one.nested.as_str()), one)).collect(),
        homes: homes(revision),
        repackaged: HashMap::new(),
        breaks: Vec::new(),
    };
    comparison.files();
    comparison.deleted();
    comparison.messages();
    comparison.enums();
    comparison.services();
    comparison.extensions();
    comparison.breaks
}

pub(super) struct Comparison<'a> {
    pub(super) base: &'a Linked<'a>,
    pub(super) revision: &'a Linked<'a>,
    revision_files: HashMap<&'a str, usize>,
    /// Where the revision declares a full name.
    homes: HashMap<&'a str, usize>,
    /// By file and name without the package.
    base_messages: HashMap<(usize, &'a str), &'a LinkedMessage<'a>>,
    /// The new package of every package of which a file took another.
    repackaged: HashMap<&'a str, &'a str>,
    breaks: Vec<Break>,
}

/// What a sentence names, beside the element itself.
pub(super) struct Said<'s> {
    pub(super) message: String,
    pub(super) args: &'s [&'s str],
    pub(super) before: Option<&'s str>,
    pub(super) after: Option<&'s str>,
}

impl<'a> Comparison<'a> {
    pub(super) fn say(
        &mut self,
        rule: &str,
        causes: Vec<String>,
        subject: &str,
        said: Said,
        base: Spot,
        revision: Spot,
    ) {
        self.breaks.push(Break {
            rule: rank(rule),
            causes,
            subject: subject.into(),
            message: said.message,
            args: said.args.iter().map(|arg| arg.to_string()).collect(),
            before: said.before.map(Into::into),
            after: said.after.map(Into::into),
            base,
            revision,
            gone: None,
        });
    }

    /// The full name of the map field that the message `nested` stands for.
    pub(super) fn map_field(&self, at: usize, nested: &str) -> Option<String> {
        let (outer, entry) = nested.rsplit_once('.')?;
        let message = self.base_messages.get(&(at, outer))?;
        let is_it = |written: &Written| matches!(written, Written::Map(name) if name == entry);
        let field = message.message.fields.iter().find(|field| is_it(&field.written))?;
        Some(joined(&message.full, &field.name))
    }

    fn messages(&mut self) {
        let (base, revision) = (self.base, self.revision);
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, message) in revision.messages.iter().enumerate() {
            by_name.entry(&message.full).or_default().push(at);
        }
        for (at, before) in base.messages.iter().enumerate() {
            let path = &base.file(before.file).path;
            let same_path = |other: &usize| &revision.file(revision.messages[*other].file).path == path;
            let others = by_name.get(&*before.full).map(|others| &others[..]).unwrap_or_default();
            if let Some(&other) = others.iter().find(|other| same_path(other)).or(others.first()) {
                self.message_pair(at, other);
            }
        }
    }

    fn message_pair(&mut self, at: usize, other: usize) {
        let (before, after) = (&self.base.messages[at], &self.revision.messages[other]);
        let full = &*before.full;
        let (base, revision) = (spot(before.file, before.message.span), spot(after.file, after.message.span));
        let name = after.message.name.as_str();

        // The message behind a map shares the fate of the message around it.
        let map = before.message.map_entry.then(|| self.map_field(before.file, &before.nested)).flatten();
        let outer = full.rsplit_once('.').map_or(full, |(outer, _)| outer);
        let cause = format!("json {}", if map.is_some() { outer } else { full });
        let rule = "MESSAGE_SAME_JSON_FORMAT";
        let (options, other_options) = (&before.message.options, &after.message.options);
        let subject = map.as_deref().unwrap_or(full);
        let sides = ((before.features, &options[..], base), (after.features, &other_options[..], revision));
        self.json_format(rule, (subject, cause), name, sides.0, sides.1);

        let accessor = "no_standard_descriptor_accessor";
        if !is_true(options, accessor)
            && let Some(set) = option(other_options, accessor).filter(|option| option.value == b"true")
        {
            let said = Said {
                message: format!("`{full}` gives up its standard `descriptor` accessor"),
                args: &["no_standard_descriptor_accessor", "false", "true"],
                before: Some("false"),
                after: Some("true"),
            };
            let causes = vec![format!("accessor {full}")];
            let rule = "MESSAGE_NO_REMOVE_STANDARD_DESCRIPTOR_ACCESSOR";
            self.say(rule, causes, full, said, base, spot(after.file, set.span));
        }

        let (old, new) = (&before.message.extension_ranges, &after.message.extension_ranges);
        self.ranges("EXTENSION_MESSAGE_NO_DELETE", "extension", full, name, old, new, (base, revision));
        let (old, new) = (&before.message.reserved_ranges, &after.message.reserved_ranges);
        self.ranges("RESERVED_MESSAGE_NO_DELETE", "reserved", full, name, old, new, (base, revision));
        let (old, new) = (&before.message.reserved_names, &after.message.reserved_names);
        self.reserved_names("RESERVED_MESSAGE_NO_DELETE", full, name, old, new, (base, revision));

        let kept: HashSet<&str> = after.message.oneofs.iter().map(|oneof| oneof.name.as_str()).collect();
        for oneof in before.message.oneofs.iter().filter(|oneof| !kept.contains(oneof.name.as_str())) {
            let subject = joined(full, &oneof.name);
            let said = Said {
                message: format!("the oneof `{subject}` is gone"),
                args: &[&oneof.name, name],
                before: Some(&oneof.name),
                after: None,
            };
            self.say("ONEOF_NO_DELETE", vec![format!("gone {subject}")], &subject, said, base, revision);
        }

        let (old, new) = (self.base.fields(at), self.revision.fields(other));
        for field in old.iter() {
            match new.get(field.field.number) {
                Some(other) => self.field_pair(field, other),
                None => self.field_gone(field, before, after),
            }
        }
        self.required(&old, &new, before, after);
    }

    fn field_gone(&mut self, field: &LinkedField, before: &LinkedMessage, after: &LinkedMessage) {
        let number = field.field.number;
        let (name, full) = (&field.field.name, field.full());
        let within = |range: &Range| (range.first..=range.last).contains(&number);
        let number_reserved = after.message.reserved_ranges.iter().any(within);
        let name_reserved = after.message.reserved_names.contains(name);
        let base = spot(field.file, field.field.span);
        let revision = spot(after.file, after.message.span);
        let moved = after.message.fields.iter().find(|other| other.name == *name);
        let message = match moved {
            Some(other) => format!("the field `{full}` changed its number from {number} to {}", other.number),
            None => format!("the field `{full}` = {number} is gone"),
        };
        let shown = number.to_string();
        let common: [&str; 3] = [&shown, name, &before.message.name];
        let also = |more: Option<&'static str>| match (moved, more) {
            (None, Some(more)) => format!("{message}, and {more}"),
            _ => message.clone(),
        };
        let causes = vec![format!("gone {full}")];
        let after_number = moved.map(|other| other.number.to_string());
        let mut say = |rule: &str, more: Option<&'static str>, args: &[&str]| {
            let said = Said { message: also(more), args, before: Some(&shown), after: after_number.as_deref() };
            self.say(rule, causes.clone(), &full, said, base, revision);
        };
        say("FIELD_NO_DELETE", None, &common);
        if !number_reserved {
            let args = [common[0], common[1], common[2], &shown];
            say("FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED", Some("its number may be given away again"), &args);
        }
        if !name_reserved {
            let args = [common[0], common[1], common[2], name];
            say("FIELD_NO_DELETE_UNLESS_NAME_RESERVED", Some("its name may be given away again"), &args);
        }
    }

    fn required(&mut self, old: &Fields, new: &Fields, before: &LinkedMessage, after: &LinkedMessage) {
        let is_required = |field: &&LinkedField| field.field.label == Label::Required;
        let rule = "MESSAGE_SAME_REQUIRED_FIELDS";
        for field in old.iter() {
            let number = field.field.number;
            if !is_required(&field) || new.get(number).filter(is_required).is_some() {
                continue;
            }
            let full = field.full();
            let said = Said {
                message: format!("`{full}` is no longer required: readers of the base refuse messages without it"),
                args: &[&before.message.name, &number.to_string()],
                before: Some("required"),
                after: None,
            };
            let causes = vec![format!("gone {full}"), format!("cardinality {full}")];
            let (base, revision) = (spot(field.file, field.field.span), spot(after.file, after.message.span));
            self.say(rule, causes, &full, said, base, revision);
        }
        for field in new.iter() {
            let number = field.field.number;
            if !is_required(&field) || old.get(number).filter(is_required).is_some() {
                continue;
            }
            let full = field.full();
            let said = Said {
                message: format!("`{full}` is required: messages from before do not have it and are refused"),
                args: &[&after.message.name, &number.to_string()],
                before: None,
                after: Some("required"),
            };
            let name = old.get(number).map_or_else(|| full.clone(), LinkedField::full);
            let causes = vec![format!("cardinality {name}")];
            self.say(rule, causes, &full, said, None, spot(field.file, field.field.span));
        }
    }

    /// Why a feature of a declaration is not what it was: its file, the move to another one, or the declaration itself.
    pub(super) fn feature_causes(
        &self,
        feature: Feature,
        from_file: bool,
        (at, other): (usize, usize),
        full: &str,
        own: String,
    ) -> Vec<String> {
        let (before, after) = (self.base.file(at), self.revision.file(other));
        match (from_file, before.path == after.path) {
            (true, true) => vec![format!("syntax {}", after.path), format!("{} {}", feature.option(), after.path)],
            (true, false) => {
                let outers = full.match_indices('.').map(|(dot, _)| format!("gone {}", &full[..dot]));
                outers.chain([format!("gone {full}"), own]).collect()
            }
            _ => vec![own],
        }
    }

    fn json_format(
        &mut self,
        rule: &str,
        (full, cause): (&str, String),
        name: &str,
        before: (super::features::Features, &[Opt], Spot),
        after: (super::features::Features, &[Opt], Spot),
    ) {
        let feature = Feature::JsonFormat;
        let (old, new) = (before.0.get(feature), after.0.get(feature));
        if old != "ALLOW" || new == "ALLOW" {
            return;
        }
        let said = Said {
            message: format!("`{full}` is no longer sure to have a JSON form ({old} before, {new} after)"),
            args: &[name, old, new],
            before: Some(old),
            after: Some(new),
        };
        let from_file = before.0.stands_at_file(feature) && after.0.stands_at_file(feature);
        let place = |(_, options, spot): (_, &[Opt], Spot)| at_option(spot, option(options, feature.option()));
        let (base, revision) = (place((before.0, before.1, before.2)), place((after.0, after.1, after.2)));
        if let (Some((at, _)), Some((other, _))) = (base, revision) {
            let causes = self.feature_causes(feature, from_file, (at, other), full, cause);
            self.say(rule, causes, full, said, base, revision);
        }
    }

    fn enums(&mut self) {
        let (base, revision) = (self.base, self.revision);
        let mut by_name: HashMap<&str, Vec<&LinkedEnum>> = HashMap::new();
        for one in &revision.enums {
            by_name.entry(&one.full).or_default().push(one);
        }
        for before in &base.enums {
            let path = &base.file(before.file).path;
            let others = by_name.get(before.full.as_str()).map(|others| &others[..]).unwrap_or_default();
            let same_path = others.iter().find(|other| &revision.file(other.file).path == path);
            if let Some(after) = same_path.or(others.first()) {
                self.enum_pair(before, after);
            }
        }
    }

    fn enum_pair(&mut self, before: &LinkedEnum, after: &LinkedEnum) {
        let full = before.full.as_str();
        let name = after.all.name.as_str();
        let (base, revision) = (spot(before.file, before.all.span), spot(after.file, after.all.span));

        let feature = Feature::EnumType;
        let (old, new) = (before.features.get(feature), after.features.get(feature));
        if old != new {
            let (old, new) = (old.to_ascii_lowercase(), new.to_ascii_lowercase());
            let said = Said {
                message: format!("the enum `{full}` was {old} and is {new}"),
                args: &[name, &old, &new],
                before: Some(&old),
                after: Some(&new),
            };
            let from_file = before.features.stands_at_file(feature) && after.features.stands_at_file(feature);
            let own = format!("enum type {full}");
            let causes = self.feature_causes(feature, from_file, (before.file, after.file), full, own);
            let base = at_option(base, option(&before.all.options, feature.option()));
            let revision = at_option(revision, option(&after.all.options, feature.option()));
            self.say("ENUM_SAME_TYPE", causes, full, said, base, revision);
        }
        let options = (&before.all.options[..], &after.all.options[..]);
        let sides = ((before.features, options.0, base), (after.features, options.1, revision));
        self.json_format("ENUM_SAME_JSON_FORMAT", (full, format!("json {full}")), name, sides.0, sides.1);

        let (ranges, other_ranges) = (&before.all.reserved_ranges, &after.all.reserved_ranges);
        self.ranges("RESERVED_ENUM_NO_DELETE", "reserved", full, name, ranges, other_ranges, (base, revision));
        let (names, other_names) = (&before.all.reserved_names, &after.all.reserved_names);
        self.reserved_names("RESERVED_ENUM_NO_DELETE", full, name, names, other_names, (base, revision));

        let (old, new) = (values(before), values(after));
        for (number, names) in &old {
            let shown = number.to_string();
            let old_names: Vec<&str> = names.keys().copied().collect();
            let subject = joined(full, old_names[0]);
            let Some(others) = new.get(number) else {
                let within = |range: &Range| (range.first..=range.last).contains(number);
                let number_reserved = after.all.reserved_ranges.iter().any(within);
                let reserved: HashSet<&str> = after.all.reserved_names.iter().map(String::as_str).collect();
                let names_reserved = old_names.iter().all(|name| reserved.contains(name));
                let message = format!("the value `{subject}` = {number} is gone");
                let causes = vec![format!("gone value {full} {number}")];
                let base = spot(before.file, names[old_names[0]]);
                let mut say = |rule: &str, message: String, args: &[&str]| {
                    let said = Said { message, args, before: Some(&shown), after: None };
                    self.say(rule, causes.clone(), &subject, said, base, revision);
                };
                say("ENUM_VALUE_NO_DELETE", message.clone(), &[&shown, name]);
                if !number_reserved {
                    let more = format!("{message}, and its number may be given away again");
                    say("ENUM_VALUE_NO_DELETE_UNLESS_NUMBER_RESERVED", more, &[&shown, name, &shown]);
                }
                if !names_reserved {
                    let more = format!("{message}, and its name may be given away again");
                    let args: Vec<&str> = [&shown, name].into_iter().chain(old_names.iter().copied()).collect();
                    say("ENUM_VALUE_NO_DELETE_UNLESS_NAME_RESERVED", more, &args);
                }
                continue;
            };
            if old_names.iter().all(|name| others.contains_key(name)) {
                continue;
            }
            let new_names: Vec<&str> = others.keys().copied().collect();
            let (was, is) = (old_names.join(", "), new_names.join(", "));
            for (other, span) in others {
                let said = Said {
                    message: format!("the value {number} of `{full}` was called {was} and is called {is}"),
                    args: &[&shown, name, &was, &is],
                    before: Some(&was),
                    after: Some(&is),
                };
                let base = names.get(other).map_or(base, |span| spot(before.file, *span));
                let causes = vec![format!("value names {full} {number}")];
                self.say("ENUM_VALUE_SAME_NAME", causes, &subject, said, base, spot(after.file, *span));
            }
        }
    }

    /// The package that took another name, if that is all that happened to a type.
    pub(super) fn type_moved(&self, old: &str, new: &str) -> Vec<String> {
        let moved = self.repackaged.iter().find(|(from, to)| {
            let rest = old.strip_prefix(**from).filter(|rest| rest.starts_with('.') || from.is_empty());
            rest.is_some_and(|rest| joined(to, rest.trim_start_matches('.')) == new)
        });
        moved.map(|(from, _)| vec![format!("repackaged {from}")]).unwrap_or_default()
    }

    fn extensions(&mut self) {
        let (base, revision) = (self.base, self.revision);
        let key = |field: &LinkedField| (field.extendee.clone().unwrap_or_default(), field.field.number);
        let mut by_number = HashMap::new();
        for field in &revision.extensions {
            by_number.entry(key(field)).or_insert(field);
        }
        for before in &base.extensions {
            if let Some(after) = by_number.get(&key(before)) {
                self.field_pair(before, after);
            }
        }
    }
}

fn homes<'a>(side: &'a Linked<'a>) -> HashMap<&'a str, usize> {
    let messages = side.messages.iter().map(|one| (&*one.full, one.file));
    let enums = side.enums.iter().map(|one| (one.full.as_str(), one.file));
    let services = side.services.iter().map(|one| (one.full.as_str(), one.file));
    messages.chain(enums).chain(services).collect()
}

fn values<'e>(all: &LinkedEnum<'e>) -> BTreeMap<i64, BTreeMap<&'e str, Span>> {
    let mut values: BTreeMap<i64, BTreeMap<&str, Span>> = BTreeMap::new();
    for value in &all.all.values {
        values.entry(value.number).or_default().insert(&value.name, value.number_span);
    }
    values
}

pub(super) fn spot(file: usize, span: Span) -> Spot {
    Some((file, Some(span)))
}

/// The option's place, in the file of the other.
pub(super) fn at_option(spot: Spot, option: Option<&Opt>) -> Spot {
    match (spot, option) {
        (Some((file, _)), Some(option)) => Some((file, Some(option.span))),
        _ => spot,
    }
}

fn is_true(options: &[Opt], name: &str) -> bool {
    option(options, name).is_some_and(|option| option.value == b"true")
}

pub(super) fn option_text(option: Option<&Opt>, none: &str) -> String {
    option.map_or_else(|| none.into(), |option| String::from_utf8_lossy(&option.value).into_owned())
}

fn shown(value: &str) -> String {
    if value.is_empty() { "nothing".into() } else { format!("`{value}`") }
}
