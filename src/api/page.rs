//! Pages: sizes within limits, and tokens that are bound to the query they came from.
//!
//! A token is `base64url(tag ‖ position)`, where the tag is a keyed hash over the query and the position: a token of
//! another query, or a made-up one, is refused. Positions may hold personal data, so they are not readable as such in
//! logs, but they are not secret from the caller who was shown the page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::{Error, Result, Seed, limits};

const TAG_BYTES: usize = 16;
const TOKEN_BYTES_MAX: usize = 1024;

/// Makes and reads page tokens.
#[derive(Debug, Clone)]
pub struct PageTokens {
    key: Seed,
}

impl PageTokens {
    /// Tokens under a key of this world.
    pub fn new(world: &Seed) -> Self {
        Self { key: world.child("page-tokens", 0) }
    }

    /// The token for the page after `position` of `query` (method and every filter, each a part).
    pub fn issue(&self, query: &[&[u8]], position: &[u8]) -> String {
        let mut bytes = self.tag(query, position).to_vec();
        bytes.extend_from_slice(position);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position of a token; `None` for the empty token, which begins.
    pub fn read(&self, query: &[&[u8]], token: &str) -> Result<Option<Vec<u8>>> {
        if token.is_empty() {
            return Ok(None);
        }
        let refused = Error::page_token_refused;
        if token.len() > TOKEN_BYTES_MAX {
            return Err(refused());
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
        let (tag, position) = bytes.split_at_checked(TAG_BYTES).ok_or_else(refused)?;
        if tag != self.tag(query, position) {
            return Err(refused());
        }
        Ok(Some(position.to_vec()))
    }

    fn tag(&self, query: &[&[u8]], position: &[u8]) -> [u8; TAG_BYTES] {
        let mut parts = query.to_vec();
        parts.push(position);
        let hash = self.key.keyed_hash(&parts);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&hash[..TAG_BYTES]);
        tag
    }
}

/// The page size that a request asks for: 0 is the default, over the limit is refused.
pub fn size(requested: u32) -> Result<usize> {
    match requested as usize {
        0 => Ok(limits::PAGE_SIZE_DEFAULT),
        size if size <= limits::PAGE_SIZE_MAX => Ok(size),
        _ => Err(Error::invalid_field(
            "page_size",
            "OUT_OF_RANGE",
            format!("a page holds at most {} items", limits::PAGE_SIZE_MAX),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Reason;

    #[test]
    fn a_token_works_for_its_own_query_alone() {
        let tokens = PageTokens::new(&Seed::root(1));
        let token = tokens.issue(&[b"ListLinks", b"a"], b"position");
        assert_eq!(tokens.read(&[b"ListLinks", b"a"], &token).expect("own").as_deref(), Some(&b"position"[..]));
        for (query, token) in
            [(&b"b"[..], token.as_str()), (b"a", "AAAA"), (b"a", "!"), (b"a", &token[..token.len() - 2])]
        {
            let error = tokens.read(&[b"ListLinks", query], token).expect_err("refused");
            assert_eq!(error.reason, Reason::PageTokenInvalid);
            assert_eq!(error.violations.kept()[0].field, "page_token");
        }
        assert_eq!(tokens.read(&[b"x"], "").expect("begin"), None);
    }

    #[test]
    fn a_huge_page_is_refused_by_name() {
        assert_eq!(size(0).expect("default"), 50);
        assert_eq!(size(500).expect("largest"), 500);
        assert_eq!(size(501).expect_err("too large").violations.kept()[0].field, "page_size");
    }
}
