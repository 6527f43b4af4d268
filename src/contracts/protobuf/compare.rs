//! Base against revision: every rule that a change breaks, each with what caused it.
//!
//! Files are paired by path, messages, enums and services by full name, fields and values by number, extensions by
//! what they extend and their number. A thing of a name that two files declare is paired within its file first.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::features::Feature;
use super::lexer::Span;
use super::link::{Cardinality, Kind, Linked, LinkedEnum, LinkedField, LinkedMessage, joined};
use super::model::{Label, Method, Opt, Range, Scalar, Syntax, Written, option};
use super::rules::{FILE_OPTIONS, rank};

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

struct Comparison<'a> {
    base: &'a Linked<'a>,
    revision: &'a Linked<'a>,
    revision_files: HashMap<&'a str, usize>,
    /// The new package of every package of which a file took another.
    repackaged: HashMap<&'a str, &'a str>,
    breaks: Vec<Break>,
}

/// What a sentence names, beside the element itself.
struct Said<'s> {
    message: String,
    args: &'s [&'s str],
    before: Option<&'s str>,
    after: Option<&'s str>,
}

impl<'a> Comparison<'a> {
    fn say(&mut self, rule: &str, causes: Vec<String>, subject: &str, said: Said, base: Spot, revision: Spot) {
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

    fn files(&mut self) {
        for at in 0..self.base.loaded.compared {
            let before = self.base.file(at);
            let Some(&other) = self.revision_files.get(before.path.as_str()) else {
                if !self.revision.loaded.paths.contains(&before.path) {
                    self.file_gone(at);
                }
                continue;
            };
            let after = self.revision.file(other);
            let path = before.path.as_str();
            if before.package != after.package {
                self.repackaged.insert(&before.package, &after.package);
                let said = Said {
                    message: format!("`{path}` moved from package `{}` to `{}`", before.package, after.package),
                    args: &["package", &before.package, &after.package],
                    before: Some(&before.package),
                    after: Some(&after.package),
                };
                let causes = vec![format!("repackaged {}", before.package)];
                let (base, revision) = (Some((at, before.package_span)), Some((other, after.package_span)));
                self.say("FILE_SAME_PACKAGE", causes, path, said, base, revision);
            }
            if before.syntax != after.syntax {
                let (old, new) = (syntax_name(before.syntax), syntax_name(after.syntax));
                let said = Said {
                    message: format!("`{path}` changed its syntax from {old} to {new}"),
                    args: &["syntax", &old, &new],
                    before: Some(&old),
                    after: Some(&new),
                };
                let (base, revision) = (Some((at, before.syntax_span)), Some((other, after.syntax_span)));
                self.say("FILE_SAME_SYNTAX", vec![format!("syntax {path}")], path, said, base, revision);
            }
            for (rule, name, none) in FILE_OPTIONS {
                let (old, new) = (option(&before.options, name), option(&after.options, name));
                let (old_value, new_value) = (option_text(old, none), option_text(new, none));
                if old_value != new_value {
                    let (shown, new_shown) = (shown(&old_value), shown(&new_value));
                    let said = Said {
                        message: format!("`{path}` changed its option `{name}` from {shown} to {new_shown}"),
                        args: &[name, &old_value, &new_value],
                        before: Some(&old_value),
                        after: Some(&new_value),
                    };
                    let span = |option: Option<&Opt>| option.map(|option| option.span);
                    let (base, revision) = (Some((at, span(old))), Some((other, span(new))));
                    self.say(rule, vec![format!("option {name} {path}")], path, said, base, revision);
                }
            }
        }
        self.packages_gone();
    }

    fn file_gone(&mut self, at: usize) {
        let file = self.base.file(at);
        let said = Said {
            message: format!("the file `{}` is gone", file.path),
            args: &[&file.path],
            before: Some(&file.path),
            after: None,
        };
        let causes = self.gone_with_file(at);
        self.say("FILE_NO_DELETE", causes, &file.path, said, Some((at, None)), None);
        self.last_gone(file.path.clone());
    }

    /// A change that has no place left is ignored by what the base had.
    fn last_gone(&mut self, path: String) {
        if let Some(last) = self.breaks.last_mut() {
            last.gone = Some(path);
        }
    }

    fn packages_gone(&mut self) {
        for (package, files) in &self.base.loaded.packages {
            if self.revision.loaded.packages.contains_key(package) {
                continue;
            }
            let subject = if package.is_empty() { "(no package)" } else { package };
            let said = Said {
                message: match package.is_empty() {
                    true => "no file without a package is left".into(),
                    false => format!("the package `{package}` is gone"),
                },
                args: &[package],
                before: Some(package),
                after: None,
            };
            let causes = vec![format!("repackaged {package}"), format!("package {package}")];
            let at = (0..self.base.loaded.compared).find(|at| files.first() == Some(&self.base.file(*at).path));
            let base = at.map(|at| (at, self.base.file(at).package_span));
            self.say("PACKAGE_NO_DELETE", causes, subject, said, base, None);
            self.last_gone(files.first().cloned().unwrap_or_default());
        }
    }

    /// The causes of whatever goes with a file.
    fn gone_with_file(&self, at: usize) -> Vec<String> {
        let file = self.base.file(at);
        vec![format!("repackaged {}", file.package), format!("package {}", file.package), format!("file {}", file.path)]
    }

    /// Messages, enums, services and extensions that left their file, or their package.
    fn deleted(&mut self) {
        let (base, revision) = (self.base, self.revision);
        let messages = |side: &'a Linked<'a>| -> Vec<Declared<'a>> {
            let of = |message: &'a LinkedMessage<'a>| (message.file, message.nested.as_str(), message.message.span);
            side.messages.iter().map(of).collect()
        };
        let enums = |side: &'a Linked<'a>| -> Vec<Declared<'a>> {
            side.enums.iter().map(|one| (one.file, one.nested.as_str(), one.all.span)).collect()
        };
        let services = |side: &'a Linked<'a>| -> Vec<Declared<'a>> {
            side.services.iter().map(|one| (one.file, one.service.name.as_str(), one.service.span)).collect()
        };
        let extensions = |side: &'a Linked<'a>| -> Vec<Declared<'a>> {
            let of = |one: &'a LinkedField<'a>| {
                let package = &side.file(one.file).package;
                let nested = one.full.strip_prefix(package.as_str()).unwrap_or(&one.full);
                (one.file, nested.trim_start_matches('.'), one.field.span)
            };
            side.extensions.iter().map(of).collect()
        };
        let surviving = Names::new(revision, &messages(revision));
        for (what, old, new) in [
            ("message", messages(base), messages(revision)),
            ("enum", enums(base), enums(revision)),
            ("service", services(base), services(revision)),
            ("extension", extensions(base), extensions(revision)),
        ] {
            self.deleted_of(what, &old, &Names::new(revision, &new), &surviving);
        }
    }

    fn deleted_of(&mut self, what: &str, old: &[Declared<'a>], new: &Names<'a>, surviving: &Names<'a>) {
        let rules: [&str; 2] = match what {
            "message" => ["MESSAGE_NO_DELETE", "PACKAGE_MESSAGE_NO_DELETE"],
            "enum" => ["ENUM_NO_DELETE", "PACKAGE_ENUM_NO_DELETE"],
            "service" => ["SERVICE_NO_DELETE", "PACKAGE_SERVICE_NO_DELETE"],
            _ => ["EXTENSION_NO_DELETE", "PACKAGE_EXTENSION_NO_DELETE"],
        };
        for &(at, nested, span) in old {
            let file = self.base.file(at);
            let full = joined(&file.package, nested);
            let same_file = self.revision_files.get(file.path.as_str()).copied();
            let left_file = same_file.filter(|other| !new.in_file.contains_key(&(*other, nested)));
            let package_stays = self.revision.loaded.packages.contains_key(&file.package);
            let elsewhere = new.in_package.get(&(file.package.as_str(), nested)).copied();
            let left_package = package_stays && elsewhere.is_none();
            let causes = || {
                let mut causes = self.gone_with_file(at);
                let parts: Vec<usize> = nested.match_indices('.').map(|(dot, _)| dot).collect();
                causes.extend(parts.iter().map(|dot| format!("gone {}", joined(&file.package, &nested[..*dot]))));
                // The message behind a map goes with its field, or with what the field became.
                if let Some(field) = self.map_field(at, nested) {
                    causes.extend([format!("gone {field}"), format!("cardinality {field}"), format!("name {field}")]);
                }
                causes.push(format!("gone {full}"));
                causes
            };
            let causes = causes();
            let parent = |file: usize| {
                let mut outer = nested;
                while let Some(dot) = outer.rfind('.').filter(|_| what != "service") {
                    outer = &outer[..dot];
                    if let Some(span) = surviving.in_file.get(&(file, outer)) {
                        return Some((file, Some(*span)));
                    }
                }
                Some((file, None))
            };
            if let Some(other) = left_file {
                let message = match elsewhere {
                    Some(to) => {
                        let to = &self.revision.file(to).path;
                        format!("the {what} `{full}` moved from `{}` to `{to}`", file.path)
                    }
                    None => format!("the {what} `{full}` is gone"),
                };
                let said = Said { message, args: &[nested], before: Some(nested), after: None };
                self.say(rules[0], causes.clone(), &full, said, Some((at, Some(span))), parent(other));
            }
            if left_package {
                let said = Said {
                    message: format!("the {what} `{full}` is gone"),
                    args: &[nested, &file.package],
                    before: Some(nested),
                    after: None,
                };
                let mut place = same_file.map(parent).unwrap_or_default();
                if let (Some((_, None)), "message") = (place, what) {
                    place = surviving.outer(&file.package, nested).or(place);
                }
                self.say(rules[1], causes, &full, said, Some((at, Some(span))), place);
            }
        }
    }

    /// The full name of the map field that the message `nested` stands for.
    fn map_field(&self, at: usize, nested: &str) -> Option<String> {
        let (outer, entry) = nested.rsplit_once('.')?;
        let message = self.base.messages.iter().find(|message| message.file == at && message.nested == outer)?;
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
            let others = by_name.get(before.full.as_str()).map(|others| &others[..]).unwrap_or_default();
            if let Some(&other) = others.iter().find(|other| same_path(other)).or(others.first()) {
                self.message_pair(at, other);
            }
        }
    }

    fn message_pair(&mut self, at: usize, other: usize) {
        let (before, after) = (&self.base.messages[at], &self.revision.messages[other]);
        let full = before.full.as_str();
        let (base, revision) = (spot(before.file, before.message.span), spot(after.file, after.message.span));
        let name = after.message.name.as_str();

        let rule = "MESSAGE_SAME_JSON_FORMAT";
        let (options, other_options) = (&before.message.options, &after.message.options);
        self.json_format(rule, full, name, (before.features, options, base), (after.features, other_options, revision));

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
        for (number, field) in &old {
            match new.get(number) {
                Some(other) => self.field_pair(field, other),
                None => self.field_gone(field, before, after),
            }
        }
        self.required(&old, &new, before, after);
    }

    fn field_gone(&mut self, field: &LinkedField, before: &LinkedMessage, after: &LinkedMessage) {
        let number = field.field.number;
        let name = &field.field.name;
        let within = |range: &Range| (range.first..=range.last).contains(&number);
        let number_reserved = after.message.reserved_ranges.iter().any(within);
        let name_reserved = after.message.reserved_names.contains(name);
        let base = spot(field.file, field.field.span);
        let revision = spot(after.file, after.message.span);
        let moved = after.message.fields.iter().find(|other| other.name == *name);
        let message = match moved {
            Some(other) => format!("the field `{}` changed its number from {number} to {}", field.full, other.number),
            None => format!("the field `{}` = {number} is gone", field.full),
        };
        let shown = number.to_string();
        let common: [&str; 3] = [&shown, name, &before.message.name];
        let also = |more: Option<&'static str>| match (moved, more) {
            (None, Some(more)) => format!("{message}, and {more}"),
            _ => message.clone(),
        };
        let causes = vec![format!("gone {}", field.full)];
        let after_number = moved.map(|other| other.number.to_string());
        let mut say = |rule: &str, more: Option<&'static str>, args: &[&str]| {
            let said = Said { message: also(more), args, before: Some(&shown), after: after_number.as_deref() };
            self.say(rule, causes.clone(), &field.full, said, base, revision);
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

    fn required(
        &mut self,
        old: &BTreeMap<i64, LinkedField>,
        new: &BTreeMap<i64, LinkedField>,
        before: &LinkedMessage,
        after: &LinkedMessage,
    ) {
        let is_required = |field: &&LinkedField| field.field.label == Label::Required;
        let rule = "MESSAGE_SAME_REQUIRED_FIELDS";
        for (number, field) in old {
            if !is_required(&field) || new.get(number).filter(is_required).is_some() {
                continue;
            }
            let said = Said {
                message: format!(
                    "`{}` is no longer required: readers of the base refuse messages without it",
                    field.full
                ),
                args: &[&before.message.name, &number.to_string()],
                before: Some("required"),
                after: None,
            };
            let causes = vec![format!("gone {}", field.full), format!("cardinality {}", field.full)];
            let (base, revision) = (spot(field.file, field.field.span), spot(after.file, after.message.span));
            self.say(rule, causes, &field.full, said, base, revision);
        }
        for (number, field) in new {
            if !is_required(&field) || old.get(number).filter(is_required).is_some() {
                continue;
            }
            let said = Said {
                message: format!("`{}` is required: messages from before do not have it and are refused", field.full),
                args: &[&after.message.name, &number.to_string()],
                before: None,
                after: Some("required"),
            };
            let name = old.get(number).map_or(&field.full, |old| &old.full);
            let causes = vec![format!("cardinality {name}")];
            self.say(rule, causes, &field.full, said, None, spot(field.file, field.field.span));
        }
    }

    /// Why a feature of a declaration is not what it was: its file, or the declaration itself.
    fn feature_causes(&self, feature: Feature, from_file: bool, at: usize, other: usize, own: String) -> Vec<String> {
        let (before, after) = (self.base.file(at), self.revision.file(other));
        match from_file && before.path == after.path {
            true => vec![format!("syntax {}", after.path), format!("{} {}", feature.option(), after.path)],
            false => vec![own],
        }
    }

    fn json_format(
        &mut self,
        rule: &str,
        full: &str,
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
        let from_file = before.0.from_file(feature) && after.0.from_file(feature);
        let place = |(_, options, spot): (_, &[Opt], Spot)| at_option(spot, option(options, feature.option()));
        let (base, revision) = (place((before.0, before.1, before.2)), place((after.0, after.1, after.2)));
        if let (Some((at, _)), Some((other, _))) = (base, revision) {
            let causes = self.feature_causes(feature, from_file, at, other, format!("json {full}"));
            self.say(rule, causes, full, said, base, revision);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "two sides of one list, and how to speak of it")]
    fn ranges(
        &mut self,
        rule: &str,
        kind: &str,
        full: &str,
        name: &str,
        old: &[Range],
        new: &[Range],
        (base, revision): (Spot, Spot),
    ) {
        let kept = collapsed(new);
        for range in old {
            let missing = missing(*range, &kept);
            if missing.is_empty() {
                continue;
            }
            let (whole, gone) = (shown_range(*range), missing.iter().map(|range| shown_range(*range)));
            let gone = gone.collect::<Vec<_>>().join(", ");
            let said = Said {
                message: match kind {
                    "reserved" => format!("`{full}` no longer reserves {gone}"),
                    _ => format!("`{full}` no longer leaves {gone} to extensions"),
                },
                args: &[&whole, name],
                before: Some(&whole),
                after: None,
            };
            self.say(rule, vec![format!("{kind} {full} {whole}")], full, said, base, revision);
        }
    }

    fn reserved_names(
        &mut self,
        rule: &str,
        full: &str,
        name: &str,
        old: &[String],
        new: &[String],
        (base, revision): (Spot, Spot),
    ) {
        let kept: HashSet<&String> = new.iter().collect();
        for reserved in old.iter().collect::<BTreeSet<_>>().into_iter().filter(|name| !kept.contains(name)) {
            let said = Said {
                message: format!("`{full}` no longer reserves the name `{reserved}`"),
                args: &[reserved, name],
                before: Some(reserved),
                after: None,
            };
            self.say(rule, vec![format!("reserved {full} {reserved}")], full, said, base, revision);
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
            let from_file = before.features.from_file(feature) && after.features.from_file(feature);
            let own = format!("enum type {full}");
            let causes = self.feature_causes(feature, from_file, before.file, after.file, own);
            let base = at_option(base, option(&before.all.options, feature.option()));
            let revision = at_option(revision, option(&after.all.options, feature.option()));
            self.say("ENUM_SAME_TYPE", causes, full, said, base, revision);
        }
        let options = (&before.all.options[..], &after.all.options[..]);
        let sides = ((before.features, options.0, base), (after.features, options.1, revision));
        self.json_format("ENUM_SAME_JSON_FORMAT", full, name, sides.0, sides.1);

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

    fn services(&mut self) {
        let (base, revision) = (self.base, self.revision);
        for before in &base.services {
            let path = &base.file(before.file).path;
            let named = || revision.services.iter().filter(|service| service.full == before.full);
            let same_path = named().find(|service| &revision.file(service.file).path == path);
            let Some(after) = same_path.or_else(|| named().next()) else { continue };
            for method in &before.service.methods {
                let subject = joined(&before.full, &method.name);
                let other = after.service.methods.iter().find(|other| other.name == method.name);
                let Some(other) = other else {
                    let said = Said {
                        message: format!("the method `{subject}` is gone"),
                        args: &[&method.name, &before.service.name],
                        before: Some(&method.name),
                        after: None,
                    };
                    let (base, revision) = (spot(before.file, method.span), spot(after.file, after.service.span));
                    self.say("RPC_NO_DELETE", vec![format!("gone {subject}")], &subject, said, base, revision);
                    continue;
                };
                self.method_pair(&before.full, (before.file, method), (after.file, other));
            }
        }
    }

    fn method_pair(&mut self, service: &str, (at, before): (usize, &Method), (other, after): (usize, &Method)) {
        let subject = joined(service, &before.name);
        let short = service.rsplit('.').next().unwrap_or_default();
        let (base, revision) = (spot(at, before.span), spot(other, after.span));
        let streams = [
            ("RPC_SAME_CLIENT_STREAMING", "client", before.client_streams, after.client_streams),
            ("RPC_SAME_SERVER_STREAMING", "server", before.server_streams, after.server_streams),
        ];
        for (rule, who, old, new) in streams {
            if old != new {
                let shown = |streams: bool| if streams { "a stream" } else { "one message" };
                let said = Said {
                    message: format!("the {who} of `{subject}` sent {} and sends {}", shown(old), shown(new)),
                    args: &[&before.name, short],
                    before: Some(shown(old)),
                    after: Some(shown(new)),
                };
                self.say(rule, vec![format!("{who} streams {subject}")], &subject, said, base, revision);
            }
        }
        let level = |method: &Method| {
            let set = option(&method.options, "idempotency_level");
            (option_text(set, "IDEMPOTENCY_UNKNOWN"), set.map(|option| option.span))
        };
        let ((old, old_span), (new, new_span)) = (level(before), level(after));
        if old != new {
            let said = Said {
                message: format!("`{subject}` changed its idempotency level from {old} to {new}"),
                args: &[&before.name, short, "idempotency_level", &old, &new],
                before: Some(&old),
                after: Some(&new),
            };
            let (base, revision) = (Some((at, old_span)).or(base), Some((other, new_span)).or(revision));
            let causes = vec![format!("idempotency {subject}")];
            self.say("RPC_SAME_IDEMPOTENCY_LEVEL", causes, &subject, said, base, revision);
        }
        let types = [
            (
                "RPC_SAME_REQUEST_TYPE",
                "request",
                &before.request,
                &after.request,
                before.request_span,
                after.request_span,
            ),
            (
                "RPC_SAME_RESPONSE_TYPE",
                "response",
                &before.response,
                &after.response,
                before.response_span,
                after.response_span,
            ),
        ];
        for (rule, what, old, new, span, other_span) in types {
            let old = self.base.resolve(at, service, old).0;
            let new = self.revision.resolve(other, service, new).0;
            if old != new {
                let said = Said {
                    message: format!("the {what} of `{subject}` was `{old}` and is `{new}`"),
                    args: &[&before.name, short, &old, &new],
                    before: Some(&old),
                    after: Some(&new),
                };
                let mut causes = self.type_moved(&old, &new);
                causes.push(format!("{what} {subject}"));
                self.say(rule, causes, &subject, said, spot(at, span), spot(other, other_span));
            }
        }
    }

    /// The package that took another name, if that is all that happened to a type.
    fn type_moved(&self, old: &str, new: &str) -> Vec<String> {
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

    fn field_pair(&mut self, before: &LinkedField, after: &LinkedField) {
        let pair = Pair::new(self, before, after);
        let kind_changed = self.types(&pair);
        let left_oneof = self.oneofs(&pair);
        if !pair.map_entry {
            self.cardinality(&pair, left_oneof);
        }
        self.names(&pair);
        self.defaults(&pair, kind_changed);
        self.encodings(&pair);
    }

    fn say_pair(
        &mut self,
        rule: &str,
        causes: Vec<String>,
        pair: &Pair,
        message: String,
        values: [&str; 2],
        spots: [Spot; 2],
    ) {
        let number = pair.before.field.number.to_string();
        let name = if pair.before.extendee.is_some() { &pair.after.full } else { &pair.after.field.name };
        let args = [&number, name.as_str(), &pair.owner, values[0], values[1]];
        let said = Said { message, args: &args, before: Some(values[0]), after: Some(values[1]) };
        self.say(rule, causes, &pair.subject, said, spots[0], spots[1]);
    }

    /// Whether what the field holds is of another kind.
    fn types(&mut self, pair: &Pair) -> bool {
        let (before, after) = (pair.before, pair.after);
        // A name that leads nowhere is what its namesake is.
        let (old, new) = match (before.kind, after.kind) {
            (Kind::Unknown, Kind::Unknown) => (Kind::Message, Kind::Message),
            (Kind::Unknown, known @ (Kind::Message | Kind::Enum | Kind::Group)) => (known, known),
            (known @ (Kind::Message | Kind::Enum | Kind::Group), Kind::Unknown) => (known, known),
            (Kind::Unknown, known) => (Kind::Message, known),
            (known, Kind::Unknown) => (known, Kind::Message),
            known => known,
        };
        let renamed = before.type_name != after.type_name && !same_but_unknown(before, after);
        if old == new && !renamed {
            return false;
        }
        let (shown, new_shown) = (self.shown_type(true, before, old), self.shown_type(false, after, new));
        let message = format!("{} changed its type from `{shown}` to `{new_shown}`", pair.called);
        let mut causes = match (old == new, before.kind) {
            (true, _) => self.type_moved(&before.type_name, &after.type_name),
            _ => Vec::new(),
        };
        causes.push(format!("type {}", pair.subject));
        let place = |field: &LinkedField| spot(field.file, field.field.type_span);
        let spots = [place(before), place(after)];
        self.say_pair("FIELD_SAME_TYPE", causes.clone(), pair, message.clone(), [&shown, &new_shown], spots);
        let compatible_names = !renamed || old == Kind::Enum && self.enum_grows(&before.type_name, &after.type_name);
        let grows = old == Kind::Scalar(Scalar::String) && new == Kind::Scalar(Scalar::Bytes);
        if !(wire_group(old) == wire_group(new) && compatible_names || grows) {
            let spots = [place(before), place(after)];
            self.say_pair(
                "FIELD_WIRE_COMPATIBLE_TYPE",
                causes.clone(),
                pair,
                message.clone(),
                [&shown, &new_shown],
                spots,
            );
        }
        if !(json_group(old) == json_group(new) && compatible_names) {
            let spots = [place(before), place(after)];
            self.say_pair("FIELD_WIRE_JSON_COMPATIBLE_TYPE", causes, pair, message, [&shown, &new_shown], spots);
        }
        old != new
    }

    fn shown_type(&self, base: bool, field: &LinkedField, kind: Kind) -> String {
        let side = if base { self.base } else { self.revision };
        match kind {
            Kind::Scalar(scalar) => scalar.name().into(),
            Kind::Group if side.file(field.file).syntax != Syntax::Proto2 => {
                format!("{} (delimited)", field.type_name)
            }
            Kind::Group => format!("group {}", field.type_name),
            _ => field.type_name.clone(),
        }
    }

    /// Whether the new enum has the old one's short name and all its values.
    fn enum_grows(&self, old: &str, new: &str) -> bool {
        let short = |full: &str| full.rsplit('.').next().unwrap_or_default().to_string();
        let (Some(before), Some(after)) = (self.base.enum_named(old), self.revision.enum_named(new)) else {
            return false;
        };
        let new_values: HashSet<(&str, i64)> =
            after.values.iter().map(|value| (value.name.as_str(), value.number)).collect();
        short(old) == short(new)
            && before.values.iter().all(|value| new_values.contains(&(value.name.as_str(), value.number)))
    }

    /// The oneof that the field left or entered, as a cause.
    fn oneofs(&mut self, pair: &Pair) -> Option<Vec<String>> {
        let name = |side: &Linked<'a>, field: &LinkedField| {
            let message = side.messages.get(field.parent?)?;
            message.message.oneofs.get(field.field.oneof?).map(|oneof| oneof.name.clone())
        };
        let (old, new) = (name(self.base, pair.before), name(self.revision, pair.after));
        if old == new || pair.before.extendee.is_some() {
            return None;
        }
        let message = match (&old, &new) {
            (Some(old), Some(new)) => format!("{} moved from the oneof `{old}` to `{new}`", pair.called),
            (Some(old), None) => format!("{} left the oneof `{old}`", pair.called),
            (None, new) => format!("{} moved into the oneof `{}`", pair.called, new.as_deref().unwrap_or_default()),
        };
        let mut causes = Vec::new();
        if let (Some(old), None) = (&old, &new) {
            let message = pair.before.full.rsplit_once('.').map_or("", |(message, _)| message);
            causes.push(format!("gone {}", joined(message, old)));
        }
        causes.push(format!("oneof {}", pair.subject));
        let number = pair.before.field.number.to_string();
        let said = Said {
            message,
            args: &[&number, &pair.after.field.name, &pair.owner],
            before: old.as_deref(),
            after: new.as_deref(),
        };
        self.say("FIELD_SAME_ONEOF", causes.clone(), &pair.subject, said, pair.base, pair.revision);
        Some(causes)
    }

    fn cardinality(&mut self, pair: &Pair, left_oneof: Option<Vec<String>>) {
        let (before, after) = (pair.before, pair.after);
        let (old, new) = (before.cardinality, after.cardinality);
        if old == new {
            return;
        }
        let message = format!("{} was {} and is {}", pair.called, old.name(), new.name());
        let feature = Feature::FieldPresence;
        let from_file = before.features.from_file(feature) && after.features.from_file(feature);
        // Only the default of the file can have done it where the same words stand.
        let same_words = before.field.label == after.field.label && before.field.written == after.field.written;
        let own = format!("cardinality {}", pair.subject);
        let mut causes = left_oneof.unwrap_or_default();
        if causes.is_empty() && same_words && from_file {
            causes = self.feature_causes(feature, true, before.file, after.file, own.clone());
        } else {
            let files = (self.base.file(before.file), self.revision.file(after.file));
            if files.0.path == files.1.path && files.0.syntax != files.1.syntax && causes.is_empty() && from_file {
                causes.push(format!("syntax {}", files.1.path));
            }
            causes.push(own);
        }
        let values = [old.name(), new.name()];
        let spots = [pair.base, pair.revision];
        self.say_pair("FIELD_SAME_CARDINALITY", causes.clone(), pair, message.clone(), values, spots);
        for (rule, map) in [("FIELD_WIRE_COMPATIBLE_CARDINALITY", 3), ("FIELD_WIRE_JSON_COMPATIBLE_CARDINALITY", 4)] {
            let group = |cardinality| match cardinality {
                Cardinality::Explicit | Cardinality::Implicit => 1,
                Cardinality::Required => 2,
                Cardinality::Repeated => 3,
                Cardinality::Map => map,
            };
            if group(old) != group(new) {
                self.say_pair(rule, causes.clone(), pair, message.clone(), values, spots);
            }
        }
    }

    fn names(&mut self, pair: &Pair) {
        let (before, after) = (pair.before, pair.after);
        let extension = before.extendee.is_some();
        let (old, new) = match extension {
            true => (&before.full, &after.full),
            false => (&before.field.name, &after.field.name),
        };
        let cause = format!("name {}", pair.subject);
        if old != new {
            let message = format!(
                "the field {} of `{}` was called `{old}` and is called `{new}`",
                before.field.number, pair.message
            );
            let mut causes = if extension { self.type_moved(old, new) } else { Vec::new() };
            causes.push(cause.clone());
            let number = before.field.number.to_string();
            let said = Said { message, args: &[&number, &pair.owner, old, new], before: Some(old), after: Some(new) };
            let spots = (spot(before.file, before.field.name_span), spot(after.file, after.field.name_span));
            self.say("FIELD_SAME_NAME", causes, &pair.subject, said, spots.0, spots.1);
        }
        if extension {
            return;
        }
        let (set, new_set) = (option(&before.field.options, "json_name"), option(&after.field.options, "json_name"));
        let json =
            |name: &str, set: Option<&Opt>| set.map_or_else(|| json_name(name), |set| option_text(Some(set), ""));
        let (old, new) = (json(&before.field.name, set), json(&after.field.name, new_set));
        if old != new {
            let message = format!("{} was `{old}` in JSON and is `{new}`", pair.called);
            let causes = vec![cause, format!("json name {}", pair.subject)];
            let spots = [at_option(pair.base, set), at_option(pair.revision, new_set)];
            let number = before.field.number.to_string();
            let args = [&number, after.field.name.as_str(), &pair.owner, "json_name", &old, &new];
            let said = Said { message, args: &args, before: Some(&old), after: Some(&new) };
            self.say("FIELD_SAME_JSON_NAME", causes, &pair.subject, said, spots[0], spots[1]);
        }
    }

    fn defaults(&mut self, pair: &Pair, kind_changed: bool) {
        let (before, after) = (pair.before, pair.after);
        let can = |field: &LinkedField| {
            matches!(field.kind, Kind::Scalar(_) | Kind::Enum)
                && !matches!(field.cardinality, Cardinality::Repeated | Cardinality::Map)
        };
        if !can(before) || !can(after) {
            return;
        }
        let (old, new) = (self.base.default_of(before), self.revision.default_of(after));
        if old.same(&new) || old.is_zero() && new.is_zero() {
            return;
        }
        let (shown, new_shown) = (old.shown(), new.shown());
        let message = format!("{} changed its default from `{shown}` to `{new_shown}`", pair.called);
        let mut causes = Vec::new();
        if kind_changed {
            causes.push(format!("type {}", pair.subject));
        }
        causes.push(format!("default {}", pair.subject));
        let place = |spot, field: &LinkedField| at_option(spot, option(&field.field.options, "default"));
        let spots = [place(pair.base, before), place(pair.revision, after)];
        self.say_pair("FIELD_SAME_DEFAULT", causes, pair, message, [&shown, &new_shown], spots);
    }

    /// Options that decide what generated code looks like, or whether it checks what it reads.
    fn encodings(&mut self, pair: &Pair) {
        let (before, after) = (pair.before, pair.after);
        let is = |wanted: fn(Scalar) -> bool| {
            let holds = |field: &LinkedField| matches!(field.kind, Kind::Scalar(scalar) if wanted(scalar));
            holds(before) && holds(after)
        };
        if is(|scalar| matches!(scalar, Scalar::String | Scalar::Bytes)) && !pair.map_entry {
            self.cpp_string(pair);
        }
        if is(|scalar| scalar == Scalar::String) {
            self.utf8(pair);
        }
        if is(Scalar::is_64_bit) {
            let (set, new_set) = (option(&before.field.options, "jstype"), option(&after.field.options, "jstype"));
            let (old, new) = (option_text(set, "JS_NORMAL"), option_text(new_set, "JS_NORMAL"));
            if old != new {
                let message = format!("{} changed its JavaScript type from {old} to {new}", pair.called);
                let spots = [at_option(pair.base, set), at_option(pair.revision, new_set)];
                self.say_pair(
                    "FIELD_SAME_JSTYPE",
                    vec![format!("jstype {}", pair.subject)],
                    pair,
                    message,
                    [&old, &new],
                    spots,
                );
            }
        }
    }

    fn cpp_string(&mut self, pair: &Pair) {
        let feature = Feature::CppStringType;
        let of = |side: &Linked<'a>, field: &LinkedField| {
            let ctype = option(&field.field.options, "ctype");
            let syntax = side.file(field.file).syntax;
            match ctype {
                Some(ctype) if syntax < Syntax::Edition(2024) => option_text(Some(ctype), "STRING"),
                _ => field.features.get(feature).into(),
            }
        };
        let (old, new) = (of(self.base, pair.before), of(self.revision, pair.after));
        // A piece may become a string: whoever reads the one reads the other.
        if old == new || old == "STRING_PIECE" && new == "STRING" {
            return;
        }
        let place = |spot, field: &LinkedField| {
            let options = &field.field.options;
            at_option(spot, option(options, "ctype").or_else(|| option(options, feature.option())))
        };
        let message = format!("{} changed its C++ string type from {old} to {new}", pair.called);
        let own =
            |field: &LinkedField| option(&field.field.options, "ctype").is_some() || !field.features.from_file(feature);
        let from_file = !own(pair.before) && !own(pair.after);
        let cause = format!("string type {}", pair.subject);
        let causes = self.feature_causes(feature, from_file, pair.before.file, pair.after.file, cause);
        let spots = [place(pair.base, pair.before), place(pair.revision, pair.after)];
        self.say_pair("FIELD_SAME_CPP_STRING_TYPE", causes, pair, message, [&old, &new], spots);
    }

    fn utf8(&mut self, pair: &Pair) {
        let (before, after) = (pair.before, pair.after);
        let feature = Feature::Utf8Validation;
        let (old, new) = (before.features.get(feature), after.features.get(feature));
        let from_file = before.features.from_file(feature) && after.features.from_file(feature);
        let place = |spot, field: &LinkedField, feature: Feature| {
            at_option(spot, option(&field.field.options, feature.option()))
        };
        if old != new {
            let message = format!("{} changed its UTF-8 validation from {old} to {new}", pair.called);
            let cause = format!("utf8 {}", pair.subject);
            let causes = self.feature_causes(feature, from_file, before.file, after.file, cause);
            let spots = [place(pair.base, before, feature), place(pair.revision, after, feature)];
            self.say_pair("FIELD_SAME_UTF8_VALIDATION", causes, pair, message, [old, new], spots);
        }
        let java = |side: &'a Linked<'a>, field: &LinkedField| {
            let file = side.file(field.file);
            let set = option(&file.options, "java_string_check_utf8");
            let own = field.features.get(Feature::JavaUtf8Validation) == "VERIFY";
            let checked = match (file.syntax, set) {
                (_, Some(set)) => set.value == b"true",
                (Syntax::Edition(_), None) => own,
                _ => false,
            };
            (if checked { "VERIFY" } else { field.features.get(feature) }, set)
        };
        let ((old, set), (new, new_set)) = (java(self.base, before), java(self.revision, after));
        if old != new {
            let own = |field: &LinkedField| !field.features.from_file(Feature::JavaUtf8Validation);
            let from_file = from_file && !own(before) && !own(after);
            let cause = format!("utf8 {}", pair.subject);
            let mut causes = self.feature_causes(feature, from_file, before.file, after.file, cause);
            if set.map(|set| &set.value) != new_set.map(|set| &set.value) {
                causes = vec![format!("java_string_check_utf8 {}", self.revision.file(after.file).path)];
            }
            let message = format!("{} changed its UTF-8 validation in Java from {old} to {new}", pair.called);
            let place = |spot: Spot, field: &LinkedField, set: Option<&Opt>| match set {
                Some(_) => at_option(spot, set),
                None => place(spot, field, Feature::JavaUtf8Validation),
            };
            let spots = [place(pair.base, before, set), place(pair.revision, after, new_set)];
            self.say_pair("FIELD_SAME_JAVA_UTF8_VALIDATION", causes, pair, message, [old, new], spots);
        }
    }
}

