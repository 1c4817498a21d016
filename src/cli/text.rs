//! The encoding of a file, recognised by its first bytes: shells and editors differ, and "expected value at line 1" helps nobody.
//!
//! A byte order mark is stepped over (RFC 8259, section 8.1). Anything else than UTF-8 is named, not converted.

/// How many bytes are enough to tell.
pub(super) const HEAD_BYTES: usize = 512;

/// How many bytes to skip at the beginning of a text, by its head; or the kind of data found instead of text.
pub(super) fn begin(head: &[u8]) -> Result<usize, &'static str> {
    const MARK: &[u8] = &[0xef, 0xbb, 0xbf];
    let is_control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    match head {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, b'{' | b'[', ..] | [b'{' | b'[', 0, 0, 0, ..] => {
            Err("is UTF-32: save it as UTF-8")
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'{' | b'[', ..] | [b'{' | b'[', 0, ..] => {
            Err("is UTF-16, as some versions of PowerShell write it with `>`: save it as UTF-8")
        }
        _ if head.iter().any(is_control) => {
            Err("is binary, perhaps a protobuf message: give protobuf JSON, as grpcurl prints it")
        }
        _ if head.starts_with(MARK) => Ok(MARK.len()),
        _ => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_what_is_none() {
        for (head, expected) in [
            (&b"{\"a\":1}"[..], Ok(0)),
            (b"\n\t [", Ok(0)),
            (b"", Ok(0)),
            (b"\xef\xbb\xbf{}", Ok(3)),
            (b"\xff\xfe{\0", Err("UTF-16")),
            (b"\xfe\xff\0{", Err("UTF-16")),
            (b"{\0\"\0", Err("UTF-16")),
            (b"\xff\xfe\0\0{\0\0\0", Err("UTF-32")),
            (b"\0\0\xfe\xff\0\0\0{", Err("UTF-32")),
            (b"{\0\0\0\"\0\0\0", Err("UTF-32")),
            (b"\0\0\0{", Err("UTF-32")),
            (b"\n$0190a1b2-0000-7000-8000-000000000000\x12\x80\x08", Err("binary")),
            (b"\0\0\0\x01\x02", Err("binary")),
        ] {
            match (begin(head), expected) {
                (Ok(skip), Ok(expected)) => assert_eq!(skip, expected, "{head:?}"),
                (Err(what), Err(expected)) => assert!(what.contains(expected), "{head:?}: {what}"),
                (found, _) => panic!("{head:?}: {found:?}"),
            }
        }
    }
}
