//! Maven's project file and what Gradle writes.

use std::collections::HashMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::{Read, package, room};
use crate::deps::lockfile::Lockfile;
use crate::deps::node::{Lines, Node, Refused};

const MAX_DEPTH: usize = 128;

/// Events of an XML text with their lines. Entities of a document type are never expanded.
pub(super) struct Xml<'a> {
    reader: Reader<&'a [u8]>,
    lines: Lines,
    begun: usize,
    depth: usize,
    elements: usize,
}

impl<'a> Xml<'a> {
    pub(super) fn of(text: &'a str) -> Xml<'a> {
        Xml { reader: Reader::from_str(text), lines: Lines::of(text), begun: 0, depth: 0, elements: 0 }
    }

    pub(super) fn line(&self) -> u32 {
        // White space before the tag was its own event.
        self.lines.at(self.begun + 1)
    }

    pub(super) fn next(&mut self) -> Result<Option<Event<'a>>, Refused> {
        self.begun = self.reader.buffer_position() as usize;
        let event = self.reader.read_event();
        let refuse = |message: String| Refused { line: self.lines.at(self.begun), message };
        match event {
            Ok(Event::Eof) if self.depth > 0 => Err(refuse("this is not XML: an element does not end".into())),
            Ok(Event::Eof) if self.elements == 0 => Err(refuse("this is not XML: it holds no element".into())),
            Ok(Event::Eof) => Ok(None),
            Ok(event) => {
                match &event {
                    Event::Start(_) if self.depth == MAX_DEPTH => {
                        return Err(refuse(format!("nested deeper than {MAX_DEPTH} levels")));
                    }
                    Event::Start(tag) | Event::Empty(tag) => {
                        let name = tag.name();
                        let odd = |character: char| "${}<&\"'".contains(character);
                        if name.as_ref().chars().any(odd) {
                            return Err(refuse("this is not XML: an element has no proper name".into()));
                        }
                        self.elements += 1;
                        self.depth += usize::from(matches!(event, Event::Start(_)));
                    }
                    Event::End(_) => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
                Ok(Some(event))
            }
            Err(error) => Err(refuse(format!("this is not XML: {error}"))),
        }
    }
}

/// An attribute's text; empty where there is none.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> String {
    let found = tag.attributes().flatten().find(|attribute| attribute.key.as_ref() == name);
    found.map_or_else(String::new, |attribute| {
        let raw = attribute.value.to_string();
        quick_xml::escape::unescape(&raw).map(|text| text.into_owned()).unwrap_or(raw)
    })
}

/// gradle/verification-metadata.xml.
pub(super) fn verification_metadata(text: &str, into: &mut Lockfile) -> Read {
    let mut xml = Xml::of(text);
    while let Some(event) = xml.next()? {
        let (Event::Start(tag) | Event::Empty(tag)) = &event else { continue };
        if tag.local_name().as_ref() == "component" {
            let [group, name, version] = ["group", "name", "version"].map(|key| attribute(tag, key));
            into.packages.push(package(&format!("{group}:{name}"), &version, xml.line()));
        }
    }
    Ok(())
}

/// gradle.lockfile: `group:artifact:version=configurations`.
pub(super) fn gradle(text: &str, into: &mut Lockfile) -> Read {
    for (index, line) in text.lines().enumerate() {
        room(into.packages.len(), index)?;
        let coordinates = line.split('=').next().unwrap_or_default().trim();
        let parts: Vec<&str> = coordinates.splitn(4, ':').collect();
        if let [group, artifact, version] = parts.as_slice()
            && !coordinates.starts_with('#')
        {
            into.packages.push(package(&format!("{group}:{artifact}"), version, index as u32 + 1));
        }
    }
    Ok(())
}

/// libs.versions.toml (<https://docs.gradle.org/current/userguide/version_catalogs.html>).
pub(super) fn version_catalog(node: &Node<'_>, into: &mut Lockfile) -> Read {
    let versions: HashMap<&str, &Node<'_>> =
        node.map("versions").iter().map(|(name, version)| (name.as_ref(), version)).collect();
    for (_, library) in node.map("libraries") {
        let (name, version) = match library.text() {
            Some(text) => match text.rsplit_once(':') {
                Some((module, version)) if module.contains(':') => (module.to_string(), version.to_string()),
                _ => (text.to_string(), String::new()),
            },
            None => {
                let name = match library.str("module") {
                    "" => format!("{}:{}", library.str("group"), library.str("name")),
                    module => module.to_string(),
                };
                (name, library.get("version").map(|version| rich(version, &versions)).unwrap_or_default())
            }
        };
        into.packages.push(package(&name, &version, library.line));
    }
    Ok(())
}

/// A version as text, as one of its rich forms, or by reference.
fn rich(version: &Node<'_>, versions: &HashMap<&str, &Node<'_>>) -> String {
    let forms = |node: &Node<'_>| {
        let forms = ["strictly", "require", "prefer"].map(|form| node.str(form).to_string());
        node.text().map(str::to_string).or_else(|| forms.into_iter().find(|text| !text.is_empty()))
    };
    match version.str("ref") {
        "" => forms(version),
        name => versions.get(name).and_then(|node| forms(node)),
    }
    .unwrap_or_default()
}

