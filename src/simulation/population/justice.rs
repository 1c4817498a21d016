//! Judicial records: every adult has one, and nearly all say that there is no conviction.

use crate::base::Date;
use crate::base::seed::Draws;
use crate::simulation::document::{JudicialRecord, Sentence, push_padded};

use super::calendar::{draw_day, plus_years};
use super::citizen::Citizen;

/// Offences with their article of the Penal Code 2015, and the penalties that they usually bring.
const OFFENCES: [(&str, &str, i16); 6] = [
    ("Đánh bạc (Điều 321)", "6 tháng tù, cho hưởng án treo, thử thách 12 tháng", 1),
    ("Trộm cắp tài sản (Điều 173)", "9 tháng tù", 2),
    ("Cố ý gây thương tích (Điều 134)", "12 tháng tù", 2),
    (
        "Vi phạm quy định về tham gia giao thông đường bộ (Điều 260)",
        "18 tháng tù, cho hưởng án treo, thử thách 36 tháng",
        3,
    ),
    ("Hủy hoại tài sản (Điều 178)", "Phạt tiền 20.000.000 đồng", 1),
    ("Tàng trữ trái phép chất ma túy (Điều 249)", "24 tháng tù", 2),
];

/// The judicial record of an adult; 0.35 % have a conviction that stands, 0.8 % an expunged one.
pub fn record(citizen: &Citizen, draws: &mut Draws, today: Date) -> Option<JudicialRecord> {
    if citizen.age < 18 || citizen.person.death_date.is_some() {
        return None;
    }
    let sentences = match draws.below(10_000) {
        0..35 => sentence(citizen, false, draws, today),
        35..115 => sentence(citizen, true, draws, today),
        _ => None,
    };
    Some(JudicialRecord {
        personal_id: citizen.person.personal_id,
        full_name: citizen.person.full_name.clone(),
        birth_date: citizen.person.birth_date,
        sentences: sentences.into_iter().collect(),
    })
}

/// A sentence that stands is recent; an expunged one is older than the term that its offence asks for.
fn sentence(citizen: &Citizen, expunged: bool, draws: &mut Draws, today: Date) -> Option<Sentence> {
    let (offence, penalty, years) = *draws.pick(&OFFENCES)?;
    let adult_since = plus_years(citizen.birth, 18);
    let (from, to) = if expunged {
        (adult_since.max(plus_years(today, -25)), plus_years(today, -years - 3))
    } else {
        (adult_since.max(plus_years(today, -3)), today)
    };
    if from > to {
        return None;
    }
    let judged_on = draw_day(draws, from, to);
    let mut judgment_number = String::with_capacity(16);
    push_padded(&mut judgment_number, draws.between(1, 180).unsigned_abs(), 2);
    judgment_number.push('/');
    push_padded(&mut judgment_number, judged_on.year().unsigned_abs().into(), 4);
    judgment_number.push_str("/HS-ST");
    Some(Sentence {
        court: "Tòa án nhân dân tỉnh Hà Tĩnh".into(),
        judgment_number,
        judged_on,
        offence: offence.into(),
        penalty: penalty.into(),
        additional_penalty: None,
        expunged_on: expunged.then(|| draw_day(draws, plus_years(judged_on, years + 1), today)),
    })
}
