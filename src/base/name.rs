//! Public names that callers misspell: record types, purposes, registries, agencies.
//!
//! They are not secret, so a caller who misspells one is told so before any right is checked, with the known names that
//! are most like it. What the caller wrote is not repeated.

use std::collections::BTreeSet;
use std::fmt::Display;

use super::violation::Violation;

/// Most names that are suggested.
const NEAREST_MAX: usize = 3;
/// Characters of a wrong name that are compared; known names are shorter.
const COMPARED_CHARS_MAX: usize = 64;
/// Likeness from which a name is suggested; 1 is equal.
const LIKENESS_MIN: f64 = 0.75;

/// The violation of a `field` that names a `kind` of thing which is not among `known`; `list` is the call that lists them.
///
/// ```
/// use lienthong::base::name::unknown;
/// let known = ["land.certificate.v1", "land.parcel.v1", "vehicle.registration.v1"];
/// let bad = unknown("record_types[0]", "record type", "land.parcels.v1", known, "RegistryService/Describe");
/// assert_eq!(bad.rule, "UNKNOWN_VALUE");
/// assert!(bad.message.starts_with("no such record type; nearest: land.parcel.v1"));
/// ```
pub fn unknown<'a>(
    field: impl Display,
    kind: &str,
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
    list: &str,
) -> Violation {
    let message = [with_nearest(format!("no such {kind}"), given, known), format!("see {list}")].join("; ");
    Violation::new(field, "UNKNOWN_VALUE", message)
}

/// The methods of `known` that a name means: the one of this full name, or all that end with it, from the beginning of a package, a service
/// or a method.
///
/// ```
/// use lienthong::base::name::methods_meant;
/// let known = ["a.v1.LinkService/Get", "b.v1.LinkService/Get", "a.v1.LinkService/List"];
/// assert_eq!(methods_meant("LinkService/List", known), ["a.v1.LinkService/List"]);
/// assert_eq!(methods_meant("LinkService/Get", known).len(), 2, "ambiguous");
/// assert_eq!(methods_meant("a.v1.LinkService/Get", known), [known[0]]);
/// ```
pub fn methods_meant<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let is_meant =
        |name: &&str| name.strip_suffix(given).is_some_and(|before| before.is_empty() || before.ends_with(['.', '/']));
    let meant: Vec<&str> = known.into_iter().filter(is_meant).collect();
    match meant.iter().find(|name| **name == given) {
        Some(whole) => vec![whole],
        None => meant,
    }
}

/// The services of `methods` that a name means: the one of this full name, or all that end with it.
///
/// ```
/// use lienthong::base::name::services_meant;
/// let methods = ["a.v1.LinkService/Get", "a.v1.LinkService/List", "b.v1.PageService/Get"];
/// assert_eq!(services_meant("LinkService", methods), ["a.v1.LinkService"]);
/// ```
pub fn services_meant<'a>(given: &str, methods: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let services = methods.into_iter().filter_map(|method| method.split_once('/')).map(|(service, _)| service);
    let all: BTreeSet<&str> = services.collect();
    methods_meant(given, all)
}

/// As much of the end of a method's full name as a misspelt name has, to compare the two: all of it, the service and the method, or the method.
pub fn comparable_end<'a>(given: &str, method: &'a str) -> &'a str {
    let from = match (given.contains('.'), given.contains('/')) {
        (true, _) => None,
        (false, true) => method.rfind('.'),
        (false, false) => method.rfind('/'),
    };
    &method[from.map_or(0, |at| at + 1)..]
}

/// A sentence for an unknown name, with the known names that resemble it, or with all of them.
///
/// ```
/// use lienthong::base::name::no_such;
/// assert_eq!(no_such("log", "lnd", &["land", "records"]), "there is no log lnd; nearest: land");
/// assert_eq!(no_such("log", "x", &["land", "records"]), "there is no log x; there are: land, records");
/// assert_eq!(no_such("sheet", "x", &["Parcels"]), "there is no sheet x; there is only Parcels");
/// ```
pub fn no_such(kind: &str, given: &str, known: &[&str]) -> String {
    let given: String = given.chars().take(COMPARED_CHARS_MAX).collect();
    if nearest(&given, known.iter().copied()).is_empty() {
        return match known {
            [] => format!("there is no {kind} {given}: there is none at all"),
            [only] => format!("there is no {kind} {given}; there is only {only}"),
            _ => format!("there is no {kind} {given}; there are: {}", known.join(", ")),
        };
    }
    with_nearest(format!("there is no {kind} {given}"), &given, known.iter().copied())
}

/// A sentence, followed by the known names that resemble a given one: `…; nearest: a, b`. The sentence alone if there are none.
pub fn with_nearest<'a>(sentence: String, given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(given, known).as_slice() {
        [] => sentence,
        near => [sentence, format!("nearest: {}", near.join(", "))].join("; "),
    }
}

/// The known names that resemble a given one most, the likeliest first. A prefix that all share (`LIENTHONG_`) is not compared.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let known: Vec<&str> = known.into_iter().collect();
    let shared = shared_prefix(given, &known);
    let folded = |text: &str| -> String {
        text[shared..].chars().take(COMPARED_CHARS_MAX).flat_map(char::to_lowercase).collect()
    };
    let given = folded(given);
    let likeness = |name: &str| strsim::jaro_winkler(&given, &folded(name));
    let mut near: Vec<(f64, &str)> = known.into_iter().map(|name| (likeness(name), name)).collect();
    near.retain(|(likeness, _)| *likeness >= LIKENESS_MIN);
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.dedup_by_key(|(_, name)| *name);
    near.into_iter().take(NEAREST_MAX).map(|(_, name)| name).collect()
}

/// Length in bytes of the prefix that a given name shares with every known one, up to a separator.
fn shared_prefix(given: &str, known: &[&str]) -> usize {
    let same = |name: &&str| given.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
    let shared = known.iter().map(same).min().unwrap_or_default();
    given.as_bytes()[..shared].iter().rposition(|byte| b"_./".contains(byte)).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_most_like_it_are_suggested_and_nothing_else() {
        let known = ["bank", "one-stop", "operator", "police", "social-insurance"];
        for (given, expected) in [
            ("polcie", "no such agency; nearest: police; see ListAgencies"),
            ("One-Stop", "no such agency; nearest: one-stop; see ListAgencies"),
            ("social_insurance", "no such agency; nearest: social-insurance; see ListAgencies"),
            ("zzz", "no such agency; see ListAgencies"),
            ("", "no such agency; see ListAgencies"),
        ] {
            assert_eq!(unknown("agency", "agency", given, known, "ListAgencies").message, expected, "{given}");
        }
        assert_eq!(
            nearest("polcie", known.into_iter().chain(["police"])),
            ["police"],
            "once, however often it is known"
        );
        assert!(unknown("agency", "agency", &"police".repeat(1_000_000), known, "x").message.len() < 200);
    }

    #[test]
    fn a_prefix_that_all_names_share_makes_none_of_them_alike() {
        let known = ["LIENTHONG_CONSOLE", "LIENTHONG_LISTEN", "LIENTHONG_SEED"];
        let said = |given| with_nearest("no".to_owned(), given, known);
        assert_eq!(said("LIENTHONG_LISTN"), "no; nearest: LIENTHONG_LISTEN");
        assert_eq!(said("LIENTHONG_XYZZY"), "no");
    }
}
