//! Finding the culprits in a red batch with few runs.

use std::collections::BTreeSet;

use super::state::{Evidence, Unit};
use super::world::PullNumber;

/// `pulls` in at most `ways` parts of nearly the same size, in their order.
pub(super) fn split(pulls: &[PullNumber], ways: u32) -> Vec<Unit> {
    let parts = (ways.max(2) as usize).min(pulls.len());
    (0..parts)
        .map(|part| Unit { pulls: pulls[part * pulls.len() / parts..(part + 1) * pulls.len() / parts].to_vec() })
        .collect()
}

/// Whether the unit is known to be red: everybody else who was in a red batch with it has landed since.
pub(super) fn is_known_red(unit: &Unit, evidence: &[Evidence]) -> bool {
    evidence
        .iter()
        .any(|red| !red.suspects.is_empty() && red.suspects.iter().all(|suspect| unit.pulls.contains(suspect)))
}

/// Whether the verdict on others, who are being tested, may tell that the unit is red without a run of its own.
pub(super) fn may_become_known(unit: &Unit, evidence: &[Evidence], is_tested: impl Fn(PullNumber) -> bool) -> bool {
    evidence.iter().any(|red| {
        let mut others = red.suspects.iter().filter(|suspect| !unit.pulls.contains(suspect)).peekable();
        let all_here = unit.pulls.iter().all(|pull| red.suspects.contains(pull));
        all_here && others.peek().is_some() && others.all(|&other| is_tested(other))
    })
}

/// Takes in that a batch was red on a green base. What was known of a larger group says nothing more.
pub(super) fn note(evidence: &mut Vec<Evidence>, new: Evidence) {
    let is_within = |suspects: &BTreeSet<PullNumber>| new.suspects.is_subset(suspects);
    evidence.retain(|old| !is_within(&old.suspects));
    evidence.push(new);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(pulls: &[PullNumber]) -> Unit {
        Unit { pulls: pulls.to_vec() }
    }

    fn red(suspects: &[PullNumber]) -> Evidence {
        let build = super::super::build::BuildId::parse("0123456789abcdef").unwrap();
        Evidence { build, suspects: suspects.iter().copied().collect() }
    }

    #[test]
    fn parts_keep_the_order_and_lose_nobody() {
        assert_eq!(split(&[1, 2, 3], 2), [unit(&[1]), unit(&[2, 3])]);
        assert_eq!(split(&[1, 2, 3, 4], 2), [unit(&[1, 2]), unit(&[3, 4])]);
        assert_eq!(split(&[1, 2], 4), [unit(&[1]), unit(&[2])]);
        assert_eq!(split(&[1, 2, 3, 4, 5, 6, 7], 3), [unit(&[1, 2]), unit(&[3, 4]), unit(&[5, 6, 7])]);
    }

    #[test]
    fn the_rest_of_a_red_batch_is_red() {
        assert!(is_known_red(&unit(&[3, 4]), &[red(&[3, 4])]));
        assert!(is_known_red(&unit(&[3, 4]), &[red(&[4])]));
        assert!(!is_known_red(&unit(&[3, 4]), &[red(&[2, 3, 4])]));
        assert!(!is_known_red(&unit(&[3, 4]), &[red(&[])]));
    }

    #[test]
    fn the_second_half_waits_while_the_first_is_tested() {
        assert!(may_become_known(&unit(&[3, 4]), &[red(&[1, 2, 3, 4])], |pull| pull < 3));
        assert!(!may_become_known(&unit(&[3, 4]), &[red(&[1, 2, 3, 4])], |pull| pull == 1));
        assert!(!may_become_known(&unit(&[3, 4]), &[red(&[3, 4])], |_| true));
    }
}
