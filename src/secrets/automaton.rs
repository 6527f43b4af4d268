//! Finds all atoms of all rules in one pass, at the speed of memory.
//!
//! A dense table of states × classes of bytes. One chain of states waits for the cache at every byte, so text is cut in
//! four lanes whose chains advance side by side. States that end an atom have the lowest numbers: a hit is one
//! comparison.

use std::ops::Range;

/// Lanes of a longer text.
const LANES: usize = 4;

/// Shorter texts are not worth cutting.
const ONE_LANE: usize = 2_048;

/// How much text is looked at before its hits are handed over: they stay few, and the text stays in the cache.
const BLOCK: usize = 1 << 18;

/// Some atoms end here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// Names the atoms: see [`Automaton::atoms`].
    state: u32,
    /// Behind the last byte.
    pub(super) end: usize,
}

/// All atoms, ready to be found. ASCII letters are found in any case.
#[derive(Debug)]
pub(super) struct Automaton {
    /// Next state by state and class; states are multiples of the row length.
    table: Vec<u32>,
    class: [u8; 256],
    /// The row length is a power of two.
    shift: u32,
    /// States below it end an atom.
    hits_below: u32,
    start: u32,
    longest: usize,
    /// The atoms that end in each state that ends some, by place in the list they came from.
    ends: Vec<Vec<u32>>,
}

impl Automaton {
    /// Of atoms in ASCII lower case, none of them empty.
    pub(super) fn new<'a>(atoms: impl Iterator<Item = &'a [u8]> + Clone) -> Automaton {
        let mut class = [0_u8; 256];
        let mut classes = 1_usize;
        for byte in atoms.clone().flatten() {
            if class[usize::from(*byte)] == 0 && classes < 256 {
                class[usize::from(*byte)] = classes as u8;
                classes += 1;
            }
        }
        for upper in b'A'..=b'Z' {
            class[usize::from(upper)] = class[usize::from(upper.to_ascii_lowercase())];
        }
        let shift = classes.next_power_of_two().trailing_zeros();
        let row = 1_usize << shift;

        // A tree of the atoms, state 0 being its root.
        let mut children: Vec<Vec<(u8, usize)>> = vec![Vec::new()];
        let mut ends: Vec<Vec<u32>> = vec![Vec::new()];
        let mut longest = 1;
        for (number, atom) in atoms.enumerate() {
            let mut state = 0;
            for byte in atom {
                let class = class[usize::from(*byte)];
                state = match child(&children[state], class) {
                    Some(next) => next,
                    None => {
                        let next = children.len();
                        children[state].push((class, next));
                        children.push(Vec::new());
                        ends.push(Vec::new());
                        next
                    }
                };
            }
            ends[state].push(number as u32);
            longest = longest.max(atom.len());
        }

        // Breadth first, the longest suffix of each state that is in the tree too: what ends there ends here.
        let mut suffix = vec![0_usize; children.len()];
        let mut breadth_first = vec![0_usize];
        let mut at = 0;
        while let Some(state) = breadth_first.get(at).copied() {
            at += 1;
            let inherited = ends[suffix[state]].clone();
            if state != 0 {
                ends[state].extend(inherited);
            }
            for (class, next) in &children[state] {
                let mut shorter = state;
                suffix[*next] = loop {
                    if shorter == 0 {
                        break 0;
                    }
                    shorter = suffix[shorter];
                    if let Some(found) = child(&children[shorter], *class) {
                        break found;
                    }
                };
                breadth_first.push(*next);
            }
        }

        let (hits, others): (Vec<usize>, Vec<usize>) = (0..ends.len()).partition(|state| !ends[*state].is_empty());
        let mut place = vec![0_usize; ends.len()];
        for (new, old) in hits.iter().chain(&others).enumerate() {
            place[*old] = new << shift;
        }
        // A step that the tree lacks is the one of the suffix, whose row is complete by then.
        let mut table = vec![place[0] as u32; ends.len() << shift];
        for state in breadth_first {
            let from = place[suffix[state]];
            if state != 0 {
                table.copy_within(from..from + row, place[state]);
            }
            for (class, next) in &children[state] {
                table[place[state] + usize::from(*class)] = place[*next] as u32;
            }
        }
        let start = place[0] as u32;
        let hits_below = (hits.len() << shift) as u32;
        let ends = hits.into_iter().map(|state| std::mem::take(&mut ends[state])).collect();
        Automaton { table, class, shift, hits_below, start, longest, ends }
    }

    /// The atoms that end at `hit`.
    pub(super) fn atoms(&self, hit: Hit) -> &[u32] {
        &self.ends[(hit.state >> self.shift) as usize]
    }

    /// Finds every atom in `text`, in no particular order. `hits` is the caller's, to be used again; `see` is given
    /// some of them at a time and says whether to go on.
    pub(super) fn find(
        &self,
        text: &[u8],
        range: Range<usize>,
        hits: &mut Vec<Hit>,
        mut see: impl FnMut(&[Hit]) -> bool,
    ) {
        let mut from = range.start;
        while from < range.end {
            let to = (from + BLOCK).min(range.end);
            hits.clear();
            self.block(text, from, to, hits);
            if !hits.is_empty() && !see(hits) {
                return;
            }
            from = to;
        }
    }

    /// Hits that end in `from + 1..=to`.
    fn block(&self, text: &[u8], from: usize, to: usize, hits: &mut Vec<Hit>) {
        let length = to - from;
        if length < ONE_LANE.max(self.longest * LANES) {
            self.lane(text, from, to, hits);
            return;
        }
        let quarter = length / LANES;
        let starts = [from, from + quarter, from + 2 * quarter, from + 3 * quarter];
        let mut state = starts.map(|start| self.arrive(text, start));
        let lane = |number: usize| text[starts[number]..starts[number] + quarter].iter();
        let side_by_side = lane(0).zip(lane(1)).zip(lane(2)).zip(lane(3)).enumerate();
        let (table, class, below) = (&self.table[..], &self.class, self.hits_below);
        for (offset, (((a, b), c), d)) in side_by_side {
            state = [
                table[state[0] as usize + class[usize::from(*a)] as usize],
                table[state[1] as usize + class[usize::from(*b)] as usize],
                table[state[2] as usize + class[usize::from(*c)] as usize],
                table[state[3] as usize + class[usize::from(*d)] as usize],
            ];
            if state[0].min(state[1]).min(state[2].min(state[3])) < below {
                for (state, start) in state.into_iter().zip(starts) {
                    if state < below {
                        hits.push(Hit { state, end: start + offset + 1 });
                    }
                }
            }
        }
        self.lane(text, from + LANES * quarter, to, hits);
    }

    fn lane(&self, text: &[u8], from: usize, to: usize, hits: &mut Vec<Hit>) {
        let mut state = self.arrive(text, from);
        for (offset, byte) in text[from..to].iter().enumerate() {
            state = self.next(state, *byte);
            if state < self.hits_below {
                hits.push(Hit { state, end: from + offset + 1 });
            }
        }
    }

    /// The state in which a scan of all that stands before `at` arrives there.
    fn arrive(&self, text: &[u8], at: usize) -> u32 {
        let before = &text[at.saturating_sub(self.longest - 1)..at];
        before.iter().fold(self.start, |state, byte| self.next(state, *byte))
    }

    fn next(&self, state: u32, byte: u8) -> u32 {
        self.table[state as usize + usize::from(self.class[usize::from(byte)])]
    }
}

