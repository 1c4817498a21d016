//! Pages and streams: sizes within limits, and tokens that are bound to the world, the caller and the query they came from.
//!
//! A token is `base64url(tag ‖ position)`, where the tag is a keyed hash over world, method, caller, query and position: a token of another
//! of these, or a made-up one, is refused. Positions may hold personal data, so they are not readable as such in
//! logs, but they are not secret from the caller who was shown the page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::base::{Call, Caller, Error, Result, Seed, limits};

const TAG_BYTES: usize = 16;
const TOKEN_BYTES_MAX: usize = 1024;

/// Makes and reads page tokens.
#[derive(Debug, Clone)]
pub struct PageTokens {
    key: Seed,
    world: [u8; 16],
}

impl PageTokens {
    /// Tokens under a key of the seed, of one of its worlds: one seed can grow several.
    pub fn new(seed: &Seed, world: [u8; 16]) -> Self {
        Self { key: seed.child("page-tokens", 0), world }
    }

    /// The token for the rest of `query` after `position`: every filter, each a part.
    pub fn issue(&self, call: &Call, query: &[&[u8]], position: &[u8]) -> String {
        let mut bytes = self.tag(call, query, position).to_vec();
        bytes.extend_from_slice(position);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The position of a token; `None` for the empty token, which begins.
    pub fn read(&self, call: &Call, query: &[&[u8]], token: &str) -> Result<Option<Vec<u8>>> {
        self.read_field("page_token", call, query, token)
    }

    /// The same, for a token in another `field`.
    pub fn read_field(
        &self,
        field: &'static str,
        call: &Call,
        query: &[&[u8]],
        token: &str,
    ) -> Result<Option<Vec<u8>>> {
        if token.is_empty() {
            return Ok(None);
        }
        let refused = || Error::token_refused(field);
        if token.len() > TOKEN_BYTES_MAX {
            return Err(refused());
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
        let (tag, position) = bytes.split_at_checked(TAG_BYTES).ok_or_else(refused)?;
        if tag != self.tag(call, query, position) {
            return Err(refused());
        }
        Ok(Some(position.to_vec()))
    }

    /// The position of a token, where positions are ids.
    pub fn read_id(&self, call: &Call, query: &[&[u8]], token: &str) -> Result<Option<uuid::Uuid>> {
        let position = self.read(call, query, token)?;
        position.map(|id| uuid::Uuid::from_slice(&id).map_err(|_| Error::token_refused("page_token"))).transpose()
    }

    fn tag(&self, call: &Call, query: &[&[u8]], position: &[u8]) -> [u8; TAG_BYTES] {
        let caller: [&[u8]; 2] = match &call.caller {
            Caller::Agency(agency) => [b"agency", agency.as_str().as_bytes()],
            Caller::Citizen(person) => [b"citizen", person.as_str().as_bytes()],
        };
        let mut parts: Vec<&[u8]> = vec![&self.world, call.method.as_bytes()];
        parts.extend(caller);
        parts.extend(query);
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
    use crate::base::{AgencyId, Reason, Timestamp};

    #[test]
    fn a_token_works_for_its_own_query_alone() {
        let tokens = PageTokens::new(&Seed::root(1), [0; 16]);
        let own = by("police");
        let token = tokens.issue(&own, &[b"a"], b"position");
        assert_eq!(tokens.read(&own, &[b"a"], &token).expect("own").as_deref(), Some(&b"position"[..]));
        for (query, token) in
            [(&b"b"[..], token.as_str()), (b"a", "AAAA"), (b"a", "!"), (b"a", &token[..token.len() - 2])]
        {
            let error = tokens.read(&own, &[query], token).expect_err("refused");
            assert_eq!(error.reason, Reason::PageTokenInvalid);
            assert_eq!(error.violations.kept()[0].field, "page_token");
        }
        assert_eq!(tokens.read(&own, &[b"x"], "").expect("begin"), None);
    }

    fn by(agency: &str) -> Call {
        crate::world::call_by(Caller::Agency(AgencyId::parse(agency).expect("a key")), Timestamp(0))
    }

    #[test]
    fn a_token_works_in_its_own_world_for_its_caller_and_its_method() {
        let tokens = PageTokens::new(&Seed::root(1), [1; 16]);
        let token = tokens.issue(&by("police"), &[b"a"], b"position");
        let refused = |tokens: &PageTokens, call: &Call| {
            let error = tokens.read_field("resume_token", call, &[b"a"], &token).expect_err("refused");
            assert_eq!((error.reason, &*error.violations.kept()[0].field), (Reason::PageTokenInvalid, "resume_token"));
        };
        refused(&PageTokens::new(&Seed::root(1), [2; 16]), &by("police"));
        refused(&PageTokens::new(&Seed::root(2), [1; 16]), &by("police"));
        refused(&tokens, &by("operator"));
        refused(&tokens, &Call { method: "another", ..by("police") });
        tokens.read(&by("police"), &[b"a"], &token).expect("its own");
    }

    #[test]
    fn a_huge_page_is_refused_by_name() {
        assert_eq!(size(0).expect("default"), 50);
        assert_eq!(size(500).expect("largest"), 500);
        assert_eq!(size(501).expect_err("too large").violations.kept()[0].field, "page_size");
    }
}
