//! A safety check that nothing misses is not worth its lines: each is taken out in turn, and a promise must break.

use super::super::safety::Safety;
use super::stories::STORIES;

#[test]
fn every_safety_check_is_missed_when_it_is_taken_out() {
    let mut unmissed = Vec::new();
    for (name, safety) in Safety::mutants() {
        // A story may also panic where a check is missing; that is noticed too.
        let noticed = STORIES
            .iter()
            .find(|(_, story)| std::panic::catch_unwind(|| story(safety)).map_or(true, |kept| kept.is_err()));
        match noticed {
            Some((story, _)) => println!("without {name}: noticed by \"{story}\""),
            None => unmissed.push(name),
        }
    }
    assert!(unmissed.is_empty(), "nothing notices when these are taken out: {unmissed:?}");
}
