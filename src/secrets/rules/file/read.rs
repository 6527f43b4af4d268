//! One rule file by itself: its tables become drafts of rules. Inheritance is settled by the parent.

use std::collections::{HashMap, HashSet};

use toml::de::DeTable;

use super::super::{Allowlist, Condition, Required, Rule, RuleSet, Target};
use super::table::{Place, Source, Table, short};
use super::{GITLEAKS_VERSION, MAX_BYTES};

const TOP: [&str; 7] = ["title", "description", "minVersion", "extend", "rules", "allowlist", "allowlists"];
const EXTEND: [&str; 4] = ["path", "url", "useDefault", "disabledRules"];
const RULE: [&str; 14] = [
    "id",
    "description",
    "regex",
    "path",
    "secretGroup",
    "entropy",
    "keywords",
    "tags",
    "skipReport",
    "allowlist",
    "allowlists",
    "required",
    "source",
    "revoke",
];
const ALLOWLIST: [&str; 7] = ["description", "condition", "commits", "paths", "regexTarget", "regexes", "stopwords"];
const TARGETED: [&str; 8] =
    ["description", "condition", "commits", "paths", "regexTarget", "regexes", "stopwords", "targetRules"];
const REQUIRED: [&str; 3] = ["id", "withinLines", "withinColumns"];

/// How many groups a pattern has, or what is wrong with it.
pub(super) type Groups<'a> = &'a dyn Fn(&str) -> Result<usize, String>;

/// The rules of one file, and of what it extends once that is known.
#[derive(Default)]
pub(super) struct Level {
    /// Ids are unique.
    pub(super) drafts: Vec<Draft>,
    pub(super) allowlists: Vec<Allowlist>,
    pub(super) targeted: Vec<(Targets, Allowlist)>,
    pub(super) extend: Extend,
}

impl Level {
    /// Rules that come from no file, as if they stood at `place`.
    pub(super) fn of(rules: RuleSet, place: &Place) -> Level {
        let draft = |rule| Draft { rule, place: place.clone(), secret_group: None, unmerged: None, inherited: true };
        let drafts = rules.rules.into_iter().map(draft).collect();
        Level { drafts, allowlists: rules.allowlists, ..Level::default() }
    }
}

/// A rule that may still change.
pub(super) struct Draft {
    pub(super) rule: Rule,
    pub(super) place: Place,
    pub(super) secret_group: Option<Place>,
    /// A key that is set here but not taken over into an inherited rule.
    pub(super) unmerged: Option<(&'static str, Place)>,
    /// Stands in a file that was extended.
    pub(super) inherited: bool,
}

/// `targetRules` of an allowlist.
pub(super) struct Targets {
    pub(super) ids: Vec<String>,
    pub(super) place: Place,
}

/// The `[extend]` table.
#[derive(Default)]
pub(super) struct Extend {
    pub(super) path: Option<(String, Place)>,
    pub(super) use_default: Option<Place>,
    pub(super) disabled: Vec<(String, Place)>,
}

/// Reads one file. What is wrong or odd stands in the source that comes back.
pub(super) fn file(text: &str, file: &str, groups: Groups<'_>) -> (Level, Source) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.len() > MAX_BYTES {
        let mut source = Source::new(file, "");
        let message = format!("the file has {} bytes, more than {MAX_BYTES}", text.len());
        let problem = source.place(0).says(message, None);
        source.problems.push(problem);
        return (Level::default(), source);
    }
    let mut source = Source::new(file, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let place = source.place(error.span().map_or(0, |span| span.start));
        source.problems.push(place.says(format!("not TOML: {}", error.message()), None));
    }
    if !errors.is_empty() {
        return (Level::default(), source);
    }
    let span = document.span();
    let mut reader = Reader { source, groups };
    let top = reader.source.top(document.get_ref(), span, &TOP);
    let level = reader.level(&top);
    (level, reader.source)
}

struct Reader<'g> {
    source: Source,
    groups: Groups<'g>,
}

