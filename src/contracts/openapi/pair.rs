//! Which path of the base is which of the revision.
//!
//! A caller fills the parameters of a path and never sees their names: `/pets/{id}` and `/pets/{petId}` are one path.
//! Where that leaves several candidates, the ones that are most alike are taken.

use std::collections::BTreeMap;

use super::model::PathItem;

/// Candidates for one path that are weighed.
const MOST_CANDIDATES: usize = 32;

/// The pairs of two lists by their index, in the order of the base, and then what is new.
pub(super) fn pairs(
    base: &[PathItem],
    revision: &[PathItem],
    names_count: bool,
) -> Vec<(Option<usize>, Option<usize>)> {
    let mut of: Vec<Option<usize>> = vec![None; base.len()];
    let mut taken = vec![false; revision.len()];
    let exact: BTreeMap<&str, usize> =
        revision.iter().enumerate().map(|(index, item)| (item.name.as_str(), index)).collect();
    for (index, item) in base.iter().enumerate() {
        if let Some(other) = exact.get(item.name.as_str()) {
            of[index] = Some(*other);
            taken[*other] = true;
        }
    }
    if !names_count {
        let mut free: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, item) in revision.iter().enumerate().filter(|(index, _)| !taken[*index]) {
            free.entry(erased(&item.name)).or_default().push(index);
        }
        let mut candidates: Vec<(usize, usize, usize)> = Vec::new();
        for (index, item) in base.iter().enumerate().filter(|(index, _)| of[*index].is_none()) {
            // Nobody has this many paths that differ in nothing but names.
            for other in free.get(&erased(&item.name)).into_iter().flatten().take(MOST_CANDIDATES) {
                candidates.push((alike(item, &revision[*other]), index, *other));
            }
        }
        candidates.sort_by_key(|(alike, index, other)| (std::cmp::Reverse(*alike), *index, *other));
        for (_, index, other) in candidates {
            if of[index].is_none() && !taken[other] {
                (of[index], taken[other]) = (Some(other), true);
            }
        }
    }
    let known = of.iter().enumerate().map(|(index, other)| (Some(index), *other));
    let new = (0..revision.len()).filter(|index| !taken[*index]).map(|index| (None, Some(index)));
    known.chain(new).collect()
}

fn alike(one: &PathItem, other: &PathItem) -> usize {
    let methods = one.operations.iter().filter(|own| other.operations.iter().any(|its| its.method == own.method));
    let ids = one.operations.iter().filter(|own| {
        let count = own.parameters.len();
        other.operations.iter().any(|its| its.method == own.method && its.parameters.len() == count)
    });
    methods.count() * 2 + ids.count()
}

/// A path template without the names of its parameters.
pub(super) fn erased(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut inside = false;
    for character in template.chars() {
        match character {
            '{' => {
                inside = true;
                out.push('{');
            }
            '}' => {
                inside = false;
                out.push('}');
            }
            _ if inside => {}
            _ => out.push(character),
        }
    }
    out
}

/// The names of the parameters of a path template, in order.
pub(super) fn names(template: &str) -> Vec<&str> {
    template.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parameters_do_not_count() {
        assert_eq!(erased("/a/{b}/c/{d}.json"), "/a/{}/c/{}.json");
        assert_eq!(erased("/a/{b"), "/a/{");
        assert_eq!(names("/a/{b}/c/{d}.json"), ["b", "d"]);
    }
}
