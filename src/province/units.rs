//! Communes whose area was divided among several communes in the reorganisation of 1 July 2025 (Resolution 1665/NQ-UBTVQH15): an
//! address there that has not been updated has several candidates.

/// The former commune, and the present communes of its area.
const SPLIT: [(&str, &[&str]); 2] = [("18082", &["18073", "18652"]), ("18796", &["18823", "18754", "18832"])];

/// The first day of the present communes.
const REORGANISED_ON: &str = "2025-07-01";

/// The present communes in which an address in a former unit may be; `None` if the unit was not split.
pub(super) fn candidates(unit_code: &str, unit_valid_from: &str) -> Option<&'static [&'static str]> {
    // The same code may denote another unit since; the key is code and first day. ISO dates compare as strings.
    let former = unit_valid_from < REORGANISED_ON;
    SPLIT.iter().find(|(code, _)| former && *code == unit_code).map(|(_, now)| *now)
}