/// Two fields of one number, and how to speak of them.
struct Pair<'p, 'a> {
    before: &'p LinkedField<'a>,
    after: &'p LinkedField<'a>,
    /// For a part of a map's entry, the map.
    subject: String,
    called: String,
    /// Full name of the message, and its short one.
    message: String,
    owner: String,
    map_entry: bool,
    base: Spot,
    revision: Spot,
}

impl<'p, 'a> Pair<'p, 'a> {
    fn new(comparison: &Comparison, before: &'p LinkedField<'a>, after: &'p LinkedField<'a>) -> Self {
        let parent = before.parent.map(|at| &comparison.base.messages[at]);
        let other = after.parent.map(|at| &comparison.revision.messages[at]);
        let entry = |message: Option<&LinkedMessage>| message.is_some_and(|message| message.message.map_entry);
        let map = parent.filter(|parent| parent.message.map_entry);
        let map = map.and_then(|parent| comparison.map_field(before.file, &parent.nested));
        let subject = map.clone().unwrap_or_else(|| before.full.clone());
        let called = match (map, before.extendee.is_some()) {
            (Some(map), _) => format!("the {} of the map `{map}`", before.field.name),
            (None, true) => format!("the extension `{}`", before.full),
            (None, false) => format!("the field `{}`", before.full),
        };
        let message = parent.map_or_else(|| before.extendee.clone().unwrap_or_default(), |parent| parent.full.clone());
        let owner = match &before.extendee {
            Some(extendee) => extendee.clone(),
            None => message.rsplit('.').next().unwrap_or_default().into(),
        };
        Self {
            map_entry: entry(parent) && entry(other),
            base: spot(before.file, before.field.span),
            revision: spot(after.file, after.field.span),
            before,
            after,
            subject,
            called,
            message,
            owner,
        }
    }
}