impl Reader<'_> {
    fn level(&mut self, top: &Table<'_>) -> Level {
        self.min_version(top);
        let mut level = Level { extend: self.extend(top), ..Level::default() };
        let mut positions: HashMap<String, usize> = HashMap::new();
        for table in self.source.tables(top, "rules", &RULE) {
            let draft = self.rule(&table);
            let position = *positions.entry(draft.rule.id.clone()).or_insert(level.drafts.len());
            match level.drafts.get_mut(position) {
                // Without an id each is a mistake of its own; they are reported one by one.
                Some(_) if draft.rule.id.is_empty() => level.drafts.push(draft),
                Some(earlier) => {
                    let (id, line) = (short(&draft.rule.id), earlier.place.line());
                    self.source.warnings.push(draft.place.says(
                        format!("rule `{id}` was defined before, in line {line}; this one counts"),
                        Some("remove one of them".into()),
                    ));
                    *earlier = draft;
                }
                None => level.drafts.push(draft),
            }
        }
        for (table, targets) in self.allowlist_tables(top, &TARGETED, "[allowlist]", "[[allowlists]]", "") {
            let ids: Vec<String> = targets.iter().map(|(id, _)| id.clone()).collect();
            match targets.into_iter().next() {
                Some((_, place)) => level.targeted.push((Targets { ids, place }, table)),
                None => level.allowlists.push(table),
            }
        }
        level
    }

    fn min_version(&mut self, top: &Table<'_>) {
        let Some((wanted, place)) = self.source.string(top, "minVersion") else { return };
        if wanted.is_empty() {
            return;
        }
        let ours = version(GITLEAKS_VERSION).expect("a constant");
        match version(&wanted) {
            None => self.source.problems.push(place.says(
                format!("`minVersion` is `{wanted}`, which is no version"),
                Some("a version looks like v8.25.0".into()),
            )),
            Some(version) if version > ours => self.source.warnings.push(place.says(
                format!("the file wants gitleaks {wanted}; what is understood here is gitleaks {GITLEAKS_VERSION}"),
                Some("newer keys are ignored".into()),
            )),
            Some(_) => {}
        }
    }

    fn extend(&mut self, top: &Table<'_>) -> Extend {
        let Some((table, _)) = self.source.single(top, "extend", &EXTEND) else { return Extend::default() };
        if let Some((_, place)) = self.source.string(&table, "url").filter(|(url, _)| !url.is_empty()) {
            let hint = "gitleaks ignores it as well; save the file and use `path`";
            self.source.warnings.push(place.says("`extend.url` is ignored".into(), Some(hint.into())));
        }
        Extend {
            path: self.source.string(&table, "path").filter(|(path, _)| !path.is_empty()),
            use_default: self.source.flag(&table, "useDefault"),
            disabled: self.source.strings(&table, "disabledRules"),
        }
    }

    fn rule(&mut self, table: &Table<'_>) -> Draft {
        let id = self.text(table, "id");
        let place = self.source.place_of_table(table);
        let called = format!("rule `{}`: ", short(&id));
        let secret_group = self.source.count(table, "secretGroup");
        let allowlists = self.allowlist_tables(table, &ALLOWLIST, "[rules.allowlist]", "[[rules.allowlists]]", &called);
        let required = self.source.tables(table, "required", &REQUIRED);
        let skip_report = self.source.flag(table, "skipReport");
        let unmerged = match required.first() {
            Some(first) => Some(("required", self.source.place_of_table(first))),
            None => skip_report.clone().map(|place| ("skipReport", place)),
        };
        let rule = Rule {
            description: self.text(table, "description"),
            regex: self.pattern(table, "regex", &called),
            path: self.pattern(table, "path", &called),
            secret_group: secret_group.as_ref().map_or(0, |(group, _)| *group as usize),
            entropy: self.source.float(table, "entropy").unwrap_or_default(),
            keywords: self.list(table, "keywords").iter().map(|keyword| lower(keyword)).collect(),
            tags: self.list(table, "tags"),
            skip_report: skip_report.is_some(),
            allowlists: allowlists.into_iter().map(|(allowlist, _)| allowlist).collect(),
            required: required.iter().filter_map(|table| self.required(table, &called)).collect(),
            source: Some(self.text(table, "source")).filter(|source| !source.is_empty()),
            revoke: Some(self.text(table, "revoke")).filter(|revoke| !revoke.is_empty()),
            id,
        };
        Draft { rule, place, secret_group: secret_group.map(|(_, place)| place), unmerged, inherited: false }
    }

    fn required(&mut self, table: &Table<'_>, called: &str) -> Option<Required> {
        let id = self.text(table, "id");
        if id.is_empty() {
            let place = self.source.place_of_table(table);
            self.source.problems.push(place.says(
                format!("{called}a required rule has no `id`"),
                Some("name the rule that must be found nearby".into()),
            ));
            return None;
        }
        let within_lines = self.source.count(table, "withinLines").map(|(lines, _)| lines);
        let within_columns = self.source.count(table, "withinColumns").map(|(columns, _)| columns);
        Some(Required { id, within_lines, within_columns })
    }

    /// The allowlists of a table in either spelling, each with its `targetRules`.
    fn allowlist_tables(
        &mut self,
        table: &Table<'_>,
        known: &'static [&'static str],
        old: &str,
        new: &str,
        called: &str,
    ) -> Vec<(Allowlist, Vec<(String, Place)>)> {
        let mut tables = self.source.tables(table, "allowlists", known);
        if let Some((single, place)) = self.source.single(table, "allowlist", known) {
            if !tables.is_empty() {
                self.source.problems.push(place.says(
                    format!("{called}both {old} and {new} are given"),
                    Some(format!("{old} is the old spelling: write {new} instead of it")),
                ));
            }
            tables.push(single);
        }
        tables
            .iter()
            .map(|table| {
                let targets =
                    if table.has("targetRules") { self.source.strings(table, "targetRules") } else { Vec::new() };
                (self.allowlist(table, called), targets)
            })
            .collect()
    }

    fn allowlist(&mut self, table: &Table<'_>, called: &str) -> Allowlist {
        let allowlist = Allowlist {
            description: self.text(table, "description"),
            condition: self.word(table, "condition", called, "it can be \"OR\" or \"AND\"", |word| {
                match &*word.to_uppercase() {
                    "" | "OR" | "||" => Some(Condition::Or),
                    "AND" | "&&" => Some(Condition::And),
                    _ => None,
                }
            }),
            commits: unique(self.list(table, "commits").iter().map(|commit| lower(commit).trim().to_string())),
            paths: self.patterns(table, "paths", called),
            target: self.word(table, "regexTarget", called, "it can be \"secret\", \"match\" or \"line\"", |word| {
                match word {
                    "" | "secret" => Some(Target::Secret),
                    "match" => Some(Target::Match),
                    "line" => Some(Target::Line),
                    _ => None,
                }
            }),
            regexes: self.patterns(table, "regexes", called),
            stopwords: unique(self.list(table, "stopwords").iter().map(|word| lower(word))),
        };
        let Allowlist { commits, paths, regexes, stopwords, .. } = &allowlist;
        if [commits, paths, regexes, stopwords].iter().all(|checks| checks.is_empty()) {
            let place = self.source.place_of_table(table);
            self.source.problems.push(place.says(
                format!("{called}this allowlist checks nothing"),
                Some("give it `regexes`, `stopwords`, `paths` or `commits`".into()),
            ));
        }
        allowlist
    }

    fn word<T: Default>(
        &mut self,
        table: &Table<'_>,
        name: &str,
        called: &str,
        hint: &str,
        known: impl Fn(&str) -> Option<T>,
    ) -> T {
        let Some((word, place)) = self.source.string(table, name) else { return T::default() };
        known(&word).unwrap_or_else(|| {
            self.source.problems.push(place.says(format!("{called}`{name}` is `{word}`"), Some(hint.into())));
            T::default()
        })
    }

    fn text(&mut self, table: &Table<'_>, name: &str) -> String {
        self.source.string(table, name).map(|(text, _)| text).unwrap_or_default()
    }

    fn list(&mut self, table: &Table<'_>, name: &str) -> Vec<String> {
        self.source.strings(table, name).into_iter().map(|(text, _)| text).collect()
    }

    fn pattern(&mut self, table: &Table<'_>, name: &str, called: &str) -> Option<String> {
        let (pattern, place) = self.source.string(table, name).filter(|(pattern, _)| !pattern.is_empty())?;
        self.judge(&pattern, &place, name, called);
        Some(pattern)
    }

    fn patterns(&mut self, table: &Table<'_>, name: &str, called: &str) -> Vec<String> {
        let patterns = self.source.strings(table, name);
        patterns.iter().for_each(|(pattern, place)| self.judge(pattern, place, name, called));
        patterns.into_iter().map(|(pattern, _)| pattern).collect()
    }

    fn judge(&mut self, pattern: &str, place: &Place, name: &str, called: &str) {
        if let Err(reason) = (self.groups)(pattern) {
            let hint = "patterns are in Go's RE2 dialect, which has no look-around and no back-references";
            self.source.problems.push(place.says(format!("{called}`{name}`: {reason}"), Some(hint.into())));
        }
    }
}

/// Lower case as Go makes it, character by character: a final sigma is no exception and a dotted capital I is an i.
fn lower(text: &str) -> String {
    let dotted = |character| if character == 'İ' { 'I' } else { character };
    text.chars().map(dotted).flat_map(char::to_lowercase).collect()
}

fn unique(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    words.filter(|word| seen.insert(word.clone())).collect()
}

/// Numbers of a version, with whether it is a release: `8.25.0-rc1` comes before `8.25.0`.
fn version(text: &str) -> Option<(Vec<u64>, bool)> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split_once('+').map_or(text, |(version, _)| version);
    let (numbers, release) = match text.split_once('-') {
        Some((_, "")) => return None,
        Some((numbers, _)) => (numbers, false),
        None => (text, true),
    };
    let mut numbers: Vec<u64> = numbers.split('.').map(|number| number.parse().ok()).collect::<Option<_>>()?;
    numbers.resize(numbers.len().max(3), 0);
    Some((numbers, release))
}
