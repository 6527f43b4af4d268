//! The functions of a template: Go's own and sprig's, by name.
//!
//! They count bytes where Go counts bytes. What sprig leaves to chance (the order of keys) is sorted here.

mod encodings;

use bstr::ByteSlice;

use super::format;
use super::value::{Dict, MAX_SIZE, Value};
use encodings::{encodings, html, js, urlquery};

/// Elements of a list that a function makes from nothing, and times that a text is repeated.
pub(super) const MAX_ELEMENTS: usize = 1_000_000;

type Answer = Result<Value, String>;

/// Functions of one kind: `None` where they know no such function, or not for these arguments.
type Group = fn(&str, &[Value]) -> Option<Answer>;

/// Every function there is.
pub(super) const NAMES: &[&str] = &[
    // Go
    "and",
    "or",
    "not",
    "len",
    "index",
    "print",
    "printf",
    "println",
    "html",
    "js",
    "urlquery",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "slice",
    // strings
    "upper",
    "lower",
    "title",
    "untitle",
    "trim",
    "trimAll",
    "trimall",
    "trimSuffix",
    "trimPrefix",
    "trunc",
    "abbrev",
    "substr",
    "nospace",
    "repeat",
    "replace",
    "contains",
    "hasPrefix",
    "hasSuffix",
    "quote",
    "squote",
    "cat",
    "indent",
    "nindent",
    "plural",
    "join",
    "split",
    "splitn",
    "splitList",
    "sortAlpha",
    "toString",
    "toStrings",
    // defaults and choices
    "default",
    "empty",
    "coalesce",
    "all",
    "any",
    "ternary",
    "fail",
    // numbers
    "int",
    "int64",
    "float64",
    "atoi",
    "add",
    "add1",
    "sub",
    "mul",
    "div",
    "mod",
    "max",
    "min",
    "biggest",
    "floor",
    "ceil",
    "round",
    "until",
    "untilStep",
    "seq",
    // lists
    "list",
    "tuple",
    "first",
    "rest",
    "last",
    "initial",
    "append",
    "push",
    "prepend",
    "concat",
    "reverse",
    "uniq",
    "without",
    "has",
    "compact",
    // dictionaries
    "dict",
    "get",
    "set",
    "unset",
    "hasKey",
    "keys",
    "values",
    "pluck",
    "pick",
    "omit",
    "merge",
    "mergeOverwrite",
    "deepCopy",
    "dig",
    // encodings
    "b64enc",
    "b64dec",
    "sha256sum",
    "sha512sum",
    "toJson",
    "mustToJson",
    "toPrettyJson",
    "mustToPrettyJson",
    "toRawJson",
    "mustToRawJson",
    "fromJson",
    "mustFromJson",
    // patterns and paths
    "regexMatch",
    "regexFind",
    "regexFindAll",
    "regexReplaceAll",
    "regexReplaceAllLiteral",
    "regexSplit",
    "regexQuoteMeta",
    "base",
    "dir",
    "ext",
    "clean",
    "isAbs",
    // types
    "kindOf",
    "kindIs",
    "typeOf",
    "typeIs",
    "deepEqual",
];

/// Functions of sprig that are left out, and why.
const LEFT_OUT: &[(&str, &[&str])] = &[
    (
        "a report is the same whenever it is written, so there is no clock",
        &[
            "now",
            "ago",
            "date",
            "dateInZone",
            "dateModify",
            "dateRound",
            "date_in_zone",
            "date_modify",
            "duration",
            "durationRound",
            "htmlDate",
            "htmlDateInZone",
            "mustDateModify",
            "mustToDate",
            "must_date_modify",
            "toDate",
            "unixEpoch",
        ],
    ),
    (
        "a report is the same whenever it is written, so there is no chance",
        &["randAlpha", "randAlphaNum", "randAscii", "randBytes", "randInt", "randNumeric", "shuffle", "uuidv4"],
    ),
    (
        "a report makes no keys",
        &[
            "bcrypt",
            "buildCustomCert",
            "decryptAES",
            "derivePassword",
            "encryptAES",
            "genCA",
            "genCAWithKey",
            "genPrivateKey",
            "genSelfSignedCert",
            "genSelfSignedCertWithKey",
            "genSignedCert",
            "genSignedCertWithKey",
            "htpasswd",
        ],
    ),
    ("a report does not look around; gitleaks leaves it out too", &["env", "expandenv", "getHostByName"]),
];

