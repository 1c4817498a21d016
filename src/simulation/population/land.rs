//! Land: a home's parcel, fields and forest, and the certificates for them.

use crate::base::seed::Draws;
use crate::base::{Date, PartialDate};
use crate::simulation::document::{
    Address, Certificate, LandOwner, LandRestriction, LandUse, OldParcelKey, Paper, Parcel, padded,
};
use crate::simulation::geography::{Commune, Geography};

use super::calendar::{draw_act, plus_years};
use super::citizen::Citizen;
use super::home::Home;
use super::numbers::Numbers;
use super::organisation::Organisation;

/// Land allotted for fifty years in 2013 runs to this day (Land Law 2013, article 210).
const FIELD_TERM: Date = Date::constant(2063, 10, 15);
/// Most certificates were issued since then.
const FIRST_ISSUED: Date = Date::constant(1993, 10, 15);

/// The parcels and certificates of a household; nothing when nobody in it owns land.
pub fn holdings(
    citizens: &[Citizen],
    home: &Home,
    draws: &mut Draws,
    numbers: &mut Numbers,
    today: Date,
) -> (Vec<Parcel>, Vec<Certificate>) {
    let mut parcels = Vec::new();
    let mut certificates = Vec::new();
    let Some((first, second)) = owners(citizens) else { return (parcels, certificates) };
    let grown = citizens[first].age >= 28;
    if draws.chance(if grown { 0.92 } else { 0.35 }) {
        let parcel = residential(home.commune, draws, numbers);
        certificates.push(certificate(&[&parcel], citizens, (first, second), draws, numbers, today));
        parcels.push(parcel);
    }
    let (fields, forest) = if home.commune.is_ward() { (0.25, 0.01) } else { (0.72, 0.12) };
    if grown && draws.chance(fields) {
        let plots: Vec<_> = (0..draws.between(1, 4)).map(|_| field(home.commune, draws, numbers)).collect();
        let on_it: Vec<&Parcel> = plots.iter().collect();
        certificates.push(certificate(&on_it, citizens, (first, second), draws, numbers, today));
        parcels.extend(plots);
    }
    if grown && draws.chance(forest) {
        let parcel = parcel(home.commune, "RSX", draws.between(60_000, 400_000), Some(FIELD_TERM), numbers, draws);
        certificates.push(certificate(&[&parcel], citizens, (first, second), draws, numbers, today));
        parcels.push(parcel);
    }
    (parcels, certificates)
}

/// The parcels and certificates of an organisation.
pub fn estate(
    of: &Organisation<'_>,
    draws: &mut Draws,
    numbers: &mut Numbers,
    today: Date,
) -> (Vec<Parcel>, Vec<Certificate>) {
    let is_enterprise = matches!(of.paper, Paper::Organisation(_));
    let mut parcels = Vec::new();
    let mut certificates = Vec::new();
    for _ in 0..of.certificates {
        let issued_on = draw_act(draws, of.since.max(FIRST_ISSUED), today);
        let (code, origin, until) = match draws.below(100) {
            _ if !is_enterprise => ("DGD", "allocated_without_fee", None),
            0..45 => ("TMD", "leased_yearly", Some(plus_years(issued_on, 50))),
            _ => ("SKC", "leased_once", Some(plus_years(issued_on, 50))),
        };
        let mut parcel = parcel(of.home().commune, code, draws.between(3_000, 90_000), until, numbers, draws);
        parcel.uses[0].origin = origin;
        certificates.push(Certificate {
            serial: numbers.certificate(issued_on),
            registry_number: registry_number(issued_on, draws),
            issued_on,
            owners: vec![LandOwner {
                paper: of.paper.clone(),
                full_name: of.name.clone(),
                birth_date: None,
                role: "organisation",
            }],
            legal_form: "organisation",
            parcels: vec![parcel.parcel_id.clone()],
            restrictions: if is_enterprise { restrictions(issued_on, draws, today) } else { Vec::new() },
        });
        parcels.push(parcel);
    }
    (parcels, certificates)
}