type Declared<'a> = (usize, &'a str, Span);

/// What a side declares, by file and by package.
struct Names<'a> {
    in_file: HashMap<(usize, &'a str), Span>,
    in_package: HashMap<(&'a str, &'a str), usize>,
}

impl<'a> Names<'a> {
    /// The nearest message around `nested` that the package still has, in whatever file.
    fn outer(&self, package: &'a str, nested: &'a str) -> Spot {
        let mut outers = nested.rmatch_indices('.').map(|(dot, _)| &nested[..dot]);
        outers.find_map(|outer| {
            let file = self.in_package.get(&(package, outer))?;
            Some((*file, self.in_file.get(&(*file, outer)).copied()))
        })
    }

    fn new(side: &'a Linked<'a>, all: &[Declared<'a>]) -> Self {
        Self {
            in_file: all.iter().map(|(file, nested, span)| ((*file, *nested), *span)).collect(),
            in_package: all.iter().map(|(at, nested, _)| ((side.file(*at).package.as_str(), *nested), *at)).collect(),
        }
    }
}

fn values<'e>(all: &LinkedEnum<'e>) -> BTreeMap<i64, BTreeMap<&'e str, Span>> {
    let mut values: BTreeMap<i64, BTreeMap<&str, Span>> = BTreeMap::new();
    for value in &all.all.values {
        values.entry(value.number).or_default().insert(&value.name, value.number_span);
    }
    values
}