/// Whether there is a function of this name; if not, a message and a hint.
pub(super) fn known(name: &str) -> Result<(), (String, Option<String>)> {
    if NAMES.contains(&name) || without_must(name).is_some() {
        return Ok(());
    }
    if let Some((reason, _)) = LEFT_OUT.iter().find(|(_, names)| names.contains(&name)) {
        return Err((format!("the function `{name}` is left out"), Some((*reason).into())));
    }
    let near = crate::text::nearest(name, NAMES.iter().copied());
    Err((format!("there is no function `{name}`"), near.map(|near| format!("did you mean `{near}`?"))))
}

/// sprig has many functions twice: `mustFirst` is a `first` that fails instead of stopping the program. Ours always fail.
fn without_must(name: &str) -> Option<&'static str> {
    let rest = name.strip_prefix("must")?;
    let same = |known: &&&str| known[..1].eq_ignore_ascii_case(&rest[..1]) && known[1..] == rest[1..];
    NAMES.iter().filter(|_| rest.is_char_boundary(1)).find(same).copied()
}

/// Calls a function. `and` and `or` are the evaluator's.
pub(super) fn call(name: &str, arguments: &[Value]) -> Answer {
    let groups: [Group; 6] = [go, strings, choices, numbers, collections, encodings];
    let name = if NAMES.contains(&name) { name } else { without_must(name).unwrap_or(name) };
    match groups.iter().find_map(|group| group(name, arguments)) {
        Some(answer) => answer.map_err(|reason| format!("`{name}`: {reason}")),
        None => {
            let given: Vec<&str> = arguments.iter().map(Value::what).collect();
            Err(match given.is_empty() {
                true => format!("`{name}` needs arguments"),
                false => format!("`{name}` cannot take {}", given.join(" and ")),
            })
        }
    }
}

fn go(name: &str, arguments: &[Value]) -> Option<Answer> {
    Some(match (name, arguments) {
        ("not", [value]) => Ok(Value::Bool(!value.is_true())),
        ("len", [value]) => match value {
            Value::Text(text) => Ok(Value::Int(text.len() as i64)),
            Value::List(items) => Ok(Value::Int(items.len() as i64)),
            Value::Dict(entries) => Ok(Value::Int(entries.borrow().len() as i64)),
            _ => return None,
        },
        ("index", [value, keys @ ..]) => keys.iter().try_fold(value.clone(), |value, key| index(&value, key)),
        ("slice", [value, bounds @ ..]) if bounds.len() <= 2 => slice(value, bounds),
        ("print", values) => {
            let mut out = Vec::new();
            for (at, value) in values.iter().enumerate() {
                // A space stands between two of which neither is a string.
                if at > 0 && !matches!((&values[at - 1], value), (Value::Text(_), _) | (_, Value::Text(_))) {
                    out.push(b' ');
                }
                match format::plain(value) {
                    Ok(text) => out.extend(text),
                    Err(reason) => return Some(Err(reason)),
                }
            }
            sized(out)
        }
        ("println", values) => spaced(values).and_then(|text| sized([text.as_slice(), b"\n"].concat())),
        ("printf", [Value::Text(text), values @ ..]) => format::printf(text, values).and_then(sized),
        ("html", values) => printed(values).map(|text| Value::text(html(&text))),
        ("js", values) => printed(values).map(|text| Value::text(js(&text))),
        ("urlquery", values) => printed(values).map(|text| Value::text(urlquery(&text))),
        ("eq", [first, others @ ..]) if !others.is_empty() => {
            let mut equal = false;
            for other in others {
                match comparable(first, other) {
                    Ok(()) => equal |= first.equals(other),
                    Err(reason) => return Some(Err(reason)),
                }
            }
            Ok(Value::Bool(equal))
        }
        ("ne", [a, b]) => comparable(a, b).map(|()| Value::Bool(!a.equals(b))),
        ("lt" | "le" | "gt" | "ge", [a, b]) => match a.order(b) {
            None => Err(format!("{} and {} have no order", a.what(), b.what())),
            Some(order) => Ok(Value::Bool(match name {
                "lt" => order.is_lt(),
                "le" => order.is_le(),
                "gt" => order.is_gt(),
                _ => order.is_ge(),
            })),
        },
        _ => return None,
    })
}

