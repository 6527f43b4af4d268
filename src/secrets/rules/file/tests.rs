use super::*;
use crate::secrets::rules::{Condition, Target};

/// Understands just enough of a pattern: parentheses are groups, and must be closed.
fn groups(pattern: &str) -> Result<usize, String> {
    let opened = pattern.matches('(').count();
    match pattern.matches(')').count() == opened {
        true => Ok(opened - pattern.matches("(?").count()),
        false => Err("missing closing )".into()),
    }
}

fn builtin() -> RuleSet {
    let text = "[[rules]]\nid = 'aws'\nregex = '(A)(K)'\nkeywords = ['ak']\ntags = ['t0']\nskipReport = true\n\
                [[rules]]\nid = 'zeta'\nregex = 'z'\n[allowlist]\npaths = ['vendor']\n";
    load(text, "built-in", &Outside::nothing()).unwrap().rules
}

fn loaded(text: &str) -> Result<Loaded, RuleFileError> {
    let read = |path: &str| match path {
        "base.toml" => {
            Ok("[extend]\npath = 'deep.toml'\n[[rules]]\nid = 'b'\nregex = 'B-(x)'\nkeywords = ['B-']\n".into())
        }
        "deep.toml" => Ok("[extend]\npath = 'never.toml'\n[[rules]]\nid = 'c'\nregex = 'C'\n[[allowlists]]\n\
                           targetRules = ['c']\nstopwords = ['x']\n"
            .to_string()),
        "broken.toml" => Ok("[[rules]]\nregex = 1\nid = 'q'\nkeywords = [[1]]\n".into()),
        _ => Err("no such file".into()),
    };
    load(text, "my.toml", &Outside { read: &read, builtin: &builtin, groups: &groups })
}

fn refused(text: &str) -> String {
    loaded(text).unwrap_err().to_string()
}

fn warned(text: &str) -> Vec<String> {
    loaded(text).unwrap().warnings.iter().map(Problem::to_string).collect()
}

#[test]
fn a_rule_says_everything_it_can_say() {
    let rules = loaded(
        "title = 't'\n[[Rules]]\nID = 'a'\nDESCRIPTION = 'd'\nregex = '''x(y)'''\nsecretgroup = 1\nentropy = 3.5\n\
         keywords = ['ABC', 'Ünï']\ntags = ['one']\nsource = 'https://example.org/format'\nrevoke = 'https://example.org/revoke'\n\
         [[Rules.AllowLists]]\ncondition = 'and'\nregexTarget = 'line'\nregexes = ['r']\nstopwords = ['Foo', 'foo']\n\
         commits = [' ABCDEF ']\npaths = ['p']\n[[Rules.required]]\nid = 'a'\nwithinLines = 3\n",
    )
    .unwrap();
    assert_eq!(rules.warnings, []);
    let rule = rules.rules.get("a").unwrap();
    assert_eq!((rule.regex.as_deref(), rule.secret_group, rule.entropy), (Some("x(y)"), 1, 3.5));
    assert_eq!(rule.keywords, ["abc", "ünï"]);
    assert_eq!(rule.revoke.as_deref(), Some("https://example.org/revoke"));
    assert_eq!((rule.required[0].within_lines, rule.required[0].within_columns), (Some(3), None));
    let allowlist = &rule.allowlists[0];
    assert_eq!((allowlist.condition, allowlist.target), (Condition::And, Target::Line));
    assert_eq!((&allowlist.stopwords[..], &allowlist.commits[..]), (&["foo".into()][..], &["abcdef".into()][..]));
}

#[test]
fn values_are_bent_to_the_type_that_is_wanted() {
    let rules =
        loaded("[rules]\nid = 7\nregex = 'a(b)'\nsecretGroup = '1'\nentropy = '2.5'\nkeywords = 'A,b'\ntags = []\n");
    let rules = rules.unwrap().rules;
    let rule = rules.get("7").unwrap();
    assert_eq!((rule.secret_group, rule.entropy), (1, 2.5));
    assert_eq!(rule.keywords, ["a", "b"]);
    assert_eq!(refused("rules = 3"), "my.toml:1:1: `rules` must be a list of tables, not this integer");
    assert_eq!(
        refused("[[rules]]\nid = 'a'\nregex = 'b'\n  entropy = 'high'"),
        "my.toml:4:3: `entropy` must be a number, not this string"
    );
}