fn spot(file: usize, span: Span) -> Spot {
    Some((file, Some(span)))
}

/// The option's place, in the file of the other.
fn at_option(spot: Spot, option: Option<&Opt>) -> Spot {
    match (spot, option) {
        (Some((file, _)), Some(option)) => Some((file, Some(option.span))),
        _ => spot,
    }
}

fn is_true(options: &[Opt], name: &str) -> bool {
    option(options, name).is_some_and(|option| option.value == b"true")
}

fn option_text(option: Option<&Opt>, none: &str) -> String {
    option.map_or_else(|| none.into(), |option| String::from_utf8_lossy(&option.value).into_owned())
}

fn shown(value: &str) -> String {
    if value.is_empty() { "nothing".into() } else { format!("`{value}`") }
}

fn syntax_name(syntax: Syntax) -> String {
    match syntax {
        Syntax::Proto2 => "proto2".into(),
        Syntax::Proto3 => "proto3".into(),
        Syntax::Edition(year) => format!("edition {year}"),
    }
}

/// Two spellings of a name of which at least one leads nowhere: a full one and a part of it mean the same.
fn same_but_unknown(before: &LinkedField, after: &LinkedField) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')) && !short.is_empty()
    };
    let (old, new) = (before.type_name.as_str(), after.type_name.as_str());
    (before.kind == Kind::Unknown || after.kind == Kind::Unknown) && (ends(old, new) || ends(new, old))
}