/// What a `<dependency>` holds.
#[derive(Clone, Default)]
struct Declared {
    group: String,
    artifact: String,
    version: String,
    scope: String,
    kind: String,
    line: u32,
}

/// pom.xml: what it declares, with the properties and managed versions that it holds itself. Parents and imported
/// bills of materials are elsewhere and are not fetched.
pub(super) fn pom(text: &str, into: &mut Lockfile) -> Read {
    let mut xml = Xml::of(text);
    let mut path: Vec<String> = Vec::new();
    let mut properties: HashMap<String, String> = HashMap::new();
    let (mut declared, mut managed): (Vec<Declared>, Vec<Declared>) = (Vec::new(), Vec::new());
    let mut current = Declared::default();
    let mut value = String::new();
    // The dependencies of a profile count when it is active by default, which may be said after them.
    let (mut profile, mut active): (Vec<Declared>, bool) = (Vec::new(), false);
    while let Some(event) = xml.next()? {
        match event {
            Event::Start(tag) => {
                let name = tag.local_name().as_ref().to_string();
                value.clear();
                if name == "dependency" {
                    current = Declared { line: xml.line(), ..Declared::default() };
                }
                path.push(name);
                if path.join("/") == "project/profiles/profile" {
                    (profile, active) = (Vec::new(), false);
                }
            }
            Event::Text(text) => value.push_str(&text),
            Event::CData(text) => value.push_str(&text),
            Event::End(_) => {
                let place: Vec<&str> = path.iter().map(String::as_str).collect();
                let text = value.trim().to_string();
                match place.as_slice() {
                    ["project", "properties", name] => drop(properties.insert(name.to_string(), text)),
                    ["project", name @ ("version" | "groupId" | "artifactId")] => {
                        drop(properties.insert(format!("project.{name}"), text));
                    }
                    ["project", "parent", name @ ("version" | "groupId" | "artifactId")] => {
                        properties.entry(format!("project.{name}")).or_insert_with(|| text.clone());
                        drop(properties.insert(format!("project.parent.{name}"), text));
                    }
                    ["project", "profiles", "profile", "activation", "activeByDefault"] => active = text == "true",
                    ["project", "profiles", "profile"] if active => declared.append(&mut profile),
                    ["project", "dependencies", "dependency"] => declared.push(std::mem::take(&mut current)),
                    ["project", "profiles", "profile", "dependencies", "dependency"] => {
                        profile.push(std::mem::take(&mut current));
                    }
                    ["project", "dependencyManagement", "dependencies", "dependency"] => {
                        managed.push(std::mem::take(&mut current));
                    }
                    [.., "dependency", "groupId"] => current.group = text,
                    [.., "dependency", "artifactId"] => current.artifact = text,
                    [.., "dependency", "version"] => current.version = text,
                    [.., "dependency", "scope"] => current.scope = text,
                    [.., "dependency", "type"] => current.kind = text,
                    _ => {}
                }
                value.clear();
                path.pop();
            }
            _ => {}
        }
    }
    let fill = |text: &str| interpolate(text, &properties);
    let managed: HashMap<(String, String), String> =
        managed.iter().map(|it| ((fill(&it.group), fill(&it.artifact)), fill(&it.version))).collect();
    let mut seen = std::collections::HashSet::new();
    for it in declared {
        let (group, artifact) = (fill(&it.group), fill(&it.artifact));
        let mut version = fill(&it.version);
        if version.is_empty() {
            version = managed.get(&(group.clone(), artifact.clone())).cloned().unwrap_or_default();
        }
        if group.is_empty() || artifact.is_empty() || !seen.insert((group.clone(), artifact.clone())) {
            continue;
        }
        let mut found = package(&format!("{group}:{artifact}"), &lower_bound(&version), it.line);
        if !it.scope.is_empty() && it.scope != "compile" {
            found.groups.push(it.scope);
        }
        into.packages.push(found);
    }
    Ok(())
}

/// `[1.0,2.0)` begins at 1.0; a plain version is itself.
fn lower_bound(version: &str) -> String {
    let inner = version.trim_start_matches(['[', '(']);
    if inner.len() == version.len() {
        return version.to_string();
    }
    inner.split([',', ']', ')']).next().unwrap_or_default().trim().to_string()
}

/// Puts properties in; one may hold others, so it is done a few times, and never grows beyond a line.
fn interpolate(text: &str, properties: &HashMap<String, String>) -> String {
    let mut text = text.to_string();
    for _ in 0..8 {
        let Some((before, rest)) = text.split_once("${") else { return text };
        let Some((name, after)) = rest.split_once('}') else { return text };
        let old = |name: &str| name.strip_prefix("pom.").map(|name| format!("project.{name}"));
        let value = properties.get(name).or_else(|| properties.get(&old(name)?));
        let Some(value) = value.filter(|value| value.len() + text.len() < 4096) else { return text };
        text = format!("{before}{value}{after}");
    }
    text
}