#[test]
fn every_mistake_is_named_at_its_place() {
    let error = loaded(
        "[[rules]]\nregex = 'abc'\n[[rules]]\nid = 'a'\n[[rules]]\nid = 'b'\nregex = '(b'\n[[rules]]\nid = 'g'\n\
         regex = '(g)'\nsecretGroup = 2\n[[rules.allowlists]]\ncondition = 'XOR'\nregexTarget = 'file'\nregexes = ['b']\n\
         [[rules.allowlists]]\ndescription = 'empty'\n[[rules.required]]\nid = 'zz'\n[[allowlists]]\ntargetRules = ['aa']\nregexes = ['b']\n",
    )
    .unwrap_err();
    let told: Vec<String> =
        error.problems.iter().map(|at| format!("{}:{} {}", at.line, at.column, at.message)).collect();
    assert_eq!(
        told,
        [
            "1:1 this rule has no `id`",
            "3:1 rule `a` has neither `regex` nor `path`: it can match nothing",
            "7:1 rule `b`: `regex`: missing closing )",
            "8:1 rule `g` requires the rule `zz`, which does not exist",
            "11:1 rule `g`: `secretGroup` is 2, but the regex has one group",
            "13:1 rule `g`: `condition` is `XOR`",
            "14:1 rule `g`: `regexTarget` is `file`",
            "16:1 rule `g`: this allowlist checks nothing",
            "21:16 `targetRules` names the rule `aa`, which does not exist",
        ]
    );
    assert_eq!(error.problems[6].key, "rules[3].allowlists[0].regexTarget");
    assert_eq!(error.problems[8].hint.as_deref(), Some("did you mean `a`?"));
}

#[test]
fn toml_that_is_none_is_refused_with_its_place() {
    let error = refused("[[rules]\nid='a'\n");
    assert!(error.starts_with("my.toml:1:9: not TOML: "), "{error}");
    assert!(refused(&"#".repeat(MAX_BYTES + 1)).contains("more than"));
}

#[test]
fn both_spellings_of_allowlists_are_read_but_not_together() {
    let old =
        loaded("[[rules]]\nid='a'\nregex='a'\n[rules.allowlist]\nregexes=['b']\n[allowlist]\npaths=['c']\n").unwrap();
    assert_eq!((old.rules.rules[0].allowlists.len(), old.rules.allowlists.len()), (1, 1));
    let both = "[rules.allowlist]\nregexes=['b']\n[[rules.allowlists]]\nregexes=['c']\n";
    let error = refused(&format!("[[rules]]\nid='a'\nregex='a'\n{both}"));
    assert!(error.starts_with("my.toml:4:8: rule `a`: both [rules.allowlist] and [[rules.allowlists]]"), "{error}");
    assert!(refused(&both.replace("rules.", "")).contains("both [allowlist] and [[allowlists]]"));
}

#[test]
fn a_rule_extends_its_namesake() {
    let text = "[extend]\nuseDefault = true\ndisabledRules = ['zeta', 'zeto']\n[[rules]]\nid = 'aws'\ndescription = 'ours'\n\
                keywords = ['X']\ntags = ['t1']\nskipReport = false\n[[rules.required]]\nid = 'acme'\n[[rules.allowlists]]\nstopwords = ['s']\n\
                [[rules]]\nid = 'acme'\nregex = 'acme'\n[[allowlists]]\nstopwords = ['own']\n\
                [[allowlists]]\ntargetRules = ['aws', 'acme']\nstopwords = ['t']\n";
    let Loaded { rules, warnings } = loaded(text).unwrap();
    assert_eq!(rules.rules.iter().map(|rule| &*rule.id).collect::<Vec<_>>(), ["acme", "aws"]);
    let aws = rules.get("aws").unwrap();
    assert_eq!((aws.description.as_str(), aws.regex.as_deref()), ("ours", Some("(A)(K)")));
    assert_eq!((aws.keywords.join(" "), aws.tags.join(" ")), ("ak x".into(), "t0 t1".into()));
    assert!(aws.skip_report && aws.required.is_empty(), "gitleaks keeps both as they were inherited");
    assert_eq!(aws.allowlists.len(), 2);
    assert_eq!(rules.allowlists[0].stopwords, ["own"]);
    assert_eq!(rules.allowlists[1].paths, ["vendor"]);
    let told: Vec<String> = warnings.iter().map(Problem::to_string).collect();
    assert_eq!(
        told,
        [
            "my.toml:3:26: `disabledRules` names the rule `zeto`, which the extended rules do not have (did you mean `zeta`?)",
            "my.toml:10:1: rule `aws`: `required` of an extended rule is ignored (so does gitleaks; disable the rule and write it anew under another id)",
        ]
    );
}

