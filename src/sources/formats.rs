//! What kind of file something is: archives by their name, programs and the like by their first bytes. Pure.
//!
//! gitleaks asks two libraries, and what they answer decides what is scanned; both are followed to the byte.

/// How a file is packed, going by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packing {
    /// The outer layer.
    pub compression: Option<Compression>,
    /// What is inside it, or the file itself.
    pub container: Option<Container>,
}

/// One file, made smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the name of a format")]
pub enum Compression {
    Brotli,
    Bzip2,
    Gzip,
    Lz4,
    Lzip,
    MinLz,
    Snappy,
    Xz,
    Zlib,
    Zstd,
}

/// Many files in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the name of a format")]
pub enum Container {
    SevenZip,
    Rar,
    Tar,
    Zip,
}

/// Where several match, gitleaks picks one at random; here the first does, longer names before their beginnings.
const COMPRESSIONS: [(&[u8], Compression); 11] = [
    (b".lz4", Compression::Lz4),
    (b".bz2", Compression::Bzip2),
    (b".zst", Compression::Zstd),
    (b".gz", Compression::Gzip),
    (b".xz", Compression::Xz),
    (b".br", Compression::Brotli),
    (b".lz", Compression::Lzip),
    (b".zz", Compression::Zlib),
    (b".mz", Compression::MinLz),
    (b".sz", Compression::Snappy),
    (b".s2", Compression::Snappy),
];

const CONTAINERS: [(&[u8], Container); 4] =
    [(b".tar", Container::Tar), (b".zip", Container::Zip), (b".rar", Container::Rar), (b".7z", Container::SevenZip)];

/// What the name of a file says about its packing; `None` for a file that is not packed. An ending counts wherever
/// it stands in the last part of the path: `a.zip.old` is an archive, and so is `my.brief`, because gitleaks says so.
pub fn packing(path: &[u8]) -> Option<Packing> {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path).to_ascii_lowercase();
    // Most names have no dot that is followed by one of these letters: a cheap way out.
    if !name.windows(2).any(|pair| pair[0] == b'.' && b"bglmrstxz7".contains(&pair[1])) {
        return None;
    }
    let holds = |ending: &[u8]| name.windows(ending.len()).any(|window| window == ending);
    let compression = COMPRESSIONS.iter().find(|(ending, _)| holds(ending)).map(|(_, kind)| *kind);
    let container = CONTAINERS.iter().find(|(ending, _)| holds(ending)).map(|(_, kind)| *kind);
    (compression.is_some() || container.is_some()).then_some(Packing { compression, container })
}

/// Whether the first bytes of a file are those of an archive, a program, a document or a font: what gitleaks does
/// not scan. Images, sound and film are scanned.
pub fn is_application(text: &[u8]) -> bool {
    let at = |offset: usize, magic: &[u8]| text.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    let byte = |offset: usize| text.get(offset).copied();
    const PREFIXES: [&[u8]; 19] = [
        b"\x1f\x8b\x08",       // gzip
        b"BZh",                // bzip2
        b"7z\xbc\xaf\x27\x1c", // 7-Zip
        b"\xfd7zXZ\0",         // xz
        b"%PDF",               // PDF
        b"MZ",                 // Windows programs
        b"{\\rtf",             // RTF
        b"NES\x1a",            // Nintendo
        b"Cr24",               // Chrome extension
        b"%!",                 // PostScript
        b"SQLi",               // SQLite
        b"!<arch>",            // ar, deb
        b"LZIP",               // lzip
        b"\0asm\x01\0\0\0",    // WebAssembly
        b"wOFF\0\x01\0\0",     // WOFF
        b"wOF2\0\x01\0\0",     // WOFF2
        b"\0\x01\0\0\0",       // TrueType
        b"OTTO\0",             // OpenType
        b"\x28\xb5\x2f\xfd",   // zstd
    ];
    const MACH_O: [&[u8]; 6] = [
        b"\xfe\xed\xfa\xcf",
        b"\xfe\xed\xfa\xce",
        b"\xbe\xba\xfe\xca",
        b"\xcf\xfa\xed\xfe",
        b"\xce\xfa\xed\xfe",
        b"\xca\xfe\xba\xbe",
    ];
    PREFIXES.iter().chain(&MACH_O).any(|magic| text.starts_with(magic))
        || (at(0, b"PK") && matches!(byte(2), Some(3 | 5 | 7)) && matches!(byte(3), Some(4 | 6 | 8)))
        || at(257, b"ustar")
        || (at(0, b"Rar!\x1a\x07") && matches!(byte(6), Some(0 | 1)))
        || (matches!(byte(0), Some(b'C' | b'F')) && at(1, b"WS"))
        || at(0, b"MSCF")
        || at(0, b"ISc(")
        || (at(34, b"LP") && (at(8, b"\x02\0\x01") || at(8, b"\x01\0\0") || at(8, b"\x02\0\x02")))
        || at(0, b"\x1f\xa0")
        || at(0, b"\x1f\x9d")
        || (text.len() > 96 && at(0, b"\xed\xab\xee\xdb"))
        || (text.len() > 52 && at(0, b"\x7fELF"))
        || at(128, b"DICM")
        || at(32_769, b"CD001")
        || (at(0, b"dex\n") && byte(36) == Some(0x70))
        || (text.len() > 100 && at(0, b"dey\n") && at(40, b"dex\n") && byte(76) == Some(0x70))
        || is_old_office(text)
        || is_zstd_behind_frames(text)
}

