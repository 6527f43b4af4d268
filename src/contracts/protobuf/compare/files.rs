//! Files and packages, and what is gone from them.

use std::collections::{BTreeSet, HashMap};

use super::{Comparison, Said, Spot, option_text, shown};
use crate::contracts::protobuf::lexer::Span;
use crate::contracts::protobuf::link::{Linked, LinkedMessage, joined};
use crate::contracts::protobuf::model::{Opt, Syntax, option};
use crate::contracts::protobuf::rules::FILE_OPTIONS;

impl<'a> Comparison<'a> {
    pub(super) fn files(&mut self) {
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
    pub(super) fn deleted(&mut self) {
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

fn syntax_name(syntax: Syntax) -> String {
    match syntax {
        Syntax::Proto2 => "proto2".into(),
        Syntax::Proto3 => "proto3".into(),
        Syntax::Edition(year) => format!("edition {year}"),
    }
}