fn strings(name: &str, arguments: &[Value]) -> Option<Answer> {
    use Value::{Int, Text};
    Some(match (name, arguments) {
        ("upper", [Text(text)]) => Ok(Value::text(text.to_uppercase())),
        ("lower", [Text(text)]) => Ok(Value::text(text.to_lowercase())),
        ("title" | "untitle", [Text(text)]) => Ok(Value::text(titled(&text.to_str_lossy(), name == "title"))),
        ("trim", [Text(text)]) => Ok(Value::text(text.trim())),
        ("trimAll" | "trimall", [Text(set), Text(text)]) => {
            let set: Vec<char> = set.chars().collect();
            Ok(Value::text(text.trim_with(|character| set.contains(&character))))
        }
        ("trimSuffix", [Text(end), Text(text)]) => Ok(Value::text(text.strip_suffix(&**end).unwrap_or(text))),
        ("trimPrefix", [Text(start), Text(text)]) => Ok(Value::text(text.strip_prefix(&**start).unwrap_or(text))),
        ("trunc", [Int(count), Text(text)]) => Ok(Value::text(match usize::try_from(*count) {
            Ok(count) => &text[..count.min(text.len())],
            Err(_) => {
                let count = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
                &text[text.len().saturating_sub(count)..]
            }
        })),
        ("abbrev", [Int(width), Text(text)]) => Ok(match usize::try_from(*width) {
            Ok(width) if width >= 4 && text.len() > width => Value::text([&text[..width - 3], b"..."].concat()),
            _ => Value::Text(text.clone()),
        }),
        ("substr", [Int(start), Int(end), Text(text)]) => {
            let end = usize::try_from(*end).ok().filter(|end| *end <= text.len()).unwrap_or(text.len());
            let start = usize::try_from(*start).unwrap_or(0);
            Ok(Value::text(text.get(start..end).unwrap_or_default()))
        }
        ("nospace", [Text(text)]) => {
            Ok(Value::text(text.to_str_lossy().chars().filter(|one| !one.is_whitespace()).collect::<String>()))
        }
        ("repeat", [Int(times), Text(text)]) => match usize::try_from(*times) {
            Ok(times) if text.len().saturating_mul(times) > MAX_SIZE => Err("the text grows too large".into()),
            Ok(times) => Ok(Value::text(text.repeat(times))),
            Err(_) => Err("less than no times".into()),
        },
        ("replace", [Text(old), Text(new), Text(text)]) => {
            let found = if old.is_empty() { text.chars().count() + 1 } else { text.find_iter(&**old).count() };
            match found.saturating_mul(new.len()).saturating_add(text.len()) > MAX_SIZE {
                true => Err("the text grows too large".into()),
                false => Ok(Value::text(text.replace(&**old, &**new))),
            }
        }
        ("contains", [Text(part), Text(text)]) => Ok(Value::Bool(text.contains_str(&**part))),
        ("hasPrefix", [Text(part), Text(text)]) => Ok(Value::Bool(text.starts_with(part))),
        ("hasSuffix", [Text(part), Text(text)]) => Ok(Value::Bool(text.ends_with(part))),
        ("quote", values) => each(values, |text| Ok(format::quoted(text))),
        ("squote", values) => each(values, |text| Ok([b"'", text, b"'"].concat())),
        ("cat", values) => {
            let present: Vec<Value> = values.iter().filter(|value| !matches!(value, Value::Nil)).cloned().collect();
            spaced(&present).and_then(sized)
        }
        ("indent" | "nindent", [Int(width), Text(text)]) => match usize::try_from(*width) {
            Ok(width) if width <= 1_000 => {
                let pad = " ".repeat(width);
                let start = if name == "nindent" { "\n" } else { "" };
                let text = text.replace("\n", format!("\n{pad}"));
                sized([start.as_bytes(), pad.as_bytes(), &text].concat())
            }
            _ => Err("this is no width".into()),
        },
        ("plural", [one, many, Int(count)]) => Ok(if *count == 1 { one.clone() } else { many.clone() }),
        ("join", [Text(separator), Value::List(items)]) => {
            let parts: Result<Vec<_>, _> =
                items.iter().filter(|item| !matches!(item, Value::Nil)).map(format::plain).collect();
            parts.and_then(|parts| sized(bstr::join(&**separator, parts)))
        }
        ("join", [Text(_), value]) => text_of(value).map(Value::text),
        ("split" | "splitn", _) => return split(name, arguments),
        ("splitList", [Text(separator), Text(text)]) => Ok(match separator.is_empty() {
            true => Value::texts(text.chars().map(String::from)),
            false => Value::texts(text.split_str(&**separator)),
        }),
        ("sortAlpha", [Value::List(items)]) => {
            let texts: Result<Vec<_>, _> = items.iter().map(format::plain).collect();
            texts.map(|mut texts| {
                texts.sort();
                Value::texts(texts)
            })
        }
        ("toString", [value]) => text_of(value).map(Value::text),
        ("toStrings", [Value::List(items)]) => {
            let texts: Result<Vec<_>, _> = items.iter().map(text_of).collect();
            texts.map(Value::texts)
        }
        _ => return None,
    })
}

