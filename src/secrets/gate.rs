//! What the bytes around a site must be: asked millions of times, before anything else is.

use regex_syntax::hir::Look;

use super::ahead::{Ahead, PLACES};
use super::atoms::{self, Site};

/// The gate of a site.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) ahead: Ahead,
    /// A word must begin at the atom.
    pub(super) begins_word: bool,
    /// Literals that every match holds behind the atom, each in all its spellings.
    pub(super) later: Vec<Vec<Vec<u8>>>,
}

impl Gate {
    pub(super) fn of(site: &Site) -> Gate {
        let letters = String::from_utf8_lossy(&site.atom).chars().count();
        let begins_word =
            site.atom.first().is_some_and(is_word) && atoms::asserted(&site.rest).contains(&Look::WordAscii);
        let behind = atoms::behind(&site.rest, letters);
        Gate { ahead: Ahead::new(&behind), begins_word, later: atoms::certain(&behind) }
    }

    /// Whether a match is possible through the atom at `start..end`.
    pub(super) fn allows(&self, text: &[u8], start: usize, end: usize) -> bool {
        self.may_begin(text, start) && self.ahead.allows(&text[end..])
    }

    /// As [`Gate::allows`], when lines around the atom's may be left out.
    pub(super) fn may_allow(&self, text: &[u8], start: usize, end: usize) -> bool {
        // What stands on the same line stands there in any case.
        let line = match text[..end].ends_with(b"\n") {
            true => &[],
            false => {
                let next = &text[end..text.len().min(end + PLACES)];
                &next[..memchr::memchr(b'\n', next).map_or(next.len(), |newline| newline + 1)]
            }
        };
        self.may_begin(text, start) && self.ahead.may_allow(line)
    }

    fn may_begin(&self, text: &[u8], start: usize) -> bool {
        let before = start.checked_sub(1).and_then(|before| text.get(before));
        !self.begins_word || !before.is_some_and(is_word)
    }
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}
