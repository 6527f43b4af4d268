//! How large a change is: one label, an animal, and what was left out of the count.
//!
//! A label is worth having when people agree with it. So what nobody reads (lockfiles, generated, vendored and
//! snapshot files) is left out and *listed*; a pure rename counts nothing, a rename with edits counts the edits; a
//! binary file counts no lines. What marks a file as generated is read where the author of the change has no say: in
//! `.gitattributes` and, for a file that was there before, in its text at the base.

use std::collections::BTreeMap;
use std::fmt;

use globset::{Glob, GlobSet, GlobSetBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::attributes::Attributes;
use crate::change::{Diff, FileChange, RepoPath, Status};
use crate::finding::{Finding, Fingerprint, Level, RuleId, RuleInfo};
use crate::label::{LabelSpec, OwnedLabel};
use crate::pull_request::PullRequest;

/// `size/too-large`
pub const TOO_LARGE: RuleId = RuleId::new("size/too-large");

/// The rules of this guard.
pub const RULES: &[RuleInfo] = &[RuleInfo {
    id: "size/too-large",
    level: Level::Error,
    summary: "the change is as large as `size.fail_at` or larger",
    help: "Reviewers find fewer defects per line the larger a change gets. This rule is off until `size.fail_at` names \
           a size. Split the change, or, when it has to be this large, let a maintainer set the label that \
           `size.override_label` names.",
}];

/// The section `size` of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Size")]
pub struct Config {
    /// Whether the guard runs.
    pub enabled: bool,
    /// The number of changed lines (added + deleted) at which each size begins; below `s` a change is XS.
    pub thresholds: Thresholds,
    /// How the label of each size looks (keys: XS, S, M, L, XL).
    pub labels: BTreeMap<SizeLabel, LabelConfig>,
    /// Whether lockfiles, generated, vendored, minified and snapshot files are left out.
    pub ignore_defaults: bool,
    /// More paths to leave out (globs on the whole path).
    pub ignore: Vec<String>,
    /// Paths whose lines count more or less than 1; the first match decides.
    pub weights: Vec<Weight>,
    /// The size from which on a change is blocked, for instance `XL`; nothing is blocked when absent.
    pub fail_at: Option<SizeLabel>,
    /// The label by which a maintainer lets a change of that size pass.
    pub override_label: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            enabled: true,
            thresholds: Thresholds::default(),
            labels: BTreeMap::new(),
            ignore_defaults: true,
            ignore: Vec::new(),
            weights: Vec::new(),
            fail_at: None,
            override_label: "size-approved".into(),
        }
    }
}

/// Where each size begins, in changed lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Thresholds {
    /// First number of lines that is S.
    pub s: u64,
    /// First number of lines that is M.
    pub m: u64,
    /// First number of lines that is L.
    pub l: u64,
    /// First number of lines that is XL.
    pub xl: u64,
}

impl Default for Thresholds {
    fn default() -> Thresholds {
        Thresholds { s: 50, m: 200, l: 500, xl: 1000 }
    }
}

/// How one label looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LabelConfig {
    /// Its name, for instance `size/M`.
    pub name: Option<String>,
    /// Six hexadecimal digits.
    pub color: Option<String>,
    /// At most 100 characters.
    pub description: Option<String>,
    /// The emoji that stands for the size in reports.
    pub animal: Option<String>,
}

/// Lines of some files count more or less than others.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weight {
    /// Globs on the whole path.
    pub paths: Vec<String>,
    /// 0 to 10; 0.5 counts every second line.
    pub weight: f64,
}

/// The five sizes, smallest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
pub enum SizeLabel {
    /// Extra small.
    XS,
    /// Small.
    S,
    /// Medium.
    M,
    /// Large.
    L,
    /// Extra large.
    XL,
}

impl SizeLabel {
    /// Smallest first.
    pub const ALL: [SizeLabel; 5] = [SizeLabel::XS, SizeLabel::S, SizeLabel::M, SizeLabel::L, SizeLabel::XL];