/// <https://protobuf.dev/programming-guides/json/#field-names>
fn json_name(name: &str) -> String {
    let mut json = String::with_capacity(name.len());
    let mut upper = false;
    for character in name.chars() {
        if character == '_' {
            upper = true;
        } else {
            json.push(if upper { character.to_ascii_uppercase() } else { character });
            upper = false;
        }
    }
    json
}

/// Kinds that readers of bytes take for each other.
/// <https://protobuf.dev/programming-guides/proto3/#updating>
fn wire_group(kind: Kind) -> u8 {
    match kind {
        Kind::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::Uint32 | Scalar::Uint64 | Scalar::Bool) => 1,
        Kind::Scalar(Scalar::Sint32 | Scalar::Sint64) => 2,
        Kind::Scalar(Scalar::Fixed32 | Scalar::Sfixed32) => 3,
        Kind::Scalar(Scalar::Fixed64 | Scalar::Sfixed64) => 4,
        Kind::Scalar(scalar) => 10 + scalar as u8,
        Kind::Message | Kind::Unknown => 5,
        Kind::Group => 6,
        Kind::Enum => 7,
    }
}

/// Kinds that readers of bytes and readers of JSON take for each other.
/// <https://protobuf.dev/programming-guides/json/>
fn json_group(kind: Kind) -> u8 {
    match kind {
        Kind::Scalar(Scalar::Int32 | Scalar::Uint32) => 1,
        Kind::Scalar(Scalar::Int64 | Scalar::Uint64) => 2,
        Kind::Scalar(Scalar::Bool | Scalar::Sint32 | Scalar::Sint64) => match kind {
            Kind::Scalar(scalar) => 10 + scalar as u8,
            _ => 0,
        },
        _ => wire_group(kind),
    }
}

