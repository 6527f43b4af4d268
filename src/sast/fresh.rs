//! What a change brings in: findings of the head that the base did not have.
//!
//! A finding is known by its rule, its file (after a rename, the file that it was) and its text without blanks; of
//! several alike, by how many there are. So lines may be added above it, code may be moved, and nothing is new.

use std::collections::HashMap;

use super::scan::Hit;

/// The findings of one file, before and after.
#[derive(Clone, Debug, Default)]
pub struct Pair<'a> {
    /// What counts at the base: not what was let off there.
    pub base: Vec<&'a Hit>,
    /// What counts at the head.
    pub head: Vec<&'a Hit>,
    /// Whether a line of the head was added by the change.
    pub added: Vec<u32>,
}

/// For every pair, the numbers of the hits in its `head` that are new. A hit that left one file of the change and
/// turns up in another was moved, and is not new.
pub fn fresh(pairs: &[Pair<'_>]) -> Vec<Vec<usize>> {
    let key = |hit: &Hit| (hit.rule.clone(), hit.text.clone());
    let mut moved: HashMap<(String, String), usize> = HashMap::new();
    let mut news: Vec<Vec<usize>> = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let mut before: HashMap<(String, String), usize> = HashMap::new();
        pair.base.iter().for_each(|hit| *before.entry(key(hit)).or_default() += 1);
        // Of several alike, the ones on lines that were not added are the old ones.
        let mut order: Vec<usize> = (0..pair.head.len()).collect();
        order.sort_by_key(|index| pair.added.binary_search(&pair.head[*index].line).is_ok());
        let mut new = Vec::new();
        for index in order {
            match before.get_mut(&key(pair.head[index])) {
                Some(count) if *count > 0 => *count -= 1,
                _ => new.push(index),
            }
        }
        before
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .for_each(|(key, count)| *moved.entry(key).or_default() += count);
        new.sort_unstable();
        news.push(new);
    }
    for (pair, new) in pairs.iter().zip(&mut news) {
        new.retain(|index| match moved.get_mut(&key(pair.head[*index])) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        });
    }
    news
}

/// The number of a hit among those of the same rule and text that stand before it in the same file.
pub fn ordinal(hits: &[&Hit], index: usize) -> usize {
    hits[..index].iter().filter(|hit| hit.rule == hits[index].rule && hit.text == hits[index].text).count()
}

#[cfg(test)]
mod tests {
    use super::super::rule::Severity;
    use super::*;

    fn hit(line: u32, text: &str) -> Hit {
        Hit {
            rule: "r".into(),
            class: "r".into(),
            severity: Severity::High,
            message: String::new(),
            range: 0..0,
            line,
            end_line: line,
            text: text.into(),
            suppressed: None,
        }
    }

    #[test]
    fn what_moves_is_not_new() {
        let (old, lower, other) = (hit(1, "eval(a)"), hit(90, "eval(a)"), hit(2, "eval(b)"));
        let pair = Pair { base: vec![&old], head: vec![&other, &lower], added: vec![2, 90] };
        assert_eq!(fresh(&[pair]), [vec![0]]);
    }

    #[test]
    fn of_two_alike_the_added_one_is_new() {
        let (first, second) = (hit(1, "eval(a)"), hit(5, "eval(a)"));
        let pair = Pair { base: vec![&second], head: vec![&first, &second], added: vec![1] };
        assert_eq!(fresh(&[pair]), [vec![0]]);
    }

    #[test]
    fn what_leaves_one_file_for_another_was_moved() {
        let here = hit(1, "eval(a)");
        let left = Pair { base: vec![&here], ..Pair::default() };
        let came = Pair { head: vec![&here], added: vec![1], ..Pair::default() };
        assert_eq!(fresh(&[left, came]), [Vec::<usize>::new(), Vec::new()]);
    }
}