/// The oldest couple, or the oldest adult; the dead stay owners until the heirs act.
fn owners(citizens: &[Citizen]) -> Option<(usize, Option<usize>)> {
    let adults = || citizens.iter().enumerate().filter(|(_, c)| c.age >= 22 && c.person.status != "moved_out");
    let (first, _) = adults().max_by_key(|(at, citizen)| (citizen.age, usize::MAX - at))?;
    let spouse = citizens[first].person.spouse_id;
    let second = citizens.iter().position(|citizen| Some(citizen.person.personal_id) == spouse);
    Some((first, second))
}

fn residential(commune: &'static Commune, draws: &mut Draws, numbers: &mut Numbers) -> Parcel {
    let ward = commune.is_ward();
    let area = if ward { draws.between(600, 2_500) } else { draws.between(1_500, 4_000) };
    let mut parcel = parcel(commune, if ward { "ODT" } else { "ONT" }, area, None, numbers, draws);
    if draws.chance(if ward { 0.2 } else { 0.65 }) {
        let garden = draws.between(1_000, 12_000).unsigned_abs();
        parcel.uses.push(LandUse {
            code: "CLN",
            area_tenths: garden,
            origin: parcel.uses[0].origin,
            until: Some(FIELD_TERM),
        });
    }
    parcel
}

fn field(commune: &'static Commune, draws: &mut Draws, numbers: &mut Numbers) -> Parcel {
    let code = match draws.below(100) {
        0..62 => "LUC",
        62..75 => "LUK",
        75..92 => "HNK",
        92..97 => "NTS",
        _ => "BHK",
    };
    parcel(commune, code, draws.between(2_000, 15_000), Some(FIELD_TERM), numbers, draws)
}

fn parcel(
    commune: &'static Commune,
    code: &'static str,
    area_tenths: i64,
    until: Option<Date>,
    numbers: &mut Numbers,
    draws: &mut Draws,
) -> Parcel {
    let (on_lattice, count) = numbers.parcel(commune);
    let origin = if until.is_some() {
        "allocated_without_fee"
    } else {
        draws
            .pick(&["recognised_without_fee", "recognised_with_fee", "allocated_with_fee"])
            .copied()
            .unwrap_or("recognised_without_fee")
    };
    Parcel {
        parcel_id: commune.parcel_id(on_lattice),
        commune: Address::commune(commune),
        map_sheet: count / 300 + 1,
        parcel_number: count % 300 + 1,
        old_key: draws.chance(0.93).then(|| old_key(commune, count, until.is_some())),
        uses: vec![LandUse { code, area_tenths: area_tenths.unsigned_abs(), origin, until }],
    }
}

/// The parcel's key before 2025: sheets were numbered within each former commune. Where a former commune was split,
/// its parts had different sheets, which the successor's place in the list keeps apart.
fn old_key(commune: &'static Commune, count: u64, is_field: bool) -> OldParcelKey {
    let units = commune.former.len() as u64;
    let code = commune.former[(count % units) as usize];
    let within = count / units;
    let former = Geography::ha_tinh().former(code);
    let part = former.and_then(|unit| unit.successors.iter().position(|code| *code == commune.code)).unwrap_or(0);
    let valid_from = former.map_or("2004-07-08", |unit| unit.valid_from);
    OldParcelKey {
        commune: Address { unit_code: code, unit_valid_from: valid_from, text: None },
        map_sheet: 3_000 * part as u64 + within / 250 + 1,
        scale: if is_field { "2000" } else { "1000" },
        parcel_number: within % 250 + 1,
    }
}