    /// The label for a change of `lines` lines. A bound belongs to the larger size: 499 is `M`, 500 is `L`.
    pub fn of(lines: u64, at: &Thresholds) -> SizeLabel {
        match lines {
            lines if lines >= at.xl => SizeLabel::XL,
            lines if lines >= at.l => SizeLabel::L,
            lines if lines >= at.m => SizeLabel::M,
            lines if lines >= at.s => SizeLabel::S,
            _ => SizeLabel::XS,
        }
    }

    /// `XS` … `XL`.
    pub fn letters(self) -> &'static str {
        match self {
            SizeLabel::XS => "XS",
            SizeLabel::S => "S",
            SizeLabel::M => "M",
            SizeLabel::L => "L",
            SizeLabel::XL => "XL",
        }
    }

    fn animal(self) -> &'static str {
        match self {
            SizeLabel::XS => "\u{1F42D}",
            SizeLabel::S => "\u{1F439}",
            SizeLabel::M => "\u{1F430}",
            SizeLabel::L => "\u{1F43A}",
            SizeLabel::XL => "\u{1F418}",
        }
    }

    fn color(self) -> &'static str {
        match self {
            SizeLabel::XS => "2da44e",
            SizeLabel::S => "7ab648",
            SizeLabel::M => "d4a72c",
            SizeLabel::L => "d1691b",
            SizeLabel::XL => "b62324",
        }
    }

    fn extent(self, at: &Thresholds) -> String {
        match self {
            SizeLabel::XS => format!("under {} changed lines", at.s),
            SizeLabel::S => format!("{} to {} changed lines", at.s, at.m.saturating_sub(1)),
            SizeLabel::M => format!("{} to {} changed lines", at.m, at.l.saturating_sub(1)),
            SizeLabel::L => format!("{} to {} changed lines", at.l, at.xl.saturating_sub(1)),
            SizeLabel::XL => format!("{} changed lines or more", at.xl),
        }
    }
}

/// `size/M`: the default name of the label.
impl fmt::Display for SizeLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "size/{}", self.letters())
    }
}

/// Paths that nobody reviews line by line, by the reason that a report gives.
const DEFAULT_IGNORES: &[(&str, &[&str])] = &[
    (
        "lockfile",
        &[
            "**/{package-lock,npm-shrinkwrap,composer,project.assets,packages}.lock.json",
            "**/{package-lock,npm-shrinkwrap}.json",
            "**/{yarn,bun,Cargo,poetry,uv,pdm,Pipfile,pixi,Gemfile,Podfile,composer,mix,pubspec,flake,deno,gradle,conan,MODULE.bazel}.lock",
            "**/pnpm-lock.{yaml,yml}",
            "**/bun.lockb",
            "**/{go.sum,go.work.sum,gems.locked,cabal.project.freeze,stack.yaml.lock,Package.resolved,packages.lock.json,paket.lock,buildscript-gradle.lockfile,gradle.lockfile,Cartfile.resolved,rebar.lock,shard.lock,Chart.lock,.terraform.lock.hcl,pylock.toml}",
        ],
    ),
    (
        "generated",
        &[
            "**/*.{pb,pb.gw,pulsar}.go",
            "**/*_pb2{,_grpc}.{py,pyi}",
            "**/*_pb.{js,ts,d.ts}",
            "**/*.{g,freezed,gr}.dart",
            "**/*.{g,designer,Designer}.cs",
            "**/{generated,__generated__,.generated}/**",
            "**/*.{generated,gen}.*",
            "**/*.{min,bundle}.{js,css,mjs,cjs}",
            "**/*.{js,css,mjs,cjs}.map",
        ],
    ),
    (
        "vendored",
        &[
            "**/{vendor,third_party,node_modules,Godeps,bower_components,Pods,Carthage}/**",
            ".yarn/{releases,plugins,cache}/**",
            ".pnp.{cjs,loader.mjs}",
        ],
    ),
    (
        "snapshot",
        &[
            "**/__snapshots__/**",
            "**/*.snap",
            "**/*.snap.new",
            "**/__image_snapshots__/**",
            "**/*.approved.*",
            "**/*.ambr",
        ],
    ),
];

