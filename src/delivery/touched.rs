//! Whether a change touches what others rely on, as the contracts guard sees it. Pure.

use crate::contracts::compare::Comparison;

/// What a change touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// A contract differs: one that [`Comparison::contracts_touched`] names.
    pub contracts: bool,
    /// The contract of an endpoint differs: one that [`Comparison::endpoints_touched`] names.
    pub endpoints: bool,
}

impl Touched {
    /// What the guard compared, in two words.
    pub fn of(comparison: &Comparison) -> Touched {
        Touched {
            contracts: !comparison.contracts_touched().is_empty(),
            endpoints: !comparison.endpoints_touched().is_empty(),
        }
    }
}
