//! Base against revision: every rule that a change breaks, each with what caused it.
//!
//! Files are paired by path, messages, enums and services by full name, fields and values by number, extensions by
//! what they extend and their number. A thing of a name that two files declare is paired within its file first.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::features::Feature;
use super::lexer::Span;
use super::link::{Fields, Linked, LinkedEnum, LinkedField, LinkedMessage, LinkedService, joined};
use super::model::{Label, Method, Opt, Range, Syntax, Written, option};
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
        let message = match self.moved_to(at).as_deref() {
            None | Some([]) => format!("the file `{}` is gone", file.path),
            Some(to) => format!("the file `{}` is gone: what was in it is in {}", file.path, to.join(", ")),
        };
        let said = Said { message, args: &[&file.path], before: Some(&file.path), after: None };
        let causes = self.gone_with_file(at);
        self.say("FILE_NO_DELETE", causes, &file.path, said, Some((at, None)), None);
        self.last_gone(file.path.clone());
    }

    /// The files that hold everything that stood at the top of a file, if there are such.
    fn moved_to(&self, at: usize) -> Option<Vec<String>> {
        let file = self.base.file(at);
        let names = file.messages.iter().map(|one| &one.name).chain(file.enums.iter().map(|one| &one.name));
        let names = names.chain(file.services.iter().map(|one| &one.name));
        let homes = names.map(|name| {
            let to = self.homes.get(joined(&file.package, name).as_str())?;
            Some(format!("`{}`", self.revision.file(*to).path))
        });
        homes.collect::<Option<BTreeSet<_>>>().map(|homes| homes.into_iter().collect())
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
            let named = side.extensions.iter().zip(&side.extension_names);
            named.map(|(one, nested)| (one.file, nested.as_str(), one.field.span)).collect()
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
            let same_file = self.revision_files.get(file.path.as_str()).copied();
            let left_file = same_file.filter(|other| !new.in_file.contains_key(&(*other, nested)));
            let package_stays = self.revision.loaded.packages.contains_key(&file.package);
            let elsewhere = new.in_package.get(&(file.package.as_str(), nested)).copied();
            let left_package = package_stays && elsewhere.is_none();
            if left_file.is_none() && !left_package {
                continue;
            }
            let full = joined(&file.package, nested);
            let map = self.map_field(at, nested);
            let causes = || {
                let mut causes = self.gone_with_file(at);
                let parts: Vec<usize> = nested.match_indices('.').map(|(dot, _)| dot).collect();
                causes.extend(parts.iter().map(|dot| format!("gone {}", joined(&file.package, &nested[..*dot]))));
                // The message behind a map goes with its field, or with what the field became.
                if let Some(field) = &map {
                    causes.extend([format!("gone {field}"), format!("cardinality {field}"), format!("name {field}")]);
                }
                causes.push(format!("gone {full}"));
                causes
            };
            let causes = causes();
            let subject = map.as_ref().unwrap_or(&full);
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
                self.say(rules[0], causes.clone(), subject, said, Some((at, Some(span))), parent(other));
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
                self.say(rules[1], causes, subject, said, Some((at, Some(span))), place);
            }
        }
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

    fn services(&mut self) {
        let (base, revision) = (self.base, self.revision);
        let mut by_name: HashMap<&str, Vec<&LinkedService>> = HashMap::new();
        for service in &revision.services {
            by_name.entry(&service.full).or_default().push(service);
        }
        for before in &base.services {
            let path = &base.file(before.file).path;
            let others = by_name.get(before.full.as_str()).map(|others| &others[..]).unwrap_or_default();
            let same_path = others.iter().find(|other| &revision.file(other.file).path == path);
            let Some(after) = same_path.or(others.first()) else { continue };
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

fn syntax_name(syntax: Syntax) -> String {
    match syntax {
        Syntax::Proto2 => "proto2".into(),
        Syntax::Proto3 => "proto3".into(),
        Syntax::Edition(year) => format!("edition {year}"),
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
}
