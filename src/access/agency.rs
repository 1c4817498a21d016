//! The agencies of the seeded province. A demo credential is `demo-` and the key; `lienthong token issue` names the same.

use crate::base::{AgencyId, Violation, name};
use crate::registry;

/// One agency. Its systems call under its key.
#[derive(Debug, PartialEq, Eq)]
pub struct Agency {
    /// `one-stop`; in credentials, rights and the evidence ledger.
    pub key: &'static str,
    /// Its name in English.
    pub name: &'static str,
    /// Its name in Vietnamese.
    pub name_vi: &'static str,
    /// Whether it is a private party, which needs a consent for everything (Law 91/2025).
    pub private_party: bool,
}

/// All agencies, by key.
pub static ALL: &[Agency] = &[
    agency("auditor", "Auditor of exchanges", "Đơn vị kiểm tra, giám sát khai thác dữ liệu"),
    Agency { private_party: true, ..agency("bank", "A commercial bank", "Ngân hàng thương mại") },
    agency("finance", "Department of Finance", "Sở Tài chính"),
    agency("hospital", "Provincial General Hospital", "Bệnh viện Đa khoa tỉnh"),
    agency("justice", "Department of Justice", "Sở Tư pháp"),
    agency("land-office", "Land Registration Office", "Văn phòng Đăng ký đất đai"),
    agency("one-stop", "Provincial Public Administration Service Centre", "Trung tâm Phục vụ hành chính công tỉnh"),
    agency("operator", "Operator of the gateway", "Đơn vị vận hành nền tảng"),
    agency("police", "Provincial Police", "Công an tỉnh"),
    agency("social-insurance", "Provincial Social Insurance", "Bảo hiểm xã hội tỉnh"),
];

const fn agency(key: &'static str, name: &'static str, name_vi: &'static str) -> Agency {
    Agency { key, name, name_vi, private_party: false }
}

/// The agency with this key.
pub fn find(key: &str) -> Option<&'static Agency> {
    let at = ALL.binary_search_by(|agency| agency.key.cmp(key)).ok()?;
    ALL.get(at)
}

/// The violation of a `field` that names an agency which does not exist.
pub fn unknown(field: &str, given: &str) -> Violation {
    name::unknown(field, "agency", given, ALL.iter().map(|agency| agency.key), "AgencyService/ListAgencies")
}

/// The keys of all agencies, for the authenticator of the edge.
pub fn ids() -> impl Iterator<Item = AgencyId> {
    ALL.iter().filter_map(|agency| AgencyId::parse(agency.key))
}

impl Agency {
    /// The registries that it owns.
    pub fn registries(&self) -> impl Iterator<Item = &'static str> + '_ {
        registry::ALL.iter().filter(|sector| sector.agency == self.key).map(|sector| sector.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_every_registry_has_its_owner() {
        assert!(ALL.windows(2).all(|pair| pair[0].key < pair[1].key));
        assert_eq!(ids().count(), ALL.len());
        for sector in registry::ALL {
            let owner = find(sector.agency).expect("an owner");
            assert!(owner.registries().any(|name| name == sector.name));
        }
        let private: Vec<_> = ALL.iter().filter(|agency| agency.private_party).map(|agency| agency.key).collect();
        assert_eq!(private, ["bank"]);
        assert!(find("nobody").is_none());
    }
}