/// Word, Excel and PowerPoint before 2007: what the container holds is told by the second sector, where there is one.
fn is_old_office(text: &[u8]) -> bool {
    const KINDS: [[u8; 2]; 4] = [[0xec, 0xa5], [0x09, 0x08], [0xfd, 0xff], [0xa0, 0x46]];
    text.starts_with(b"\xd0\xcf\x11\xe0")
        && text.get(512..514).is_none_or(|kind| KINDS.iter().any(|known| known == kind))
}

/// A zstd stream may begin with frames that are to be skipped.
fn is_zstd_behind_frames(mut text: &[u8]) -> bool {
    loop {
        let Some((header, rest)) = text.split_first_chunk::<8>() else { return false };
        let word = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        if word(0) & 0xffff_fff0 != 0x184d_2a50 {
            return false;
        }
        let Some(next) = rest.get(word(4) as usize..) else { return false };
        if next.starts_with(b"\x28\xb5\x2f\xfd") {
            return true;
        }
        text = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_archives_where_gitleaks_says_so() {
        let packed = [
            "a.tar.txt",
            "b.gzx",
            "c.zipped",
            "e.br.txt",
            "f.s2",
            "g.tar-file",
            "i.zz",
            "j.lz",
            ".tar",
            "x.7z.old",
            "A.ZIP",
        ];
        for name in packed {
            assert!(packing(name.as_bytes()).is_some(), "{name}");
        }
        for name in ["d.tgz", "h.jar", "m.txz", "p.tbz2", "tar", "dir.zip/readme", "a.rs", "", "."] {
            assert_eq!(packing(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn layers_are_told_apart() {
        let tar_gz = packing(b"x/a.tar.gz").unwrap();
        assert_eq!(tar_gz, Packing { compression: Some(Compression::Gzip), container: Some(Container::Tar) });
        assert_eq!(packing(b"a.lz4").unwrap().compression, Some(Compression::Lz4));
    }

    #[test]
    fn first_bytes() {
        assert!(is_application(b"PK\x03\x04...."));
        assert!(!is_application(b"PK\x01\x02...."));
        assert!(!is_application(b"\x7fELF"), "an ELF header has 52 bytes");
        assert!(is_application(&[b"\x7fELF".as_slice(), &[0; 50]].concat()));
        assert!(!is_application(b"GIF89a"));
        assert!(!is_application(b""));
        let mut office = b"\xd0\xcf\x11\xe0".to_vec();
        assert!(is_application(&office));
        office.resize(600, 0);
        assert!(!is_application(&office), "an installer, for instance");
        assert!(is_application(b"\x50\x2a\x4d\x18\x02\0\0\0xx\x28\xb5\x2f\xfd"));
        assert!(!is_application(b"\x50\x2a\x4d\x18\xff\xff\xff\xffxx"));
    }
}
