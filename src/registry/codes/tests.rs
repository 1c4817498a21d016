//! The built-in lists agree with their sources, and a list answers by the day.

use super::*;
use crate::base::time::Date;
use crate::registry::label::Label;

const fn day(year: i16, month: i8, of_month: i8) -> Date {
    Date::constant(year, month, of_month)
}

fn built_in(name: &str) -> std::sync::Arc<CodeList> {
    list(name).expect(name)
}

#[test]
fn the_built_in_lists_are_as_long_as_their_sources_say() {
    for (name, codes) in [("ethnic_groups", 54), ("countries", 250), ("business_divisions", 88), ("tax_states", 10)] {
        let list = built_in(name);
        assert_eq!((list.codes().len(), list.is_complete), (codes, true), "{name}");
    }
    // CN and LH occur twice: each has two levels.
    assert_eq!(built_in("health_insurance_objects").codes().len(), 54 + 2);
    let units = built_in("units");
    let of = |length, day| units.codes().iter().filter(|unit| unit.code.len() == length && unit.holds_on(day)).count();
    // On 1 January 2025 seven communes gave way to others, and Lộc Hà district to Thạch Hà.
    let (before, between, after) = (day(2024, 12, 31), day(2025, 6, 30), day(2025, 7, 1));
    assert_eq!((of(2, before), of(3, before), of(5, before)), (63, 13, 203));
    assert_eq!((of(2, between), of(3, between), of(5, between)), (63, 12, 209));
    assert_eq!((of(2, after), of(3, after), of(5, after)), (34, 0, 69));
}

#[test]
fn every_list_says_where_it_is_from_and_every_successor_is_in_it() {
    let mut names: Vec<&str> = all().iter().map(|list| list.name.as_str()).collect();
    assert_eq!(names.len(), 11);
    names.dedup();
    assert!(names.is_sorted() && names.len() == 11);
    for list in all() {
        assert!(!list.source.is_empty() && !list.label.vi.is_empty() && !list.label.en.is_empty(), "{}", list.name);
        for code in list.codes() {
            let successor =
                code.successor.iter().find(|successor| list.codes().iter().all(|of| of.code != **successor));
            assert_eq!(successor, None, "{} {}", list.name, code.code);
        }
    }
}

#[test]
fn a_code_is_good_on_its_days() {
    let tax = built_in("tax_states");
    let (last, first) = (day(2026, 6, 30), day(2026, 7, 1));
    assert!(matches!(tax.standing("04", last, last), Standing::Known(_)));
    assert!(matches!(tax.standing("04", first, first), Standing::OtherDays(code) if code.valid_until == Some(last)));
    assert!(matches!(tax.standing("04", last, first), Standing::Known(_)), "on one of the days");
    assert_eq!(tax.standing("08", first, first), Standing::Unknown);
    let objects = built_in("health_insurance_objects");
    let level = |code, day| objects.on(code, day).map(|code| code.property.as_str());
    assert_eq!((level("CN", day(2025, 12, 31)), level("CN", day(2026, 1, 1))), (Some("3"), Some("2")));
    assert_eq!((level("LH", day(2025, 12, 31)), level("TE", day(2026, 1, 1))), (Some("4"), Some("1")));
}

#[test]
fn a_unit_is_told_by_its_code_and_its_first_day() {
    let units = built_in("units");
    let name = |code, from| unit(&units, code, from).map(|unit| unit.name.vi.as_str());
    assert_eq!(name("18073", day(2004, 7, 8)), Some("Phường Nam Hà"));
    assert_eq!(name("18073", day(2025, 7, 1)), Some("Phường Thành Sen"));
    assert_eq!(name("18073", day(2020, 1, 1)), None);
    assert_eq!(name("42", day(2004, 7, 8)), Some("Tỉnh Hà Tĩnh"));
}

#[test]
fn a_broken_table_is_refused_by_its_line() {
    let read =
        |table: &str| CodeList::read("l", Label::new("l", "l"), true, Carries::Code, table).map(|list| list.source);
    assert_eq!(read("# From\n# nowhere.\n# code\tname_vi\nA\ta\ta\t\t\t\n"), Ok("From nowhere.".into()));
    for (table, line) in [
        ("A\ta\ta\t\t\n", 1),
        ("\ta\ta\t\t\t\n", 1),
        ("A\ta\ta\t\t\t\nB\tb\tb\t2025-02-30\t\t\n", 2),
        ("A\ta\ta\t2025-02-02\t2025-02-01\t\n", 1),
        ("A\ta\ta\t\t2025-02-01\t\nA\tb\tb\t2025-02-01\t\t\n", 2),
        ("A\ta\ta\t\t2025-02-01\t\nA\tb\tb\t\t\t\n", 2),
    ] {
        assert_eq!(read(table).map_err(|error| error.line), Err(line), "{table}");
    }
    assert!(read("A\ta\ta\t\t2025-02-01\t\nA\tb\tb\t2025-02-02\t\t\n").is_ok());
}

#[test]
fn all_lists_together_take_little_memory() {
    let bytes: usize = all().iter().map(|list| list.bytes()).sum();
    println!("the code lists take {bytes} bytes");
    assert!((50_000..8 * 1024 * 1024).contains(&bytes), "{bytes}");
}
