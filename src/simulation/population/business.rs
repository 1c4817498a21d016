//! The owners of household businesses and enterprises.

use crate::base::Date;
use crate::base::seed::Draws;
use crate::registry::codes;
use crate::simulation::document::{Enterprise, HouseholdBusiness, Representative, Text, padded};

use super::calendar::{draw_act, plus_years};
use super::citizen::Citizen;
use super::employer::Employers;
use super::home::Home;
use super::numbers::Numbers;
use super::organisation::Foreigner;

/// A code of VSIC, and a word for names of businesses.
type Line = (&'static str, &'static str);

/// Lines of business, and names of household businesses in each.
const LINES: [Line; 10] = [
    ("4711", "Tạp hóa"),
    ("5610", "Quán ăn"),
    ("4771", "Thời trang"),
    ("9631", "Cắt tóc gội đầu"),
    ("4542", "Sửa chữa xe máy"),
    ("4752", "Vật liệu xây dựng"),
    ("4722", "Thực phẩm"),
    ("1079", "Cơ sở chế biến kẹo cu đơ"),
    ("4933", "Vận tải"),
    ("4772", "Nhà thuốc"),
];
const COMPANY_LINES: [Line; 6] = [
    ("4101", "Xây dựng"),
    ("4663", "Vật liệu xây dựng"),
    ("4933", "Vận tải"),
    ("4659", "Thiết bị"),
    ("1410", "May mặc"),
    ("7911", "Du lịch"),
];

/// The line that was drawn, or the next of the table if its code could not be registered on that day: VSIC changes.
fn on_offer(lines: &[Line], drawn: &Line, day: Date) -> Option<Line> {
    let list = codes::list("business_lines")?;
    let from_drawn = lines.iter().cycle().skip_while(|line| *line != drawn).take(lines.len());
    from_drawn.copied().find(|(code, _)| list.on(code, day).is_some())
}

/// A household business of one of the household's adults: one household in eleven.
pub fn household_business(
    citizens: &[Citizen],
    home: &Home,
    draws: &mut Draws,
    numbers: &mut Numbers,
    today: Date,
) -> Option<HouseholdBusiness> {
    if !draws.chance(0.09) {
        return None;
    }
    let (at, representative) = draw_adult(citizens, draws)?;
    let drawn = draws.pick(&LINES)?;
    let registered_on = draw_act(draws, plus_years(representative.birth, 20).max(Date::constant(2005, 1, 1)), today);
    let (line, word) = on_offer(&LINES, drawn, registered_on)?;
    let spouse = representative.person.spouse_id;
    let members = spouse.filter(|_| draws.chance(0.4)).into_iter().collect();
    let (tax_status, status, status_reason) = state(draws);
    let name = ["Hộ kinh doanh ", word, " ", given_name(&citizens[at])].concat();
    Some(HouseholdBusiness {
        // the personal ID became the code on that day
        old_tax_code: (registered_on < Date::constant(2025, 7, 1)).then(|| numbers.enterprise()),
        name,
        representative_id: representative.person.personal_id,
        members,
        lines: vec![line],
        address: home.place(),
        tax_status,
        registered_on,
        status: if status == "dissolved" { "closed" } else { status },
        status_reason,
    })
}

/// An enterprise of one of the household's adults: one household in sixty.
pub fn enterprise(
    citizens: &[Citizen],
    home: &Home,
    draws: &mut Draws,
    numbers: &mut Numbers,
    today: Date,
) -> Option<Enterprise> {
    if !draws.chance(0.0165) {
        return None;
    }
    let (_, representative) = draw_adult(citizens, draws)?;
    let drawn = draws.pick(&COMPANY_LINES)?;
    let registered_on = draw_act(draws, plus_years(representative.birth, 21).max(Date::constant(2001, 1, 1)), today);
    let (line, word) = on_offer(&COMPANY_LINES, drawn, registered_on)?;
    let (legal_form, title) = match draws.below(100) {
        0..62 => ("limited_one_member", "Công ty TNHH một thành viên"),
        62..84 => ("limited_multi_member", "Công ty TNHH"),
        84..95 => ("joint_stock", "Công ty Cổ phần"),
        _ => ("private", "Doanh nghiệp tư nhân"),
    };
    let (tax_status, status, status_reason) = state(draws);
    let mut name = String::from(title);
    for part in [word, given_name(representative), home.commune.name] {
        name.push(' ');
        name.push_str(part);
    }
    let capital = [&padded(draws.between(3, 200).unsigned_abs(), 1), "00000000"].concat();
    Some(Enterprise {
        enterprise_code: numbers.enterprise(),
        name,
        legal_form,
        representative: Representative::Citizen(representative.person.personal_id),
        capital,
        lines: vec![line],
        address: home.place(),
        tax_status,
        registered_on,
        status,
        status_reason,
    })
}

/// The next of the larger employers, registered in the name of an adult of this household or of somebody from abroad, if anybody here was
/// old enough then.
pub fn employer(citizens: &[Citizen], home: &Home, employers: &mut Employers, draws: &mut Draws) -> Option<Enterprise> {
    let (row, code) = employers.next()?;
    let was_grown = |citizen: &&Citizen| citizen.is_resident() && plus_years(citizen.birth, 25) <= row.since;
    let representative = citizens.iter().find(was_grown)?;
    let representative = match row.country {
        Some(country) => {
            let foreigner = Foreigner::draw(Some(country), draws);
            Representative::Foreigner(foreigner.passport, foreigner.name)
        }
        None => Representative::Citizen(representative.person.personal_id),
    };
    let enterprise = Enterprise {
        enterprise_code: code.to_owned(),
        name: row.name.to_owned(),
        legal_form: row.legal_form,
        representative,
        capital: [&padded(draws.between(200, 3_000).unsigned_abs(), 1), "00000000"].concat(),
        lines: vec![row.line],
        address: home.place(),
        tax_status: "00",
        registered_on: row.since,
        status: "active",
        status_reason: None,
    };
    employers.register();
    Some(enterprise)
}

fn draw_adult<'a>(citizens: &'a [Citizen], draws: &mut Draws) -> Option<(usize, &'a Citizen)> {
    let adults: Vec<_> =
        citizens.iter().enumerate().filter(|(_, c)| c.is_resident() && (23..66).contains(&c.age)).collect();
    draws.pick(&adults).copied()
}

fn given_name(citizen: &Citizen) -> &str {
    citizen.person.full_name.rsplit(' ').next().unwrap_or_default()
}

/// Tax status, state, and reason.
fn state(draws: &mut Draws) -> (&'static str, &'static str, Option<Text>) {
    match draws.below(100) {
        0..4 => ("05", "suspended", Some("Tạm ngừng kinh doanh theo đề nghị".into())),
        4..6 => ("01", "dissolved", Some("Chấm dứt hoạt động".into())),
        _ => ("00", "active", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_registered_on_a_day_that_does_not_know_it() {
        let list = codes::list("business_lines").expect("a list");
        let days = [(2001, 1, 1), (2025, 11, 14), (2025, 11, 15), (2026, 11, 22), (2199, 12, 31)];
        for table in [&LINES[..], &COMPANY_LINES] {
            for (drawn, day) in
                table.iter().flat_map(|line| days.map(|(year, month, day)| (line, Date::constant(year, month, day))))
            {
                let line = on_offer(table, drawn, day).expect("one of them");
                assert!(list.on(line.0, day).is_some(), "{line:?} on {day}");
                assert_eq!(line == *drawn, list.on(drawn.0, day).is_some(), "{drawn:?} on {day}");
            }
        }
    }
}
