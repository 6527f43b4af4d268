//! Numbers and names that a message or an enum keeps back.

use std::collections::{BTreeSet, HashSet};

use super::{Comparison, Said, Spot};
use crate::contracts::protobuf::model::Range;

impl Comparison<'_> {
    #[expect(clippy::too_many_arguments, reason = "two sides of one list, and how to speak of it")]
    pub(super) fn ranges(
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

    pub(super) fn reserved_names(
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