/// The configuration, compiled.
#[derive(Clone, Debug)]
pub struct Rules {
    config: Config,
    ignored: Vec<(&'static str, GlobSet)>,
    weights: Vec<(GlobSet, f64)>,
}

impl Rules {
    /// Compiles the globs and checks what types cannot say. The error names the key, as in `size.ignore[2]`.
    pub fn compile(config: &Config) -> Result<Rules, (String, String)> {
        let at = &config.thresholds;
        if !(at.s < at.m && at.m < at.l && at.l < at.xl) {
            return Err(("size.thresholds".into(), "the sizes must grow: s < m < l < xl".into()));
        }
        for (size, label) in &config.labels {
            let key = |field: &str| format!("size.labels.{}.{field}", size.letters());
            if let Some(color) = &label.color
                && !(color.len() == 6 && color.bytes().all(|byte| byte.is_ascii_hexdigit()))
            {
                return Err((key("color"), format!("`{color}` is no color: six hexadecimal digits, as in `2da44e`")));
            }
            if label.name.as_ref().is_some_and(|name| name.trim().is_empty() || name.chars().count() > 50) {
                return Err((key("name"), "a label's name has 1 to 50 characters".into()));
            }
            if label.description.as_ref().is_some_and(|text| text.chars().count() > 100) {
                return Err((key("description"), "a label's description has at most 100 characters".into()));
            }
        }
        let mut ignored = vec![("ignored by the policy", globs(&config.ignore, "size.ignore")?)];
        if config.ignore_defaults {
            for (reason, patterns) in DEFAULT_IGNORES {
                let patterns: Vec<String> = patterns.iter().map(|pattern| pattern.to_string()).collect();
                ignored.push((reason, globs(&patterns, "size (built in)")?));
            }
        }
        let mut weights = Vec::new();
        for (index, weight) in config.weights.iter().enumerate() {
            if !(0.0..=10.0).contains(&weight.weight) {
                return Err((format!("size.weights[{index}].weight"), "a weight is a number from 0 to 10".into()));
            }
            weights.push((globs(&weight.paths, &format!("size.weights[{index}].paths"))?, weight.weight));
        }
        Ok(Rules { config: config.clone(), ignored, weights })
    }

    /// The label of a size as the configuration wants it.
    pub fn label(&self, size: SizeLabel) -> LabelSpec {
        let custom = self.config.labels.get(&size).cloned().unwrap_or_default();
        let animal = self.animal(size);
        LabelSpec {
            name: custom.name.unwrap_or_else(|| size.to_string()),
            color: custom.color.unwrap_or_else(|| size.color().into()),
            description: custom
                .description
                .unwrap_or_else(|| format!("{animal} {}", size.extent(&self.config.thresholds))),
        }
    }

    /// The label for a size, with the family that it takes the place of.
    pub fn owned_label(&self, size: SizeLabel) -> OwnedLabel {
        let family = SizeLabel::ALL.map(|size| self.label(size).name).to_vec();
        OwnedLabel { family, wanted: self.label(size) }
    }

