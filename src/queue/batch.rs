//! How many are tested together.

use super::config::Batch;

/// The size of the next batch: one while many are red, else the smallest with which everybody who waits fits into the
/// train.
pub(super) fn size(waiting: usize, depth: u32, red: f64, batch: &Batch) -> usize {
    if red >= batch.single_from_red {
        return 1;
    }
    waiting.div_ceil(depth.max(1) as usize).clamp(1, batch.max.max(1) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_with_the_line_and_shrink_with_trouble() {
        let batch = Batch { max: 8, single_from_red: 0.08, wait_seconds: 0 };
        let cases =
            [(0, 0.0, 1), (1, 0.0, 1), (10, 0.0, 1), (11, 0.05, 2), (35, 0.05, 4), (500, 0.0, 8), (500, 0.08, 1)];
        for (waiting, red, expected) in cases {
            assert_eq!(size(waiting, 10, red, &batch), expected, "{waiting} waiting, {red} red");
        }
    }
}
