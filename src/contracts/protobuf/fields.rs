//! Two fields of one number: type, cardinality, names, defaults, and how they are encoded.

use std::collections::HashSet;

use super::compare::{Comparison, Said, Spot, at_option, option_text, spot};
use super::features::Feature;
use super::link::{Cardinality, Kind, Linked, LinkedField, LinkedMessage, joined};
use super::model::{File, Opt, Scalar, Syntax, option};

impl<'a> Comparison<'a> {
    pub(super) fn field_pair(&mut self, before: &LinkedField, after: &LinkedField) {
        if self.nothing_differs(before, after) {
            return;
        }
        let pair = Pair::new(self, before, after);
        let kind_changed = self.types(&pair);
        let left_oneof = self.oneofs(&pair);
        if !pair.map_entry {
            self.cardinality(&pair, left_oneof, kind_changed);
        }
        self.names(&pair);
        self.defaults(&pair, kind_changed);
        self.encodings(&pair);
    }

    /// Most fields of most changes are as they were. This says so at once, or does not know.
    fn nothing_differs(&self, before: &LinkedField, after: &LinkedField) -> bool {
        let (one, other) = (before.field, after.field);
        let same_option = |(one, other): (&Opt, &Opt)| one.name == other.name && one.value == other.value;
        let written = one.name == other.name
            && one.label == other.label
            && one.options.len() == other.options.len()
            && one.options.iter().zip(&other.options).all(same_option);
        if !written || before.extendee.is_some() || one.oneof.is_some() || other.oneof.is_some() {
            return false;
        }
        let resolved = before.kind == after.kind
            && !matches!(before.kind, Kind::Enum | Kind::Unknown)
            && before.type_name == after.type_name
            && before.cardinality == after.cardinality
            && before.features.same(&after.features);
        let (file, other_file) = (self.base.file(before.file), self.revision.file(after.file));
        let checks = |file: &File| option(&file.options, "java_string_check_utf8").map(|option| option.value.clone());
        resolved && file.syntax == other_file.syntax && checks(file) == checks(other_file)
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
        let name =
            if pair.before.extendee.is_some() { pair.after_full.as_str() } else { pair.after.field.name.as_str() };
        let args = [&number, name, &pair.owner, values[0], values[1]];
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
            _ => field.type_name.to_string(),
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
            causes.push(format!("gone {}", joined(&pair.before.scope, old)));
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

    fn cardinality(&mut self, pair: &Pair, left_oneof: Option<Vec<String>>, kind_changed: bool) {
        let (before, after) = (pair.before, pair.after);
        let (old, new) = (before.cardinality, after.cardinality);
        if old == new {
            return;
        }
        let message = format!("{} was {} and is {}", pair.called, old.name(), new.name());
        let feature = Feature::FieldPresence;
        let from_file = before.features.stands_at_file(feature) && after.features.stands_at_file(feature);
        // Only the default of the file can have done it where the same words stand.
        let same_words = before.field.label == after.field.label && before.field.written == after.field.written;
        let own = format!("cardinality {}", pair.subject);
        let mut causes = left_oneof.unwrap_or_default();
        if kind_changed && before.field.label == after.field.label {
            causes.push(format!("type {}", pair.subject));
        }
        if causes.is_empty() && same_words && from_file {
            causes = self.feature_causes(feature, true, (before.file, after.file), &pair.full, own.clone());
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
            true => (&pair.full, &pair.after_full),
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
        let own = |field: &LinkedField| {
            option(&field.field.options, "ctype").is_some() || !field.features.stands_at_file(feature)
        };
        let from_file = !own(pair.before) && !own(pair.after);
        let cause = format!("string type {}", pair.subject);
        let causes = self.feature_causes(feature, from_file, (pair.before.file, pair.after.file), &pair.full, cause);
        let spots = [place(pair.base, pair.before), place(pair.revision, pair.after)];
        self.say_pair("FIELD_SAME_CPP_STRING_TYPE", causes, pair, message, [&old, &new], spots);
    }

    fn utf8(&mut self, pair: &Pair) {
        let (before, after) = (pair.before, pair.after);
        let feature = Feature::Utf8Validation;
        let (old, new) = (before.features.get(feature), after.features.get(feature));
        let from_file = before.features.stands_at_file(feature) && after.features.stands_at_file(feature);
        let place = |spot, field: &LinkedField, feature: Feature| {
            at_option(spot, option(&field.field.options, feature.option()))
        };
        if old != new {
            let message = format!("{} changed its UTF-8 validation from {old} to {new}", pair.called);
            let cause = format!("utf8 {}", pair.subject);
            let causes = self.feature_causes(feature, from_file, (before.file, after.file), &pair.full, cause);
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
            let own = |field: &LinkedField| !field.features.stands_at_file(Feature::JavaUtf8Validation);
            let from_file = from_file && !own(before) && !own(after);
            let cause = format!("utf8 {}", pair.subject);
            let mut causes = self.feature_causes(feature, from_file, (before.file, after.file), &pair.full, cause);
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
    full: String,
    after_full: String,
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
        let full = before.full();
        let subject = map.clone().unwrap_or_else(|| full.clone());
        let called = match (map, before.extendee.is_some()) {
            (Some(map), _) => format!("the {} of the map `{map}`", before.field.name),
            (None, true) => format!("the extension `{full}`"),
            (None, false) => format!("the field `{full}`"),
        };
        let message =
            parent.map_or_else(|| before.extendee.clone().unwrap_or_default(), |parent| parent.full.to_string());
        let owner = match &before.extendee {
            Some(extendee) => extendee.clone(),
            None => message.rsplit('.').next().unwrap_or_default().into(),
        };
        Self {
            map_entry: entry(parent) && entry(other),
            base: spot(before.file, before.field.span),
            revision: spot(after.file, after.field.span),
            after_full: after.full(),
            full,
            before,
            after,
            subject,
            called,
            message,
            owner,
        }
    }
}

/// Two spellings of a name of which at least one leads nowhere: a full one and a part of it mean the same.
fn same_but_unknown(before: &LinkedField, after: &LinkedField) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')) && !short.is_empty()
    };
    let (old, new) = (&*before.type_name, &*after.type_name);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_json_has_humps() {
        assert_eq!(json_name("foo_bar_1x"), "fooBar1x");
        assert_eq!(json_name("_a"), "A");
    }
}
