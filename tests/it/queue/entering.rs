//! Who enters the queue, who does not, and what they are told.

use crate::support::hub::Hub;

#[test]
fn a_labelled_pull_request_is_tested_and_lands_as_it_was_tested() {
    let hub = Hub::new();
    hub.queue(7, &[("feature", "new\n")]);
    let ticked = hub.tick();
    assert!(ticked.troubles.is_empty(), "{:?}", ticked.troubles);
    let untested = hub.untested();
    let [tested] = &*untested else { panic!("{untested:?}: {ticked:?}") };
    let before = hub.main();
    hub.ci();
    let ticked = hub.tick();
    assert!(ticked.troubles.is_empty(), "{:?}", ticked.troubles);
    assert_eq!(hub.main(), *tested, "{ticked:?}");
    assert_eq!(hub.git(&["rev-parse", "main^1"]), before);
    assert!(hub.has_landed(7));
    assert!(hub.said(7).contains(tested.as_str()), "{}", hub.said(7));
    assert!(!hub.is_queued(7));
    hub.assert_proven();
}
