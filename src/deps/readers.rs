//! One reader a format, by family. Each fills a [`Lockfile`] from a text that was bounded before.

use super::lockfile::{Format, Lockfile, MAX_PACKAGES, Need, Package};
use super::node::{self, Json, Node, Refused};

mod dotnet;
mod go;
mod jvm;
mod node_js;
mod others;
mod pnpm;
mod python;
mod ruby;
mod yarn;

type Read = Result<(), Refused>;

pub(super) fn read(format: Format, text: &str, into: &mut Lockfile) -> Read {
    match format {
        Format::BunLock => node_js::bun(&node::json(text, Json::Relaxed)?, into),
        Format::CabalFreeze => others::cabal(text, into),
        Format::CargoLock => others::cargo(&node::toml(text)?, into),
        Format::ComposerLock => others::composer(&json_object(text)?, into),
        Format::ConanLock => others::conan(&json_object(text)?, into),
        Format::DepsJson => dotnet::deps_json(&json_object(text)?, into),
        Format::GemfileLock => ruby::gemfile(text, into),
        Format::GoMod => go::go_mod(text, into),
        Format::GradleLockfile => jvm::gradle(text, into),
        Format::VersionCatalog => jvm::version_catalog(&node::toml(text)?, into),
        Format::ManifestToml => others::julia(&node::toml(text)?, into),
        Format::MixLock => others::mix(text, into),
        Format::PackageLock => node_js::package_lock(&json_object(text)?, into),
        Format::PackageResolved => others::swift(&json_object(text)?, into),
        Format::PackagesConfig => dotnet::packages_config(text, into),
        Format::PackagesLock => dotnet::packages_lock(&json_object(text)?, into),
        Format::PaketLock => dotnet::paket(text, into),
        Format::PdmLock => python::pdm(&node::toml(text)?, into),
        // Pipenv leaves an empty file where there is nothing to lock.
        Format::PipfileLock if text.trim().is_empty() => Ok(()),
        Format::PipfileLock => python::pipfile(&json_object(text)?, into),
        Format::PnpmLock => pnpm::read(&node::yaml(text)?, into),
        Format::PodfileLock => others::podfile(&node::yaml(text)?, into),
        Format::PoetryLock => python::poetry(&node::toml(text)?, into),
        Format::PomXml => jvm::pom(text, into),
        Format::ProjectAssets => dotnet::project_assets(&json_object(text)?, into),
        Format::PubspecLock => others::pubspec(&node::yaml(text)?, into),
        Format::Pylock => python::pylock(&node::toml(text)?, into),
        Format::RenvLock => others::renv(&json_object(text)?, into),
        Format::Requirements => python::requirements(text, into),
        Format::StackLock => others::stack(&node::yaml(text)?, into),
        Format::UvLock => python::uv(&node::toml(text)?, into),
        Format::VerificationMetadata => jvm::verification_metadata(text, into),
        Format::YarnLock => yarn::read(text, into),
    }
}

/// Whether there is room for more packages than `count`; `index` is that of the line. A reader that goes by lines asks
/// before each, so that a text of millions is refused while it is still small in memory.
fn room(count: usize, index: usize) -> Read {
    match count > MAX_PACKAGES {
        true => Err(Refused { line: index as u32 + 1, message: format!("more than {MAX_PACKAGES} packages") }),
        false => Ok(()),
    }
}

fn json_object(text: &str) -> Result<Node<'_>, Refused> {
    let node = node::json(text, Json::Strict)?;
    match node.is_map() {
        true => Ok(node),
        false => Err(Refused { line: 1, message: "an object is expected at the top".into() }),
    }
}

fn package(name: &str, version: &str, line: u32) -> Package {
    Package { name: name.into(), version: version.into(), line, ..Package::default() }
}

fn need(name: &str) -> Need {
    Need { name: name.into(), version: None }
}

/// Needs by the keys of a mapping.
fn needs_of_keys(node: &Node<'_>, key: &str) -> Vec<Need> {
    node.map(key).iter().map(|(name, _)| need(name)).collect()
}

/// The same package from another place of the file: it is needed by everything by which either is.
#[derive(Default)]
struct Once(std::collections::HashMap<(String, String, Option<String>), usize>);

impl Once {
    fn add(&mut self, package: Package, into: &mut Vec<Package>) {
        let key = (package.name.clone(), package.version.clone(), package.commit.clone());
        match self.0.get(&key).and_then(|&index| into.get_mut(index)) {
            Some(known) => {
                if known.groups.is_empty() || package.groups.is_empty() {
                    known.groups.clear();
                } else {
                    for group in package.groups {
                        if !known.groups.contains(&group) {
                            known.groups.push(group);
                        }
                    }
                }
                // A hostile file may repeat one package and its needs without end.
                if known.needs.len() < 1_000 {
                    known.needs.extend(package.needs);
                }
                known.local &= package.local;
            }
            None => {
                self.0.insert(key, into.len());
                into.push(package);
            }
        }
    }
}

/// The commit at the end of a git address, or in the address of a host's archive.
fn commit_of(address: &str) -> Option<String> {
    let hex = |text: &str| {
        let length = text.bytes().take_while(u8::is_ascii_hexdigit).count();
        (length >= 7 && (length == text.len() || !text.as_bytes()[length].is_ascii_alphanumeric()))
            .then(|| text[..length].to_string())
    };
    if let Some((url, fragment)) = address.rsplit_once('#') {
        // Behind the address of an archive stands its checksum.
        if [".tgz", ".tar.gz"].iter().any(|end| url.ends_with(end)) {
            return None;
        }
        let fragment = fragment.strip_prefix("commit=").or(fragment.strip_prefix("commit:")).unwrap_or(fragment);
        return hex(fragment);
    }
    let archive = address.rsplit_once("/tar.gz/").or_else(|| address.rsplit_once("?ref="));
    archive.and_then(|(_, commit)| hex(commit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deps::lockfile::ReadError;

    #[test]
    fn a_text_of_too_many_packages_is_refused_where_they_are_too_many() {
        for (format, line) in [
            (Format::Requirements, "a==1\n"),
            (Format::GoMod, "require example.com/a v1.0.0\n"),
            (Format::GradleLockfile, "a:b:1=c\n"),
        ] {
            let text = line.repeat(MAX_PACKAGES + 10);
            let refused = Lockfile::read(format, text.as_bytes(), "file").unwrap_err();
            let at = matches!(refused, ReadError::Wrong { line, .. } if line as usize == MAX_PACKAGES + 2);
            assert!(at, "{format:?}: {refused}");
        }
    }
}