#[test]
fn a_chain_of_files_ends_at_the_second_level() {
    let loaded = loaded("[extend]\npath = 'base.toml'\n[[rules]]\nid = 'a'\nregex = 'A'\n").unwrap();
    assert_eq!(loaded.rules.rules.iter().map(|rule| &*rule.id).collect::<String>(), "abc");
    assert!(loaded.rules.get("c").unwrap().allowlists.is_empty());
    let told: Vec<String> = loaded.warnings.iter().map(Problem::to_string).collect();
    assert!(told[0].starts_with("deep.toml:2:1: a third level of `extend` is not loaded"), "{told:?}");
    assert!(told[1].starts_with("deep.toml:7:16: `targetRules` in an extended file is ignored"), "{told:?}");
}

#[test]
fn a_file_that_cannot_be_extended_stops_everything() {
    let error = refused("[extend]\npath = 'gone.toml'\n");
    assert!(error.starts_with("my.toml:2:1: cannot extend `gone.toml`: no such file"), "{error}");
    let error = refused("[extend]\npath = 'broken.toml'\n");
    assert!(error.contains("broken.toml:4:13: `keywords` must be a list of strings, not a list"), "{error}");
    let error = refused("[extend]\npath = 'x.toml'\nuseDefault = true\n");
    assert!(error.starts_with("my.toml:2:1: both `extend.path` and `extend.useDefault` are set"), "{error}");
}

#[test]
fn what_does_no_harm_is_only_mentioned() {
    assert_eq!(
        warned("[[rules]]\nid='a'\nregexp='x'\nregex='y'\nshape='round'\nId='b'\n"),
        [
            "my.toml:3:1: unknown key `regexp` is ignored (did you mean `regex`?)",
            "my.toml:5:1: unknown key `shape` is ignored",
            "my.toml:6:1: `Id` is given twice; the last one counts",
        ]
    );
    assert_eq!(warned("minVersion = 'v8.30.1'"), [""; 0]);
    assert!(warned("minVersion = 'v99.0.0'")[0].contains("wants gitleaks v99.0.0"));
    assert!(refused("minVersion = 'new'").contains("which is no version"));
    let twice = "[[rules]]\nid='a'\nregex='x'\n[[rules]]\nid='a'\nregex='y'\n";
    assert!(warned(twice)[0].starts_with("my.toml:4:1: rule `a` was defined before, in line 1; this one counts"));
    assert_eq!(loaded(twice).unwrap().rules.rules[0].regex.as_deref(), Some("y"));
}

#[test]
fn a_required_rule_that_was_disabled_is_a_warning() {
    let read =
        |_: &str| Ok("[[rules]]\nid='a'\nregex='a'\n[[rules.required]]\nid='b'\n[[rules]]\nid='b'\nregex='b'\n".into());
    let text = "[extend]\npath='x'\ndisabledRules=['b']\n";
    let loaded = load(text, "my.toml", &Outside { read: &read, builtin: &builtin, groups: &groups }).unwrap();
    assert!(
        loaded.warnings[0].to_string().starts_with("x:1:1: rule `a` requires the rule `b`"),
        "{:?}",
        loaded.warnings
    );
}

#[test]
fn a_file_that_nobody_wrote_is_refused_in_good_time() {
    // A million values on one line, ids of a megabyte, thousands of unknown keys and rules: none may take the square.
    let tables = "{id='a',regex='('},".repeat(20_000);
    let error = loaded(&format!("rules = [{tables}]")).unwrap_err();
    assert_eq!(error.problems.len(), 200);
    let long = "x".repeat(1 << 20);
    let error = refused(&format!(
        "[[rules]]\nid = '{long}'\nregex = '('\nkeywords = [[], [], []]\n[[rules.required]]\nid = '{long}y'\n"
    ));
    assert!(error.len() < 2_000, "{}", error.len());
    let keys: String = (0..10_000).map(|key| format!("k{key} = 1\n")).collect();
    assert_eq!(warned(&keys).len(), 200);
    let rules: String = (0..3_000).map(|rule| format!("[[rules]]\nid = 'r{rule}'\nregex = 'a'\n")).collect();
    assert_eq!(loaded(&rules).unwrap().rules.rules.len(), 3_000);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "(\\[\\[?(rules|extend|allowlists?|rules\\.(allowlist|required))\\]\\]?|id|regex|minVersion|secretGroup|keywords| |=|'|\"|\n|\\[|\\]|\\{|\\}|1e400|-1|0x7|é|v9.9-){0,60}") {
        let _ = loaded(&text);
    }
}
