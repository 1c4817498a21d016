//! Judicial records: every adult has one, and nearly all say that there is no conviction.

use std::sync::LazyLock;

use crate::base::Date;
use crate::base::seed::Draws;
use crate::simulation::document::{Ban, JudicialRecord, Sentence, Text, padded};
use crate::simulation::geography::REORGANISED;

use super::calendar::{draw_act, plus_years};
use super::citizen::Citizen;
use super::home::Home;
use super::table::{Weights, number, rows};

/// A row of the table of offences.
struct Offence {
    name: &'static str,
    /// In the Code of 1999.
    name_1999: &'static str,
    article_2015: &'static str,
    article_1999: &'static str,
    penalty: &'static str,
    /// After how many years it can be expunged.
    years: i16,
    additional: Option<&'static str>,
    /// The post that it bans from, and for how many years.
    ban: Option<(&'static str, i16)>,
}

static OFFENCES: LazyLock<(Vec<Offence>, Weights)> = LazyLock::new(|| {
    let all: Vec<_> = rows(include_str!("data/offences.tsv")).collect();
    let some = |cell: &'static str| (!cell.is_empty()).then_some(cell);
    let offence = |row: &Vec<&'static str>| Offence {
        name: row[0],
        name_1999: some(row[9]).unwrap_or(row[0]),
        article_2015: row[1],
        article_1999: row[2],
        penalty: row[4],
        years: number(row[5]) as i16,
        additional: some(row[6]),
        ban: some(row[7]).map(|post| (post, number(row[8]) as i16)),
    };
    (all.iter().map(offence).collect(), Weights::new(all.iter().map(|row| number(row[3]) as u64)))
});

/// The Penal Code of 2015 is in force since this day, that of 1999 since the other.
const CODE_OF_2015: Date = Date::constant(2018, 1, 1);
const CODE_OF_1999: Date = Date::constant(2000, 7, 1);
const PROVINCIAL_COURT: &str = "Tòa án nhân dân tỉnh Hà Tĩnh";

/// The judicial record of an adult: of men one in fifty has been convicted, of women one in seven hundred; a third of the convictions
/// stand.
pub fn record(citizen: &Citizen, home: &Home, draws: &mut Draws) -> Option<JudicialRecord> {
    if citizen.age < 18 || !citizen.holds(1.0, draws) {
        return None;
    }
    let share = citizen.person.sex.choose(0.0014, 0.020);
    let (mut sentences, mut bans) = (Vec::new(), Vec::new());
    if draws.chance(share) {
        let expunged = draws.chance(0.68);
        if let Some((sentence, ban)) = sentence(citizen, home, expunged, draws) {
            sentences.push(sentence);
            bans.extend(ban);
        }
    }
    Some(JudicialRecord {
        personal_id: citizen.person.personal_id,
        full_name: citizen.person.full_name.clone(),
        birth_date: citizen.person.birth_date,
        sentences,
        bans,
    })
}

/// A sentence that stands is recent; an expunged one is older than the term that its offence asks for.
fn sentence(citizen: &Citizen, home: &Home, expunged: bool, draws: &mut Draws) -> Option<(Sentence, Option<Ban>)> {
    let today = citizen.last_day;
    let offence = &OFFENCES.0[OFFENCES.1.draw(draws)];
    let adult_since = plus_years(citizen.birth, 18).max(CODE_OF_1999);
    let (from, to) = if expunged {
        (adult_since.max(plus_years(today, -25)), plus_years(today, -offence.years - 3))
    } else {
        (adult_since.max(plus_years(today, -3)), today)
    };
    if from > to {
        return None;
    }
    let judged_on = draw_act(draws, from, to);
    let (name, code, article) = match judged_on >= CODE_OF_2015 {
        true => (offence.name, "2015", offence.article_2015),
        false => (offence.name_1999, "1999", offence.article_1999),
    };
    let on_appeal = draws.chance(0.12);
    let number = padded(draws.between(1, 180).unsigned_abs(), 2);
    let year = padded(judged_on.year().unsigned_abs().into(), 4);
    let ban = offence.ban.filter(|_| draws.chance(0.6));
    let court_name = if on_appeal { PROVINCIAL_COURT.into() } else { court(home, judged_on, draws) };
    let expunged_on = expunged.then(|| draw_act(draws, plus_years(judged_on, offence.years + 1), today));
    let sentence = Sentence {
        court: court_name,
        judgment_number: [number.as_str(), "/", &year, if on_appeal { "/HS-PT" } else { "/HS-ST" }].concat(),
        judged_on,
        offence: [name, " (Điều ", article, " Bộ luật Hình sự ", code, ")"].concat().into(),
        penalty: offence.penalty.into(),
        additional_penalty: ban.and(offence.additional).map(Text::from),
        // The term is over on the day of the expungement: courts and police need no request since 2018.
        served_on: expunged_on.map(|expunged_on| plus_years(expunged_on, -offence.years)),
        expunged_on,
    };
    let ban = ban.map(|(post, years)| Ban {
        post: post.into(),
        from_date: judged_on,
        until_date: plus_years(judged_on, years),
    });
    Some((sentence, ban))
}

/// The court of first instance of that day: of the district, since July 2025 of an area; the province's for the gravest cases.
fn court(home: &Home, day: Date, draws: &mut Draws) -> Text {
    if draws.chance(0.06) {
        return PROVINCIAL_COURT.into();
    }
    match home.former {
        Some(unit) if day < REORGANISED => {
            let (kind, name) = split_kind(unit.district);
            ["Tòa án nhân dân ", &kind.to_lowercase(), " ", name].concat().into()
        }
        _ => ["Tòa án nhân dân khu vực ", &padded(draws.between(1, 5).unsigned_abs(), 1), " - Hà Tĩnh"].concat().into(),
    }
}

/// The kind of a district and its name.
fn split_kind(district: &str) -> (&str, &str) {
    ["Huyện", "Thành phố", "Thị xã"]
        .into_iter()
        .find_map(|kind| Some((kind, district.strip_prefix(kind)?.trim_start())))
        .unwrap_or(("", district))
}