fn certificate(
    parcels: &[&Parcel],
    citizens: &[Citizen],
    (first, second): (usize, Option<usize>),
    draws: &mut Draws,
    numbers: &mut Numbers,
    today: Date,
) -> Certificate {
    let grown_since = plus_years(citizens[first].birth, 22);
    let today = citizens[first].last_day.min(today);
    let issued_on = draw_act(draws, FIRST_ISSUED.max(grown_since).min(today), today);
    let owner = |citizen: &Citizen, role: &'static str, draws: &mut Draws| owner(citizen, role, issued_on, draws);
    let (owners, legal_form) = match second {
        Some(second) if draws.chance(0.85) => {
            let role = |at: usize| citizens[at].person.sex.choose("wife", "husband");
            let couple = [first, second].map(|at| owner(&citizens[at], role(at), draws));
            (couple.to_vec(), "couple")
        }
        _ if issued_on < Date::constant(2014, 7, 1) && draws.chance(0.5) => {
            (vec![owner(&citizens[first], "household_head", draws)], "household")
        }
        _ => (vec![owner(&citizens[first], "individual", draws)], "individual"),
    };
    Certificate {
        serial: numbers.certificate(issued_on),
        registry_number: registry_number(issued_on, draws),
        issued_on,
        owners,
        legal_form,
        parcels: parcels.iter().map(|parcel| parcel.parcel_id.clone()).collect(),
        restrictions: restrictions(issued_on, draws, today),
    }
}

fn registry_number(issued_on: Date, draws: &mut Draws) -> String {
    let book = if issued_on < Date::constant(2015, 1, 1) { "CH " } else { "CS " };
    [book, &padded(draws.between(1, 99_999).unsigned_abs(), 5)].concat()
}

/// Old files know some owners by name and year of birth alone.
fn owner(citizen: &Citizen, role: &'static str, issued_on: Date, draws: &mut Draws) -> LandOwner {
    let old = issued_on < Date::constant(2015, 1, 1);
    let unknown = old && draws.chance(0.12);
    let coarse = unknown || draws.chance(if old { 0.6 } else { 0.1 });
    let year = PartialDate { year: citizen.birth.year(), month: None, day: None };
    LandOwner {
        paper: match &citizen.person.old_id_number {
            Some(number) if unknown && draws.chance(0.5) => Paper::OldId(number.clone()),
            _ if unknown => Paper::None,
            _ => Paper::Id(citizen.person.personal_id),
        },
        full_name: citizen.person.full_name.clone(),
        birth_date: Some(if coarse { year } else { citizen.person.birth_date }),
        role,
    }
}

fn restrictions(issued_on: Date, draws: &mut Draws, today: Date) -> Vec<LandRestriction> {
    const BANKS: [&str; 3] = [
        "Ngân hàng Nông nghiệp và Phát triển Nông thôn, chi nhánh Hà Tĩnh",
        "Ngân hàng Chính sách xã hội, chi nhánh Hà Tĩnh",
        "Quỹ tín dụng nhân dân",
    ];
    let (kind, authority) = match draws.below(1_000) {
        0..110 => ("mortgage", draws.pick(&BANKS).copied().unwrap_or(BANKS[0])),
        110..118 => ("planning", "Ủy ban nhân dân tỉnh Hà Tĩnh"),
        118..119 => ("court_freeze", "Tòa án nhân dân khu vực 1 - Hà Tĩnh"),
        _ => return Vec::new(),
    };
    let from_date = draw_act(draws, issued_on.max(Date::constant(2016, 1, 1)).min(today), today);
    let mut reference = padded(draws.between(1, 999).unsigned_abs(), 2);
    reference.push('/');
    reference.push_str(&padded(from_date.year().unsigned_abs().into(), 4));
    vec![LandRestriction { kind, authority: authority.into(), reference: Some(reference), from_date }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_keys_of_a_split_commune_stay_apart() {
        let places = Geography::ha_tinh();
        for code in ["18073", "18652"] {
            let commune = places.commune(code).expect(code);
            let keys: Vec<_> = (0..40).map(|count| old_key(commune, count, false)).collect();
            let of_split = keys.iter().filter(|key| key.commune.unit_code == "18082");
            let sheets: Vec<_> = of_split.map(|key| key.map_sheet).collect();
            assert!(!sheets.is_empty());
            assert!(sheets.iter().all(|sheet| (*sheet > 3_000) == (code == "18652")), "{code}");
        }
    }
}