    fn animal(&self, size: SizeLabel) -> String {
        let custom = self.config.labels.get(&size).and_then(|label| label.animal.clone());
        custom.unwrap_or_else(|| size.animal().into())
    }
}

/// Compiles globs in which `*` stays inside a path component, as people expect of `**`.
pub(crate) fn globs(patterns: &[String], key: &str) -> Result<GlobSet, (String, String)> {
    let mut set = GlobSetBuilder::new();
    for (index, pattern) in patterns.iter().enumerate() {
        let glob = globset::GlobBuilder::new(pattern).literal_separator(true).empty_alternates(true).build();
        let glob: Glob = glob.map_err(|error| (format!("{key}[{index}]"), error.to_string()))?;
        set.add(glob);
    }
    set.build().map_err(|error| (key.to_string(), error.to_string()))
}

/// What the guard measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The size.
    pub size: SizeLabel,
    /// Its label.
    pub label: LabelSpec,
    /// Its emoji.
    pub animal: String,
    /// The number that decides: added + deleted lines, weighted, of the files that count.
    pub lines: u64,
    /// Added lines of the files that count.
    pub added: u64,
    /// Deleted lines of the files that count.
    pub deleted: u64,
    /// How many files count.
    pub files: usize,
    /// Files that do not count, by path.
    pub left_out: Vec<LeftOut>,
    /// Binary files: they count no lines.
    pub binary: Vec<RepoPath>,
    /// Files that only moved: they count no lines.
    pub moved: usize,
}

/// A file that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Which.
    pub path: RepoPath,
    /// Why: `lockfile`, `generated`, `vendored`, `snapshot`, `-diff`, `ignored by the policy`.
    pub reason: &'static str,
    /// Its added lines.
    pub added: u32,
    /// Its deleted lines.
    pub deleted: u32,
}

/// Measures a change and, where the policy says so, objects to its size.
pub fn check(
    files: &[FileChange],
    pull_request: Option<&PullRequest>,
    attributes: &Attributes,
    rules: &Rules,
) -> (Measured, Vec<Finding>, OwnedLabel) {
    let measured = measure(files, attributes, rules);
    let findings = too_large(&measured, pull_request, rules).into_iter().collect();
    let label = rules.owned_label(measured.size);
    (measured, findings, label)
}

fn measure(files: &[FileChange], attributes: &Attributes, rules: &Rules) -> Measured {
    let (mut added_total, mut deleted_total, mut weighted, mut counted, mut moved) = (0, 0, 0.0, 0, 0);
    let (mut left_out, mut binary) = (Vec::new(), Vec::new());
    for file in files {
        let (added, deleted) = file.line_counts();
        if let Some(reason) = reason_to_leave_out(file, attributes, rules) {
            left_out.push(LeftOut { path: file.path.clone(), reason, added, deleted });
            continue;
        }
        counted += 1;
        match (&file.diff, file.status) {
            (Diff::Binary, _) => binary.push(file.path.clone()),
            (Diff::Lines(hunks), Status::Renamed(_)) if hunks.is_empty() => moved += 1,
            (Diff::Lines(_), _) => {}
        }
        added_total += u64::from(added);
        deleted_total += u64::from(deleted);
        weighted += f64::from(added + deleted) * weight(file, rules);
    }
    let lines = weighted.round() as u64;
    let size = SizeLabel::of(lines, &rules.config.thresholds);
    Measured {
        size,
        label: rules.label(size),
        animal: rules.animal(size),
        lines,
        added: added_total,
        deleted: deleted_total,
        files: counted,
        left_out,
        binary,
        moved,
    }
}

fn reason_to_leave_out(file: &FileChange, attributes: &Attributes, rules: &Rules) -> Option<&'static str> {
    let path = file.path.to_text();
    if let Some((reason, _)) = rules.ignored.iter().find(|(_, globs)| globs.is_match(path.as_ref())) {
        return Some(reason);
    }
    if !rules.config.ignore_defaults {
        return None;
    }
    let marks = attributes.of(&file.path);
    match () {
        // Said at the base, so the author of this change has no say in it; an explicit `-linguist-generated` wins.
        () if marks.generated == Some(true) => Some("generated"),
        () if marks.vendored == Some(true) => Some("vendored"),
        () if marks.diff == Some(false) => Some("-diff"),
        () if marks.generated.is_none() && says_generated(file) => Some("generated"),
        () => None,
    }
}