fn child(children: &[(u8, usize)], class: u8) -> Option<usize> {
    children.iter().find(|(other, _)| *other == class).map(|(_, next)| *next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(atoms: &[&[u8]], text: &[u8]) -> Vec<(usize, u32)> {
        let automaton = Automaton::new(atoms.iter().copied());
        let mut all = Vec::new();
        automaton.find(text, 0..text.len(), &mut Vec::new(), |hits| {
            all.extend(hits.iter().flat_map(|hit| automaton.atoms(*hit).iter().map(|atom| (hit.end, *atom))));
            true
        });
        all.sort_unstable();
        all
    }

    fn expected(atoms: &[&[u8]], text: &[u8]) -> Vec<(usize, u32)> {
        let ends =
            |atom: &[u8], end: usize| end >= atom.len() && text[end - atom.len()..end].eq_ignore_ascii_case(atom);
        let all = (1..=text.len()).flat_map(|end| (0..atoms.len()).map(move |number| (end, number)));
        all.filter(|(end, number)| ends(atoms[*number], *end)).map(|(end, number)| (end, number as u32)).collect()
    }

    #[test]
    fn atoms_in_atoms_are_all_found() {
        let atoms: [&[u8]; 5] = [b"he", b"she", b"hers", b"his", "o\u{212a}".as_bytes()];
        let text = "usHErs this o\u{212a}".as_bytes();
        assert_eq!(found(&atoms, text), expected(&atoms, text));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn four_lanes_find_what_a_plain_search_finds(
            atoms in prop::collection::vec("[ab]{1,4}|[a-c]{2,6}", 1..8),
            text in prop::collection::vec(prop_oneof![Just(b'a'), Just(b'B'), Just(b'c'), any::<u8>()], 0..9_000),
        ) {
            let atoms: Vec<&[u8]> = atoms.iter().map(|atom| atom.as_bytes()).collect();
            prop_assert_eq!(found(&atoms, &text), expected(&atoms, &text));
        }
    }
}
