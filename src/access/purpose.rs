//! What records may be asked for: a closed list, since a right and a consent hold for one purpose each (Law 91/2025).

use crate::base::{Violation, name};

/// One purpose.
#[derive(Debug, PartialEq, Eq)]
pub struct Purpose {
    /// `one_stop.verify_documents`: field of work, dot, what is done.
    pub key: &'static str,
    /// In words.
    pub description: &'static str,
}

/// All purposes, by key.
pub static ALL: &[Purpose] = &[
    Purpose { key: "bank.know_your_customer", description: "identify a customer before opening an account" },
    Purpose { key: "health.admission", description: "admit a patient and settle with health insurance" },
    Purpose { key: "justice.record_certificate", description: "issue a judicial record certificate" },
    Purpose { key: "land.transfer", description: "register the transfer of a land-use right" },
    Purpose { key: "one_stop.process_dossier", description: "decide a dossier of an administrative procedure" },
    Purpose {
        key: "one_stop.verify_documents",
        description: "check the documents that a citizen would bring on paper",
    },
    Purpose { key: "social_insurance.benefit", description: "decide a social-insurance benefit" },
    Purpose { key: "statistics.aggregate", description: "count, without naming anybody" },
    Purpose { key: "traffic.roadside_check", description: "check driver and vehicle on the road" },
];

/// The purpose with this key.
pub fn find(key: &str) -> Option<&'static Purpose> {
    let at = ALL.binary_search_by(|purpose| purpose.key.cmp(key)).ok()?;
    ALL.get(at)
}

/// The violation of a `field` that names a purpose which does not exist.
pub fn unknown(field: &str, given: &str) -> Violation {
    name::unknown(field, "purpose", given, ALL.iter().map(|purpose| purpose.key), "AgencyService/ListRights")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted() {
        assert!(ALL.windows(2).all(|pair| pair[0].key < pair[1].key));
        assert!(ALL.iter().all(|purpose| find(purpose.key) == Some(purpose)));
        assert_eq!(find("curiosity"), None);
    }
}