/// A generator's own mark in the first lines: Go's (`go help generate`), and `@generated`, which Phabricator began and
/// many tools write. A file that was there before is asked at the base: marking a file must not hide its edits.
fn says_generated(file: &FileChange) -> bool {
    let Some(data) = file.base.as_ref().or(file.head.as_ref()).and_then(|blob| blob.data.as_deref()) else {
        return false;
    };
    let beginning = &data[..data.len().min(4096)];
    beginning.split(|&byte| byte == b'\n').take(20).any(|line| {
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        let comment = ["//", "#", "/*", "*", "<!--", "--", ";", "\"\"\""].iter().any(|mark| line.starts_with(mark));
        comment
            && ((line.contains("Code generated ") && line.contains("DO NOT EDIT"))
                || line.split(|c: char| c.is_whitespace()).any(|word| word == "@generated"))
    })
}

fn weight(file: &FileChange, rules: &Rules) -> f64 {
    let path = file.path.to_text();
    rules.weights.iter().find(|(globs, _)| globs.is_match(path.as_ref())).map_or(1.0, |(_, weight)| *weight)
}

fn too_large(measured: &Measured, pull_request: Option<&PullRequest>, rules: &Rules) -> Option<Finding> {
    let bound = rules.config.fail_at.filter(|bound| measured.size >= *bound)?;
    let waiver = &rules.config.override_label;
    if pull_request.is_some_and(|pull_request| pull_request.label(waiver).is_some()) {
        return None;
    }
    let message = match bound == measured.size {
        true => format!(
            "the change is {}: {} changed lines in {} files",
            measured.size.letters(),
            measured.lines,
            measured.files
        ),
        false => format!(
            "the change is {}: {} changed lines in {} files, and changes of size {} or more are blocked",
            measured.size.letters(),
            measured.lines,
            measured.files,
            bound.letters()
        ),
    };
    Some(Finding {
        fingerprint: Fingerprint::of(&TOO_LARGE, &[]),
        rule: TOO_LARGE,
        level: Level::Error,
        message,
        location: None,
        help: Some(format!("split it, or let a maintainer add the label `{waiver}`")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_larger_size() {
        let at = Thresholds::default();
        let sizes =
            [0, 49, 50, 199, 200, 499, 500, 999, 1000, u64::MAX].map(|lines| SizeLabel::of(lines, &at).letters());
        assert_eq!(sizes, ["XS", "XS", "S", "S", "M", "M", "L", "L", "XL", "XL"]);
    }

    #[test]
    fn the_built_in_globs_compile_and_match_what_they_name() {
        let rules = Rules::compile(&Config::default()).unwrap();
        let reason =
            |path: &str| rules.ignored.iter().find(|(_, globs)| globs.is_match(path)).map(|(reason, _)| *reason);
        for path in [
            "Cargo.lock",
            "web/package-lock.json",
            "pnpm-lock.yaml",
            "go.sum",
            "a/b/composer.lock",
            "uv.lock",
            "packages.lock.json",
        ] {
            assert_eq!(reason(path), Some("lockfile"), "{path}");
        }
        assert_eq!(reason("api/v1/billing.pb.go"), Some("generated"));
        assert_eq!(reason("web/app.min.js"), Some("generated"));
        assert_eq!(reason("vendor/x/y.go"), Some("vendored"));
        assert_eq!(reason("src/__snapshots__/a.test.ts.snap"), Some("snapshot"));
        for path in ["src/lock.rs", "src/vendor.rs", "docs/generated.md", "Cargo.toml", "src/map.js"] {
            assert_eq!(reason(path), None, "{path}");
        }
    }

    #[test]
    fn thresholds_that_do_not_grow_are_refused() {
        let config = Config { thresholds: Thresholds { s: 50, m: 40, l: 500, xl: 1000 }, ..Config::default() };
        assert_eq!(Rules::compile(&config).unwrap_err().0, "size.thresholds");
    }
}