fn choices(name: &str, arguments: &[Value]) -> Option<Answer> {
    Some(match (name, arguments) {
        ("default", [otherwise]) => Ok(otherwise.clone()),
        ("default", [otherwise, value]) => Ok(if value.is_true() { value.clone() } else { otherwise.clone() }),
        ("empty", [value]) => Ok(Value::Bool(!value.is_true())),
        ("coalesce", values) => Ok(values.iter().find(|value| value.is_true()).cloned().unwrap_or(Value::Nil)),
        ("all", values) => Ok(Value::Bool(values.iter().all(Value::is_true))),
        ("any", values) => Ok(Value::Bool(values.iter().any(Value::is_true))),
        ("ternary", [yes, no, Value::Bool(truth)]) => Ok(if *truth { yes.clone() } else { no.clone() }),
        ("fail", [value]) => Err(match text_of(value) {
            Ok(text) => crate::text::visible(&text.to_str_lossy()).into_owned(),
            Err(reason) => reason,
        }),
        ("kindOf", [value]) => Ok(Value::text(value.kind())),
        ("kindIs", [Value::Text(kind), value]) => Ok(Value::Bool(kind.as_bytes() == value.kind().as_bytes())),
        ("typeOf", [value]) => format::printf(b"%T", std::slice::from_ref(value)).map(Value::text),
        ("typeIs", [Value::Text(kind), value]) => {
            format::printf(b"%T", std::slice::from_ref(value)).map(|found| Value::Bool(found == **kind))
        }
        ("deepEqual", [a, b]) => Ok(Value::Bool(a.equals(b))),
        _ => return None,
    })
}

fn numbers(name: &str, arguments: &[Value]) -> Option<Answer> {
    let whole = |value: &Value| whole(value);
    let fold = |with: fn(i64, i64) -> Option<i64>| -> Answer {
        let mut numbers = arguments.iter().map(whole);
        let first = numbers.next().unwrap_or(Ok(0))?;
        numbers
            .try_fold(first, |sum, number| {
                with(sum, number?).ok_or_else(|| "the numbers cannot be reckoned with".to_string())
            })
            .map(Value::Int)
    };
    Some(match (name, arguments) {
        ("int" | "int64" | "atoi", [value]) => whole(value).map(Value::Int),
        ("float64", [value]) => Ok(Value::Float(fraction(value))),
        ("add", [_, ..]) => fold(i64::checked_add),
        ("add1", [value]) => whole(value).map(|number| Value::Int(number.wrapping_add(1))),
        ("sub", [_, _]) => fold(i64::checked_sub),
        ("mul", [_, _, ..]) => fold(i64::checked_mul),
        ("div", [_, _]) => fold(i64::checked_div),
        ("mod", [_, _]) => fold(i64::checked_rem),
        ("max" | "biggest", [_, ..]) => fold(|a, b| Some(a.max(b))),
        ("min", [_, ..]) => fold(|a, b| Some(a.min(b))),
        ("floor", [value]) => Ok(Value::Float(fraction(value).floor())),
        ("ceil", [value]) => Ok(Value::Float(fraction(value).ceil())),
        ("round", [value, Value::Int(places)]) => {
            let scale = 10f64.powi(i32::try_from(*places).unwrap_or(0).clamp(0, 15));
            Ok(Value::Float((fraction(value) * scale).round() / scale))
        }
        ("until", [Value::Int(end)]) => steps(0, *end, if *end < 0 { -1 } else { 1 }).and_then(Value::list),
        ("untilStep", [Value::Int(start), Value::Int(end), Value::Int(step)]) => {
            steps(*start, *end, *step).and_then(Value::list)
        }
        ("seq", [Value::Int(end)]) => sequence(1, *end),
        ("seq", [Value::Int(start), Value::Int(end)]) => sequence(*start, *end),
        _ => return None,
    })
}

