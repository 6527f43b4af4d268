//! The safety checks of the queue by name. All are on, always. The tests of this room turn one off at a time and watch
//! an invariant fall: a check that nothing misses is not worth its lines.

macro_rules! safety {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Which safety checks are on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) struct Safety {
            $($(#[$doc])* pub(super) $name: bool,)*
        }

        impl Safety {
            /// Every check is on.
            pub(super) const ALL: Safety = Safety { $($name: true,)* };

            /// All but one, each with its name.
            #[cfg(test)]
            pub(super) fn mutants() -> Vec<(&'static str, Safety)> {
                vec![$((stringify!($name), Safety { $name: false, ..Safety::ALL }),)*]
            }
        }
    };
}

safety! {
    /// Results that were not read to the last page are not known.
    complete_pages,
    /// Without a required check nothing is green.
    non_empty_set,
    /// A required check that is not there is not green.
    every_required_check,
    /// A check of another app is another check.
    app_identity,
    /// A rerun replaces what it reran.
    newest_attempt,
    /// An unknown conclusion is not green.
    unknown_is_not_green,
    /// Green in no time is not believed.
    minimum_time,
    /// Only the pinned head lands.
    pinned_head,
    /// Only with the label.
    label_wanted,
    /// Only by people who may.
    authorised,
    /// Only an open pull request for this branch, and no draft.
    open_for_this_branch,
    /// Only after its own checks were green.
    pull_checks,
    /// Only after what it depends on.
    dependencies,
    /// Only onto the commit it was tested on.
    tested_base,
    /// A verdict of a build whose stack changed is void.
    superseded_verdict,
    /// Red is believed only when everything below has landed.
    green_below,
    /// Who is red alone is tested again.
    confirm,
    /// Nobody is blamed for a branch that is red itself.
    proven_base,
    /// Nothing lands while frozen.
    freeze,
    /// Nothing is built without a place at CI.
    depth,
    /// Readings older than one that was seen are not used.
    stale_readings,
    /// Git's failure is no conflict.
    infra_is_no_conflict,
    /// A ref that is not ours is neither moved nor deleted.
    own_refs,
    /// CI is asked once.
    dispatch_once,
}
