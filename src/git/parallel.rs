//! The same work on many items, on every core.

use std::sync::atomic::{AtomicUsize, Ordering};

/// `work(state, index)` for each index below `count`, results in order. `state` is made once per thread. Items are
/// handed out in small portions, so a large one does not hold up the rest.
pub(crate) fn map<S, T: Send>(
    count: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    const PORTION: usize = 16;
    /// Starting a thread costs about as much as a few dozen small files.
    const WORTH_A_THREAD: usize = 48;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(count / WORTH_A_THREAD).max(1);
    if threads == 1 {
        let mut state = state();
        return (0..count).map(|index| work(&mut state, index)).collect();
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let mut state = state();
        let mut portions = Vec::new();
        loop {
            let start = next.fetch_add(PORTION, Ordering::Relaxed);
            if start >= count {
                return portions;
            }
            let results: Vec<T> = (start..count.min(start + PORTION)).map(|index| work(&mut state, index)).collect();
            portions.push((start, results));
        }
    };
    let mut portions = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut portions = run();
        for other in others {
            portions.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        portions
    });
    portions.sort_unstable_by_key(|(start, _)| *start);
    portions.into_iter().flat_map(|(_, results)| results).collect()
}
