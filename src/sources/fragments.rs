//! How a file is cut into the pieces that are scanned one by one: byte for byte as gitleaks 8.30 cuts it.
//!
//! Where a piece ends decides what is found: keywords, `^` and `$`, composite rules and columns all hold within one
//! piece. gitleaks reads [`READ`] bytes and goes on to the next blank line, but at most [`GROWTH`] bytes; while it
//! looks for that line it reads [`READ_AHEAD`] bytes at a time, and what is left of those is the next piece's
//! beginning, however little that is.
//!
//! Memory is bounded by one piece: a line of a gigabyte is never held.

use std::io::{self, Read};

/// What a piece is made of before it grows, in bytes.
pub const READ: usize = 100_000;
/// How much a piece grows at most, in bytes.
pub const GROWTH: usize = 25_000;
/// What is read at a time while a piece grows, in bytes.
pub const READ_AHEAD: usize = 4096;

/// What is held at most, in bytes. Twice the longest piece: pieces are cut where they lie, and what is left of a file is
/// moved to the front at most once for each of them.
const HELD: usize = 2 * (READ + GROWTH + READ_AHEAD);

/// The memory that cutting needs; worth keeping from file to file.
#[derive(Debug, Default)]
pub struct Buffers {
    held: Vec<u8>,
}

/// One piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Never empty.
    pub text: &'a [u8],
    /// Lines that end before this piece begins.
    pub lines_before: usize,
    /// Length of the part that was read before the piece grew: what a magic number is looked for in.
    pub first_read: usize,
}

/// Cuts what `input` holds into pieces.
pub struct Fragments<'b, R> {
    input: R,
    held: &'b mut Vec<u8>,
    /// Where the next piece begins in `held`, and where what was read ends.
    from: usize,
    to: usize,
    /// How much of what follows was read ahead, as gitleaks would have it.
    ahead: usize,
    lines: usize,
    ended: bool,
}

