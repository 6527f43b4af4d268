//! What counts as a picture of a user interface: images, videos, GitHub attachments and links to such files.

use std::sync::LazyLock;

use regex::Regex;

/// Whether the target of an image or a video shows something: not empty, and no badge.
pub(super) fn is_picture(target: &str) -> bool {
    let target = target.trim();
    !target.is_empty() && target != "#" && !is_badge(target)
}

/// Whether a link leads to a picture.
pub(super) fn is_link_to_picture(target: &str) -> bool {
    !is_badge(target) && (ATTACHMENT.is_match(target) || FILE.is_match(target))
}

/// How many addresses of pictures stand in a text without being links of Markdown.
pub(super) fn in_text(text: &str) -> usize {
    if !text.contains("://") {
        return 0;
    }
    ADDRESS.find_iter(text).filter(|address| is_link_to_picture(trimmed(address.as_str()))).count()
}

/// GitHub ends an address before the punctuation of the sentence around it (GFM, section 6.9).
fn trimmed(address: &str) -> &str {
    address.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '*', '_', '"', '\'', '|'])
}

fn is_badge(target: &str) -> bool {
    let target = target.to_lowercase();
    target.contains("badge") || target.contains("img.shields.io")
}

pub(super) static ADDRESS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?i)\bhttps?://[^\s<>|]+").expect("a valid pattern"));

/// Where GitHub keeps what is dropped into a text field, now and in former years.
static ATTACHMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^https?:// (?: [^/\s]+/user-attachments/(?:assets|files)/[^\s] | [^/\s]+/[^/\s]+/[^/\s]+/assets/\d+/[^\s]
          | (?:private-)?user-images\.githubusercontent\.com/[^\s] | [^/\s]+/storage/user/\d+/files/[^\s] )",
    )
    .expect("a valid pattern")
});

static FILE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)[^/\s.?\#]\.(?:png|apng|jpe?g|gif|webp|svg|avif|bmp|heic|tiff?|mp4|m4v|mov|webm|ogv|avi|mkv)(?:[?\#]\S*)?$",
    )
    .expect("a valid pattern")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_is_no_picture() {
        assert!(is_picture("https://example.org/before.png"));
        assert!(is_picture("docs/before"));
        for target in ["", "  ", "#", "https://img.shields.io/x.svg", "https://ci.example/Badge/main.svg"] {
            assert!(!is_picture(target), "{target}");
        }
    }

    #[test]
    fn links_count_when_they_lead_to_a_picture() {
        for target in [
            "https://example.org/a.PNG",
            "https://example.org/a.mp4?raw=true",
            "docs/screens/a.gif#x",
            "https://github.com/user-attachments/assets/5a8b2b0e",
            "https://github.com/acme/shop/assets/123/5a8b2b0e",
            "https://user-images.githubusercontent.com/1/2",
        ] {
            assert!(is_link_to_picture(target), "{target}");
        }
        for target in
            ["https://example.org/a.pdf", "https://png", "https://github.com/acme/shop", "https://x/badge.svg", ".png"]
        {
            assert!(!is_link_to_picture(target), "{target}");
        }
        assert_eq!(in_text("before: https://example.org/a.png, after: (https://example.org/b.webm)."), 2);
    }
}
