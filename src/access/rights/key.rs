//! The form of the keys that a file of rights gives: to lists of fields, to roles, to purposes.

/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 64;

/// Whether a text is 1 to 64 characters of a-z, 0-9 and `others`.
pub(super) fn is_key(text: &str, others: &[u8]) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || others.contains(&b);
    (1..=KEY_BYTES_MAX).contains(&text.len()) && text.bytes().all(fits)
}