fn collections(name: &str, arguments: &[Value]) -> Option<Answer> {
    use Value::{Dict as Map, List, Text};
    Some(match (name, arguments) {
        ("list" | "tuple", items) => Value::list(items.to_vec()),
        ("first", [List(items)]) => Ok(items.first().cloned().unwrap_or(Value::Nil)),
        ("last", [List(items)]) => Ok(items.last().cloned().unwrap_or(Value::Nil)),
        ("rest", [List(items)]) => Value::list(items.iter().skip(1).cloned().collect()),
        ("initial", [List(items)]) => Value::list(items[..items.len().saturating_sub(1)].to_vec()),
        ("append" | "push", [List(items), item]) => Value::list([items, std::slice::from_ref(item)].concat()),
        ("prepend", [List(items), item]) => Value::list([std::slice::from_ref(item), items].concat()),
        ("concat", lists) => {
            let mut all = Vec::new();
            for list in lists {
                match list {
                    List(items) => all.extend(items.iter().cloned()),
                    other => return Some(Err(format!("{} is no list", other.what()))),
                }
            }
            Value::list(all)
        }
        ("reverse", [List(items)]) => Value::list(items.iter().rev().cloned().collect()),
        ("uniq", [List(items)]) => Value::list(items.iter().fold(Vec::<Value>::new(), |mut kept, item| {
            if !kept.iter().any(|other| other.equals(item)) {
                kept.push(item.clone());
            }
            kept
        })),
        ("without", [List(items), others @ ..]) => {
            let kept = items.iter().filter(|item| !others.iter().any(|other| other.equals(item)));
            Value::list(kept.cloned().collect())
        }
        ("has", [item, List(items)]) => Ok(Value::Bool(items.iter().any(|other| other.equals(item)))),
        ("has", [_, Value::Nil]) => Ok(Value::Bool(false)),
        ("compact", [List(items)]) => Value::list(items.iter().filter(|item| item.is_true()).cloned().collect()),
        ("dict", pairs) => {
            let mut entries = Dict::new();
            for pair in pairs.chunks(2) {
                match text_of(&pair[0]) {
                    Ok(key) => entries.insert(key, pair.get(1).cloned().unwrap_or_else(|| Value::text(""))),
                    Err(reason) => return Some(Err(reason)),
                };
            }
            Value::dict(entries)
        }
        ("get", [Map(entries), Text(key)]) => {
            Ok(entries.borrow().get(&**key).cloned().unwrap_or_else(|| Value::text("")))
        }
        ("set", [Map(entries), Text(key), value]) => value.copied(&mut MAX_ELEMENTS.clone()).and_then(|copy| {
            entries.borrow_mut().insert(key.to_vec(), copy);
            // Checks the depth again.
            let snapshot = entries.borrow().clone();
            Value::dict(snapshot).map(|_| arguments[0].clone())
        }),
        ("unset", [Map(entries), Text(key)]) => {
            entries.borrow_mut().remove(&**key);
            Ok(arguments[0].clone())
        }
        ("hasKey", [Map(entries), Text(key)]) => Ok(Value::Bool(entries.borrow().contains_key(&**key))),
        ("keys", maps) => {
            let mut keys = Vec::new();
            for map in maps {
                match map {
                    Map(entries) => keys.extend(entries.borrow().keys().cloned()),
                    _ => return None,
                }
            }
            Ok(Value::texts(keys))
        }
        ("values", [Map(entries)]) => Value::list(entries.borrow().values().cloned().collect()),
        ("pluck", [Text(key), maps @ ..]) => Value::list(
            maps.iter()
                .filter_map(|map| match map {
                    Map(entries) => entries.borrow().get(&**key).cloned(),
                    _ => None,
                })
                .collect(),
        ),
        ("pick" | "omit", [Map(entries), keys @ ..]) => {
            let named = |key: &[u8]| keys.iter().any(|wanted| matches!(wanted, Text(wanted) if **wanted == *key));
            let kept = entries.borrow();
            let kept = kept.iter().filter(|(key, _)| named(key) == (name == "pick"));
            Value::dict(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        ("merge" | "mergeOverwrite", [Map(target), others @ ..]) => {
            let mut merged = target.borrow().clone();
            for other in others {
                let Map(other) = other else { return None };
                for (key, value) in &*other.borrow() {
                    if name == "mergeOverwrite" || !merged.get(key).is_some_and(Value::is_true) {
                        match value.copied(&mut MAX_ELEMENTS.clone()) {
                            Ok(copy) => _ = merged.insert(key.clone(), copy),
                            Err(reason) => return Some(Err(reason)),
                        }
                    }
                }
            }
            *target.borrow_mut() = merged.clone();
            Value::dict(merged).map(|_| arguments[0].clone())
        }
        ("deepCopy", [value]) => value.copied(&mut MAX_ELEMENTS.clone()),
        ("dig", [keys @ .., otherwise, map @ Map(_)]) if !keys.is_empty() => {
            let mut found = map.clone();
            for key in keys {
                let next = match (&found, key) {
                    (Map(entries), Text(key)) => entries.borrow().get(&**key).cloned(),
                    _ => None,
                };
                match next {
                    Some(next) => found = next,
                    None => return Some(Ok(otherwise.clone())),
                }
            }
            Ok(found)
        }
        _ => return None,
    })
}

fn sized(text: Vec<u8>) -> Answer {
    match text.len() > MAX_SIZE {
        true => Err("the text grows too large".into()),
        false => Ok(Value::text(text)),
    }
}

/// sprig's idea of a value as a string.
fn text_of(value: &Value) -> Result<Vec<u8>, String> {
    match value {
        Value::Text(text) => Ok(text.to_vec()),
        other => format::plain(other),
    }
}

fn each(values: &[Value], with: fn(&[u8]) -> Result<Vec<u8>, String>) -> Answer {
    let present = values.iter().filter(|value| !matches!(value, Value::Nil));
    let texts: Result<Vec<_>, String> = present.map(|value| with(&text_of(value)?)).collect();
    sized(bstr::join(" ", texts?))
}

fn spaced(values: &[Value]) -> Result<Vec<u8>, String> {
    let texts: Result<Vec<_>, _> = values.iter().map(format::plain).collect();
    Ok(bstr::join(" ", texts?))
}

/// What `html`, `js` and `urlquery` escape: one string as it is, anything else printed.
fn printed(values: &[Value]) -> Result<Vec<u8>, String> {
    match values {
        [Value::Text(text)] => Ok(text.to_vec()),
        _ => match go("print", values) {
            Some(Ok(Value::Text(text))) => Ok(text.to_vec()),
            Some(Err(reason)) => Err(reason),
            _ => Err("there is nothing to escape".into()),
        },
    }
}

fn comparable(a: &Value, b: &Value) -> Result<(), String> {
    match (a, b) {
        (Value::Nil, _) | (_, Value::Nil) => Ok(()),
        (Value::List(_) | Value::Dict(_) | Value::Leak(_), _)
        | (_, Value::List(_) | Value::Dict(_) | Value::Leak(_)) => {
            Err(format!("{} and {} cannot be compared; `deepEqual` can", a.what(), b.what()))
        }
        _ if a.kind() == b.kind() => Ok(()),
        _ => Err(format!("{} and {} cannot be compared", a.what(), b.what())),
    }
}

fn index(value: &Value, key: &Value) -> Answer {
    let position = |length: usize| match key {
        Value::Int(at) => {
            usize::try_from(*at).ok().filter(|at| *at < length).ok_or(format!("there is no element {at}"))
        }
        _ => Err(format!("{} is no position", key.what())),
    };
    match value {
        Value::List(items) => Ok(items[position(items.len())?].clone()),
        Value::Text(text) => Ok(Value::Int(i64::from(text[position(text.len())?]))),
        Value::Dict(entries) => Ok(entries.borrow().get(&text_of(key)?).cloned().unwrap_or(Value::Nil)),
        other => Err(format!("{} has no elements", other.what())),
    }
}

fn slice(value: &Value, bounds: &[Value]) -> Answer {
    let length = match value {
        Value::List(items) => items.len(),
        Value::Text(text) => text.len(),
        other => return Err(format!("{} has no elements", other.what())),
    };
    let bound = |at: usize, otherwise: usize| match bounds.get(at) {
        None => Ok(otherwise),
        Some(Value::Int(at)) => usize::try_from(*at).map_err(|_| "a position is negative".to_string()),
        Some(other) => Err(format!("{} is no position", other.what())),
    };
    let range = bound(0, 0)?..bound(1, length)?;
    let outside = || format!("there is no part from {} to {}", range.start, range.end);
    match value {
        Value::List(items) => Value::list(items.get(range.clone()).ok_or_else(outside)?.to_vec()),
        Value::Text(text) => Ok(Value::text(text.get(range.clone()).ok_or_else(outside)?)),
        _ => Ok(Value::Nil),
    }
}

/// `split` gives a dictionary of `_0`, `_1` and so on.
fn split(name: &str, arguments: &[Value]) -> Option<Answer> {
    let parts = |separator: &[u8], text: &[u8], most: usize| {
        let parts: Vec<Vec<u8>> = text.splitn_str(most, separator).map(<[u8]>::to_vec).collect();
        Value::dict(
            parts
                .into_iter()
                .enumerate()
                .map(|(at, part)| (format!("_{at}").into_bytes(), Value::text(part)))
                .collect(),
        )
    };
    match (name, arguments) {
        ("split", [Value::Text(separator), Value::Text(text)]) => Some(parts(separator, text, usize::MAX)),
        ("splitn", [Value::Text(separator), Value::Int(most), Value::Text(text)]) => {
            Some(parts(separator, text, usize::try_from(*most).unwrap_or(usize::MAX)))
        }
        _ => None,
    }
}

fn whole(value: &Value) -> Result<i64, String> {
    Ok(match value {
        Value::Int(number) => *number,
        Value::Float(number) => *number as i64,
        Value::Bool(truth) => i64::from(*truth),
        // What is no number is 0 for sprig.
        Value::Text(text) => text.to_str().ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0),
        other => return Err(format!("{} is no number", other.what())),
    })
}

fn fraction(value: &Value) -> f64 {
    match value {
        Value::Float(number) => *number,
        Value::Text(text) => text.to_str().ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0.0),
        other => whole(other).map_or(0.0, |number| number as f64),
    }
}

fn steps(start: i64, end: i64, step: i64) -> Result<Vec<Value>, String> {
    let mut numbers = Vec::new();
    let mut at = start;
    while (step > 0 && at < end) || (step < 0 && at > end) {
        if numbers.len() == MAX_ELEMENTS {
            return Err(format!("more than {MAX_ELEMENTS} numbers"));
        }
        numbers.push(Value::Int(at));
        at = at.saturating_add(step);
    }
    Ok(numbers)
}

fn sequence(start: i64, end: i64) -> Answer {
    let step = if end < start { -1 } else { 1 };
    let numbers = steps(start, end.saturating_add(step), step)?;
    spaced(&numbers).map(Value::text)
}

fn titled(text: &str, upper: bool) -> String {
    let mut before = ' ';
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let first = !before.is_alphanumeric() && before != '_' && before != '\'';
        match (first, upper) {
            (true, true) => out.extend(character.to_uppercase()),
            (true, false) => out.extend(character.to_lowercase()),
            (false, _) => out.push(character),
        }
        before = character;
    }
    out
}