/// Sorted, with what touches made one.
fn collapsed(ranges: &[Range]) -> Vec<Range> {
    let mut sorted = ranges.to_vec();
    sorted.sort();
    let mut all: Vec<Range> = Vec::new();
    for range in sorted {
        match all.last_mut() {
            Some(last) if range.first <= last.last.saturating_add(1) => last.last = last.last.max(range.last),
            _ => all.push(range),
        }
    }
    all
}

/// What of a range none of the sorted ranges holds.
fn missing(range: Range, kept: &[Range]) -> Vec<Range> {
    let mut missing = Vec::new();
    let mut from = range.first;
    for kept in &kept[kept.partition_point(|kept| kept.last < range.first)..] {
        if kept.first > range.last || from > range.last {
            break;
        }
        if kept.first > from {
            missing.push(Range { first: from, last: kept.first - 1 });
        }
        from = from.max(kept.last.saturating_add(1));
    }
    if from <= range.last {
        missing.push(Range { first: from, last: range.last });
    }
    missing
}

fn shown_range(range: Range) -> String {
    match range.first == range.last {
        true => format!("[{}]", range.first),
        false => format!("[{},{}]", range.first, range.last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_kept_by_its_neighbours() {
        let range = |first, last| Range { first, last };
        let kept = collapsed(&[range(5, 7), range(1, 2), range(3, 4), range(10, 12)]);
        assert_eq!(kept, [range(1, 7), range(10, 12)]);
        assert_eq!(missing(range(2, 6), &kept), []);
        assert_eq!(missing(range(6, 13), &kept), [range(8, 9), range(13, 13)]);
        assert_eq!(missing(range(20, 21), &kept), [range(20, 21)]);
    }

    #[test]
    fn a_name_in_json_has_humps() {
        assert_eq!(json_name("foo_bar_1x"), "fooBar1x");
        assert_eq!(json_name("_a"), "A");
    }
}
