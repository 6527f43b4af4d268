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
    /// The atoms that end in each state that ends some, by place in the list they came from: where they begin in `ends`,
    /// and behind the last state where they end.
    ends_from: Vec<u32>,
    ends: Vec<u32>,
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

        let mut tree = Tree::default();
        let mut longest = 1;
        for (number, atom) in atoms.enumerate() {
            tree.add(atom.iter().map(|byte| class[usize::from(*byte)]), number as u32);
            longest = longest.max(atom.len());
        }
        let (breadth_first, suffix) = tree.suffixes();

        // What ends in a state: its own atoms, and what ends in its suffix.
        let mut is_hit = vec![false; tree.nodes.len()];
        for state in &breadth_first {
            is_hit[*state as usize] =
                tree.nodes[*state as usize].ends != NONE || is_hit[suffix[*state as usize] as usize];
        }
        let states = 0..tree.nodes.len();
        let hits: Vec<usize> = states.clone().filter(|state| is_hit[*state]).collect();
        let mut place = vec![0_u32; tree.nodes.len()];
        for (new, old) in hits.iter().copied().chain(states.filter(|state| !is_hit[*state])).enumerate() {
            place[old] = (new << shift) as u32;
        }
        let (mut ends_from, mut ends) = (Vec::with_capacity(hits.len() + 1), Vec::with_capacity(hits.len()));
        for state in &hits {
            ends_from.push(ends.len() as u32);
            let mut at = *state as u32;
            while at != 0 {
                let mut end = tree.nodes[at as usize].ends;
                while end != NONE {
                    ends.push(end);
                    end = tree.same[end as usize];
                }
                at = suffix[at as usize];
            }
        }
        ends_from.push(ends.len() as u32);

        // A step that the tree lacks is the one of the suffix, whose row is complete by then.
        let mut table = vec![place[0]; tree.nodes.len() << shift];
        for state in breadth_first {
            let (from, to) = (place[suffix[state as usize] as usize] as usize, place[state as usize] as usize);
            if state != 0 {
                table.copy_within(from..from + row, to);
            }
            for child in tree.children(state) {
                table[to + usize::from(tree.nodes[child as usize].class)] = place[child as usize];
            }
        }
        Automaton {
            table,
            class,
            shift,
            hits_below: (hits.len() << shift) as u32,
            start: place[0],
            longest,
            ends_from,
            ends,
        }
    }

    /// The atoms that end at `hit`.
    pub(super) fn atoms(&self, hit: Hit) -> &[u32] {
        let state = (hit.state >> self.shift) as usize;
        &self.ends[self.ends_from[state] as usize..self.ends_from[state + 1] as usize]
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

/// No state, no atom.
const NONE: u32 = u32::MAX;

/// The atoms as a tree: state 0 is its root.
struct Tree {
    nodes: Vec<Node>,
    /// By atom: another one that ends in the same state.
    same: Vec<u32>,
}

struct Node {
    class: u8,
    parent: u32,
    first_child: u32,
    next_sibling: u32,
    /// An atom that ends here.
    ends: u32,
}

impl Default for Tree {
    fn default() -> Tree {
        let root = Node { class: 0, parent: 0, first_child: NONE, next_sibling: NONE, ends: NONE };
        Tree { nodes: vec![root], same: Vec::new() }
    }
}

impl Tree {
    fn add(&mut self, atom: impl Iterator<Item = u8>, number: u32) {
        let mut state = 0;
        for class in atom {
            state = self.child(state, class).unwrap_or_else(|| {
                let next_sibling = self.nodes[state as usize].first_child;
                let child = self.nodes.len() as u32;
                self.nodes.push(Node { class, parent: state, first_child: NONE, next_sibling, ends: NONE });
                self.nodes[state as usize].first_child = child;
                child
            });
        }
        self.same.push(std::mem::replace(&mut self.nodes[state as usize].ends, number));
    }

    fn children(&self, state: u32) -> impl Iterator<Item = u32> {
        let some = |state: u32| (state != NONE).then_some(state);
        let first = some(self.nodes[state as usize].first_child);
        std::iter::successors(first, move |child| some(self.nodes[*child as usize].next_sibling))
    }

    fn child(&self, state: u32, class: u8) -> Option<u32> {
        self.children(state).find(|child| self.nodes[*child as usize].class == class)
    }

    /// The states breadth first, and the longest suffix of each that is in the tree too.
    fn suffixes(&self) -> (Vec<u32>, Vec<u32>) {
        let mut suffix = vec![0; self.nodes.len()];
        let mut breadth_first = Vec::with_capacity(self.nodes.len());
        breadth_first.push(0);
        let mut at = 0;
        while let Some(state) = breadth_first.get(at).copied() {
            at += 1;
            let Node { class, parent, .. } = self.nodes[state as usize];
            let mut shorter = parent;
            while shorter != 0 {
                shorter = suffix[shorter as usize];
                if let Some(found) = self.child(shorter, class) {
                    suffix[state as usize] = found;
                    break;
                }
            }
            breadth_first.extend(self.children(state));
        }
        (breadth_first, suffix)
    }
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