impl<'b, R: Read> Fragments<'b, R> {
    /// Reads from where `input` stands.
    pub fn new(input: R, buffers: &'b mut Buffers) -> Fragments<'b, R> {
        buffers.held.resize(HELD, 0);
        Fragments { input, held: &mut buffers.held, from: 0, to: 0, ahead: 0, lines: 0, ended: false }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// What `input` says, save interruptions. What was read before the error is lost, as in gitleaks.
    pub fn piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        let first_read = match self.ahead {
            0 => self.hold(READ)?.min(READ),
            ahead => ahead,
        };
        self.ahead = 0;
        if first_read == 0 {
            return Ok(None);
        }
        let length = match ends_blank(&self.held[self.from..self.from + first_read]) {
            true => first_read,
            false => self.grown(first_read)?,
        };
        let text = &self.held[self.from..self.from + length];
        self.from += length;
        let lines_before = self.lines;
        self.lines += memchr::memchr_iter(b'\n', text).count();
        Ok(Some(Piece { text, lines_before, first_read }))
    }

    /// The length of a piece that goes on from `length` to the next blank line. A line with white space only counts as
    /// blank.
    fn grown(&mut self, mut length: usize) -> io::Result<usize> {
        // What the text ends in was the last byte of a read: a newline there is the first of two.
        let mut after_newline = self.held[self.from + length - 1] == b'\n';
        let mut room = GROWTH;
        while room > 0 {
            if self.ahead == 0 {
                self.ahead = (self.hold(length + READ_AHEAD)? - length).min(READ_AHEAD);
            }
            let ahead = &self.held[self.from + length..][..self.ahead.min(room)];
            if ahead.is_empty() {
                break;
            }
            let (taken, blank) = match after_newline {
                true => blank_line(ahead, &mut after_newline),
                // Nothing before the next newline makes a difference.
                false => match memchr::memchr(b'\n', ahead) {
                    Some(newline) => {
                        after_newline = true;
                        (newline + 1, false)
                    }
                    None => (ahead.len(), false),
                },
            };
            length += taken;
            self.ahead -= taken;
            room -= taken;
            if blank {
                break;
            }
        }
        Ok(length)
    }

    /// Reads on until `wanted` bytes are held from where the next piece begins, fewer only at the end; says how many
    /// are. gitleaks takes what a pipe happens to hold; we wait, so that the same input gives the same pieces.
    fn hold(&mut self, wanted: usize) -> io::Result<usize> {
        if self.from + wanted > self.held.len() {
            self.held.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        while self.to - self.from < wanted && !self.ended {
            match self.input.read(&mut self.held[self.to..]) {
                Ok(0) => self.ended = true,
                Ok(read) => self.to += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.to - self.from)
    }
}

/// Behind a newline: how much of `ahead` to take until it is clear whether the line is blank, and whether it is.
fn blank_line(ahead: &[u8], after_newline: &mut bool) -> (usize, bool) {
    let white = ahead.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
    match ahead.get(white) {
        None => (white, false),
        Some(b'\n') => (white + 1, true),
        Some(_) => {
            *after_newline = false;
            (white + 1, false)
        }
    }
}

/// Whether the text ends in two newlines with nothing but white space between and behind them.
fn ends_blank(text: &[u8]) -> bool {
    let white = text.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    white.filter(|&&byte| byte == b'\n').nth(1).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths of the pieces and the lines before them.
    fn cut(text: &[u8]) -> Vec<(usize, usize)> {
        let mut buffers = Buffers::default();
        let mut fragments = Fragments::new(text, &mut buffers);
        let mut pieces = Vec::new();
        while let Some(piece) = fragments.piece().unwrap() {
            pieces.push((piece.text.len(), piece.lines_before));
        }
        pieces
    }

    #[test]
    fn nothing_has_no_pieces_and_a_small_file_is_one() {
        assert_eq!(cut(b""), []);
        assert_eq!(cut(b"one\n\ntwo\n\n"), [(10, 0)]);
    }

    #[test]
    fn a_piece_that_ends_in_a_blank_line_does_not_grow() {
        let mut text = vec![b'x'; READ - 3];
        text.extend_from_slice(b"\n \n");
        text.extend_from_slice(b"the next piece");
        assert_eq!(cut(&text), [(READ, 0), (14, 2)]);
    }

    #[test]
    fn a_piece_grows_to_the_blank_line_and_the_read_ahead_is_a_piece_of_its_own() {
        let mut text = vec![b'x'; READ];
        text.extend_from_slice(b"yy\n\t\r\n");
        text.resize(300_000, b'z');
        // 6 bytes of the 4096 read ahead belong to the first piece, the other 4090 begin the second, which grows.
        let second = READ_AHEAD - 6 + GROWTH;
        // Growing took seven reads ahead of 4096; what the second piece left of them is the third one's beginning.
        let ahead = GROWTH.div_ceil(READ_AHEAD) * READ_AHEAD - GROWTH;
        let third = ahead + GROWTH;
        let pieces = cut(&text);
        assert_eq!(pieces[..3], [(READ + 6, 0), (second, 2), (third, 2)]);
        assert_eq!(pieces.iter().map(|piece| piece.0).sum::<usize>(), text.len());
    }

    #[test]
    fn the_newline_that_ends_the_read_counts_as_the_first_of_two() {
        let mut text = vec![b'x'; READ - 1];
        text.extend_from_slice(b"\n\nrest");
        assert_eq!(cut(&text), [(READ + 1, 0), (4, 2)]);
    }

    #[test]
    fn a_single_endless_line_is_never_held() {
        let mut buffers = Buffers::default();
        let mut fragments = Fragments::new(io::repeat(b'x').take(40_000_000), &mut buffers);
        let mut bytes = 0;
        while let Some(piece) = fragments.piece().unwrap() {
            bytes += piece.text.len();
            assert!(piece.text.len() <= READ + GROWTH && piece.lines_before == 0);
        }
        assert_eq!(bytes, 40_000_000);
        assert!(buffers.held.capacity() <= 2 * HELD);
    }

    #[test]
    fn a_reader_in_drips_gives_the_same_pieces() {
        struct Drips<'a>(&'a [u8]);
        impl Read for Drips<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let most = buffer.len().min(777);
                self.0.read(&mut buffer[..most])
            }
        }
        let text: Vec<u8> =
            (0..350_000u32).map(|i| if i % 9_001 < 2 { b'\n' } else { b'a' + (i % 26) as u8 }).collect();
        let mut buffers = Buffers::default();
        let mut fragments = Fragments::new(Drips(&text), &mut buffers);
        let mut pieces = Vec::new();
        while let Some(piece) = fragments.piece().unwrap() {
            pieces.push((piece.text.len(), piece.lines_before));
        }
        assert_eq!(pieces, cut(&text));
    }
}
