//! Finds all atoms of all rules in one pass, at the speed of memory.
//!
//! A dense table of states × classes of bytes. One chain of states waits for the cache at every byte, so text is cut in
//! four lanes whose chains advance side by side. States that end an atom have the lowest numbers: a hit is one
//! comparison.

use std::collections::VecDeque;

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

        // A tree of the atoms, state 0 being its root, made an automaton breadth first: a missing step is the one of
        // the longest suffix that is in the tree.
        let mut steps: Vec<u32> = vec![0; row];
        let mut ends: Vec<Vec<u32>> = vec![Vec::new()];
        let mut longest = 1;
        for (number, atom) in atoms.enumerate() {
            let mut state = 0;
            for byte in atom {
                let step = (state << shift) + usize::from(class[usize::from(*byte)]);
                if steps[step] == 0 {
                    steps[step] = ends.len() as u32;
                    steps.resize(steps.len() + row, 0);
                    ends.push(Vec::new());
                }
                state = steps[step] as usize;
            }
            ends[state].push(number as u32);
            longest = longest.max(atom.len());
        }
        let mut suffix = vec![0_usize; ends.len()];
        let mut queue: VecDeque<usize> =
            steps[..row].iter().filter(|next| **next != 0).map(|next| *next as usize).collect();
        while let Some(state) = queue.pop_front() {
            let shorter = suffix[state];
            let inherited = ends[shorter].clone();
            ends[state].extend(inherited);
            for column in 0..row {
                let step = (state << shift) + column;
                let detour = steps[(shorter << shift) + column];
                match steps[step] {
                    0 => steps[step] = detour,
                    next => {
                        suffix[next as usize] = detour as usize;
                        queue.push_back(next as usize);
                    }
                }
            }
        }

        let mut order: Vec<usize> = (0..ends.len()).collect();
        order.sort_by_key(|state| ends[*state].is_empty());
        let mut number = vec![0_u32; order.len()];
        for (new, old) in order.iter().enumerate() {
            number[*old] = (new << shift) as u32;
        }
        let table = order.iter().flat_map(|old| &steps[old << shift..(old + 1) << shift]);
        let table = table.map(|next| number[*next as usize]).collect();
        let mut ends: Vec<Vec<u32>> = order.iter().map(|old| std::mem::take(&mut ends[*old])).collect();
        ends.retain(|ends| !ends.is_empty());
        let hits_below = (ends.len() << shift) as u32;
        Automaton { table, class, shift, hits_below, start: number[0], longest, ends }
    }

    /// The atoms that end at `hit`.
    pub(super) fn atoms(&self, hit: Hit) -> &[u32] {
        &self.ends[(hit.state >> self.shift) as usize]
    }

    /// Finds every atom in `text`, in no particular order. `hits` is the caller's, to be used again; `see` is given
    /// some of them at a time and says whether to go on.
    pub(super) fn find(&self, text: &[u8], hits: &mut Vec<Hit>, mut see: impl FnMut(&[Hit]) -> bool) {
        let mut from = 0;
        while from < text.len() {
            let to = (from + BLOCK).min(text.len());
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(atoms: &[&[u8]], text: &[u8]) -> Vec<(usize, u32)> {
        let automaton = Automaton::new(atoms.iter().copied());
        let mut all = Vec::new();
        automaton.find(text, &mut Vec::new(), |hits| {
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
