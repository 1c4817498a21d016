//! Who may call which method: the rows of the rights' file, compiled so that admission asks with two look-ups.
//!
//! Some callers are named: they may make a call whatever its subject. Others may make it only if they have some relation
//! to what it is about, which the use case decides once it has read the request. Admission refuses callers who are neither.

use std::sync::Arc;

use crate::base::call::Permit;

/// A caller of a row that is neither an agency nor a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// Without a credential.
    Anyone,
    /// Every agency and every citizen.
    Authenticated,
    /// Every agency.
    Agencies,
    /// The citizen whom the request is about, or their guardian.
    Subject,
    /// The agency that owns the registry that the request is about.
    Owner,
    /// The agency that the request is about.
    Itself,
    /// The agency that a presentation's code was made for.
    Addressee,
    /// The caller of the call that the request is about.
    Originator,
}

impl Word {
    /// All words.
    pub const ALL: [Self; 8] = [
        Self::Anyone,
        Self::Authenticated,
        Self::Agencies,
        Self::Subject,
        Self::Owner,
        Self::Itself,
        Self::Addressee,
        Self::Originator,
    ];

    /// The word in files and refusals.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Authenticated => "authenticated",
            Self::Agencies => "agencies",
            Self::Subject => "subject",
            Self::Owner => "owner",
            Self::Itself => "itself",
            Self::Addressee => "addressee",
            Self::Originator => "originator",
        }
    }

    /// Reads [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|word| word.as_str() == text)
    }
}

/// A method, by its index in the sorted list of all methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodId(pub(super) u16);

/// A set of agencies, by their indices in the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AgencySet(Vec<u64>);

impl AgencySet {
    pub(super) fn insert(&mut self, at: usize) {
        if self.0.len() <= at / 64 {
            self.0.resize(at / 64 + 1, 0);
        }
        self.0[at / 64] |= 1 << (at % 64);
    }

    pub(super) fn contains(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|bits| bits >> (at % 64) & 1 == 1)
    }
}

/// The callers of one method, with agencies and roles resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MethodRule {
    /// `lienthong.identity.v1.LinkService/GetLink`.
    pub(super) name: String,
    pub(super) words: Vec<Word>,
    /// The agencies that it names, roles among them resolved.
    pub(super) named: AgencySet,
    /// The agencies that own a registry which it may be about.
    pub(super) owners: AgencySet,
    /// The allowed callers: agencies' keys and words, in the order of the row.
    pub(super) callers: Vec<String>,
    /// The same for refusals: `police,operator,subject`.
    pub(super) allowed: Arc<str>,
}

impl MethodRule {
    pub(super) fn has(&self, word: Word) -> bool {
        self.words.contains(&word)
    }

    /// The access of citizens to the method.
    pub(super) fn citizen(&self) -> Option<Permit> {
        let is_named = self.has(Word::Authenticated);
        let may = is_named || self.has(Word::Subject) || self.has(Word::Originator);
        may.then(|| self.permit(is_named))
    }

    /// The access of the agency with this index.
    pub(super) fn agency(&self, at: usize) -> Option<Permit> {
        let is_named = self.named.contains(at) || self.has(Word::Authenticated) || self.has(Word::Agencies);
        let may_be_related = || {
            let for_each = [Word::Itself, Word::Addressee, Word::Originator];
            for_each.iter().any(|word| self.has(*word)) || self.has(Word::Owner) && self.owners.contains(at)
        };
        (is_named || may_be_related()).then(|| self.permit(is_named))
    }

    pub(super) fn permit(&self, is_named: bool) -> Permit {
        Permit { is_named, allowed: self.allowed.clone() }
    }
}
