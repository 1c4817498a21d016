//! The rights of a province as one immutable value, prepared for look-ups: agencies, purposes, rights, and who may call which method.

use std::sync::Arc;

use super::method::{MethodId, MethodRule, Word};
use super::right::{Agency, Basis, Fields, Purpose, RightSet};
use crate::base::call::Permit;
use crate::base::{Caller, Error, Result, Violation, name};

/// The rights to call methods and to read records.
#[derive(Debug, Clone)]
pub struct Rights {
    pub(super) version: Arc<str>,
    /// By key; each with the sets of its rights, by purpose.
    pub(super) agencies: Vec<(Agency, Vec<RightSet>)>,
    /// By key.
    pub(super) purposes: Vec<Purpose>,
    /// In the order of the file.
    pub(super) roles: Vec<(String, Vec<String>)>,
    /// By name.
    pub(super) methods: Vec<MethodRule>,
}

/// A right of the table.
#[derive(Debug, Clone, Copy)]
pub struct Right<'a> {
    /// The agency.
    pub agency: &'a Agency,
    /// The purpose, and the basis.
    pub set: &'a RightSet,
    /// The record type.
    pub record_type: &'a str,
    /// The fields.
    pub fields: &'a Fields,
}

/// An agency's right to one record type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readable {
    /// Which fields.
    pub fields: Fields,
    /// The basis.
    pub basis: Basis,
}

impl Rights {
    /// The SHA-256 of the file's bytes, in hexadecimal: evidence names the rights that it was decided by.
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }

    fn place(&self, key: &str) -> Option<usize> {
        self.agencies.binary_search_by(|(agency, _)| agency.key.as_str().cmp(key)).ok()
    }

    /// All agencies, by key.
    pub fn agencies(&self) -> impl Iterator<Item = &Agency> {
        self.agencies.iter().map(|(agency, _)| agency)
    }

    /// The agency with this key.
    pub fn agency(&self, key: &str) -> Option<&Agency> {
        self.place(key).map(|at| &self.agencies[at].0)
    }

    /// All purposes, by key.
    pub fn purposes(&self) -> &[Purpose] {
        &self.purposes
    }

    /// The purpose with this key.
    pub fn purpose(&self, key: &str) -> Option<&Purpose> {
        let at = self.purposes.binary_search_by(|purpose| (*purpose.key).cmp(key)).ok()?;
        self.purposes.get(at)
    }

    /// The roles with their agencies.
    pub fn roles(&self) -> &[(String, Vec<String>)] {
        &self.roles
    }

    /// The rights of an agency for a purpose.
    pub fn set(&self, agency: &str, purpose: &str) -> Option<&RightSet> {
        let (_, sets) = &self.agencies[self.place(agency)?];
        let at = sets.binary_search_by(|set| (*set.purpose).cmp(purpose)).ok()?;
        sets.get(at)
    }

    /// All rights, by agency and purpose.
    pub fn all(&self) -> impl Iterator<Item = Right<'_>> {
        self.agencies.iter().flat_map(|(agency, sets)| {
            sets.iter().flat_map(move |set| {
                set.read.iter().map(move |(record_type, fields)| Right { agency, set, record_type, fields })
            })
        })
    }

    /// An agency's right to a record type for a purpose.
    pub fn find(&self, agency: &str, purpose: &str, record_type: &str) -> Option<Readable> {
        let set = self.set(agency, purpose)?;
        Some(Readable { fields: set.fields(record_type)?.clone(), basis: set.basis })
    }

    /// The violation of a `field` that names an agency which does not exist.
    pub fn unknown_agency(&self, field: &str, given: &str) -> Violation {
        let known = self.agencies().map(|agency| agency.key.as_str());
        name::unknown(field, "agency", given, known, "AgencyService/ListAgencies")
    }

    /// The violation of a `field` that names a purpose which does not exist.
    pub fn unknown_purpose(&self, field: &str, given: &str) -> Violation {
        let known = self.purposes.iter().map(|purpose| &*purpose.key);
        name::unknown(field, "purpose", given, known, "AgencyService/ListRights")
    }

    /// The number of a method: `lienthong.exchange.v1.ExchangeService/Explain`. It is the same in every table of this program.
    pub fn method(&self, name: &str) -> Option<MethodId> {
        let at = self.methods.binary_search_by(|row| row.name.as_str().cmp(name)).ok()?;
        u16::try_from(at).ok().map(MethodId)
    }

    /// Every method with a row, and who may call it: agencies' keys and words.
    pub fn methods(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.methods.iter().map(|row| (row.name.as_str(), row.callers.as_slice()))
    }

    /// Whether a method needs no credential.
    pub fn is_public(&self, method: MethodId) -> bool {
        self.methods.get(usize::from(method.0)).is_some_and(|row| row.has(Word::Anyone))
    }

    /// A caller's access to a method, as far as it can be decided without the request. A caller who may never make the call is refused with
    /// [`RoleNotAllowed`](crate::base::Reason::RoleNotAllowed).
    pub fn permit(&self, method: MethodId, caller: &Caller) -> Result<Permit> {
        let row = self.methods.get(usize::from(method.0)).ok_or_else(|| Error::bug("a method without a row"))?;
        let permit = match caller {
            Caller::Citizen(_) => row.citizen(),
            Caller::Agency(key) => self.place(key.as_str()).and_then(|at| row.agency(at)),
        };
        permit.ok_or_else(|| row.permit(false).refusal(caller))
    }
}
