//! What the views of the province know about a record type: of which kind of thing its records are the register, and which of its addresses say
//! who lives, or what stands, somewhere.

use crate::trust::Object;

/// A kind of thing that has a view of its own, beside people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubjectKind {
    /// People who live together.
    Household,
    /// A parcel of land.
    Parcel,
    /// A vehicle, by its plate.
    Vehicle,
    /// An organisation, by its code.
    Organisation,
}

impl SubjectKind {
    /// All of them, by their names in schema files.
    pub const ALL: [(&'static str, Self); 4] = [
        ("household", Self::Household),
        ("parcel", Self::Parcel),
        ("vehicle", Self::Vehicle),
        ("organisation", Self::Organisation),
    ];

    /// Its name in schema files and answers.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// Its number in storage keys: never changed, never reused.
    pub fn code(self) -> u8 {
        match self {
            Self::Household => 1,
            Self::Parcel => 2,
            Self::Vehicle => 3,
            Self::Organisation => 4,
        }
    }
}

/// The place of a record type in the views.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Viewed {
    /// The kind of thing that its natural key names, if its records are a register of such things.
    pub subject: Option<SubjectKind>,
    /// Paths of the addresses (`unit_code`, `unit_valid_from`, perhaps `text`) where people live or something stands; not those of a birth.
    pub addresses: Vec<String>,
}

impl Viewed {
    /// Of a type whose records have addresses at these paths.
    pub fn at(addresses: &[&str]) -> Self {
        Self { subject: None, addresses: addresses.iter().map(|path| (*path).into()).collect() }
    }

    /// The same, of the register of such things.
    #[must_use]
    pub fn of(self, subject: SubjectKind) -> Self {
        Self { subject: Some(subject), ..self }
    }

    /// The addresses of a payload, each with its path; those without a whole key of a unit are left out.
    pub fn addresses_of<'a>(&'a self, payload: &'a Object) -> impl Iterator<Item = (&'a str, Address<'a>)> {
        self.addresses.iter().filter_map(move |path| {
            let at = payload.path(path)?.as_object()?;
            Some((path.as_str(), Address::of(at)?))
        })
    }
}

/// An address in a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a> {
    /// Code of its unit.
    pub unit_code: &'a str,
    /// The unit's first day, which is part of its key.
    pub unit_valid_from: &'a str,
    /// House, street, hamlet; empty where the address has none.
    pub text: &'a str,
}

impl<'a> Address<'a> {
    fn of(object: &'a Object) -> Option<Self> {
        Some(Self {
            unit_code: object.text("unit_code")?,
            unit_valid_from: object.text("unit_valid_from")?,
            text: object.text("text").unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_where_they_are_whole() {
        let address = |code: &str| Object::new().with("unit_code", code).with("unit_valid_from", "2025-07-01");
        let payload = Object::new()
            .with("residence", address("18073").with("text", "12 Phan Đình Phùng"))
            .with("owner", Object::new().with("address", address("18652")))
            .with("half", Object::new().with("unit_code", "18073"));
        let viewed = Viewed::at(&["residence", "owner.address", "half", "nowhere"]);
        let found: Vec<_> = viewed.addresses_of(&payload).map(|(path, at)| (path, at.unit_code, at.text)).collect();
        assert_eq!(found, [("residence", "18073", "12 Phan Đình Phùng"), ("owner.address", "18652", "")]);
    }

    #[test]
    fn kinds_of_things_have_a_name_and_a_number_each() {
        for (name, kind) in SubjectKind::ALL {
            assert_eq!(kind.name(), name);
            assert_eq!(SubjectKind::ALL.iter().filter(|(_, other)| other.code() == kind.code()).count(), 1);
        }
    }
}
