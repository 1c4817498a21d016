//! Who employs the province's workers: offices and schools, and the enterprises of a table, which stand in the business register.

use std::sync::LazyLock;

use crate::base::Date;
use crate::base::seed::Draws;
use crate::simulation::document::Text;

use super::numbers::Numbers;
use super::table::rows;

/// An employer, as social insurance knows it.
#[derive(Debug, Clone)]
pub struct Employer {
    /// Unit code: identification, object, line of business.
    pub code: String,
    /// As registered.
    pub name: Text,
    /// Nobody was employed there earlier.
    pub since: Date,
    /// Whether its people have unemployment insurance: officials don't.
    pub unemployment: bool,
}

/// A row of the table of larger employers.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// As registered.
    pub name: &'static str,
    /// As registered.
    pub legal_form: &'static str,
    /// VSIC.
    pub line: &'static str,
    /// Letter and number of the line's division.
    section: &'static str,
    /// Day of registration.
    pub since: Date,
    /// Where the representative is from, if from abroad.
    pub country: Option<&'static str>,
}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let row = |row: Vec<&'static str>| Row {
        name: row[0],
        legal_form: row[1],
        line: row[2],
        section: row[3],
        since: row[4].parse().unwrap_or_else(|_| panic!("{:?} is no day", row[4])),
        country: (!row[5].is_empty()).then_some(row[5]),
    };
    rows(include_str!("data/employers.tsv")).map(row).collect()
});

/// Offices, schools and hospitals; their unit codes are ours, for they are in no business register. Who works in an office has no
/// unemployment insurance.
const PUBLIC: [(&str, &str, bool); 6] = [
    ("TA0001HCA01", "Ủy ban nhân dân xã", false),
    ("TA0207HCA02", "Trường Trung học phổ thông", true),
    ("TA0312HCA05", "Trung tâm Y tế khu vực", true),
    ("TA0415HCA02", "Trường Tiểu học", true),
    ("TA0423HCA02", "Trường Trung học cơ sở", true),
    ("TA0508HCA01", "Kho bạc Nhà nước khu vực", false),
];
/// Social insurance as a fund of its own.
const FUND_SINCE: Date = Date::constant(1995, 1, 1);

/// The larger employers, of which those of the first households are registered first.
#[derive(Debug)]
pub struct Employers {
    codes: Vec<String>,
    registered: usize,
}

impl Employers {
    /// None registered yet.
    pub fn new(numbers: &mut Numbers) -> Self {
        Self { codes: ROWS.iter().map(|_| numbers.enterprise()).collect(), registered: 0 }
    }

    /// The next one that is to be registered, with its code.
    pub fn next(&self) -> Option<(&'static Row, &str)> {
        Some((ROWS.get(self.registered)?, self.codes.get(self.registered)?))
    }

    /// The next one was registered.
    pub fn register(&mut self) {
        self.registered += 1;
    }

    /// An enterprise that is registered; a public employer while there is none.
    pub fn draw_enterprise(&self, draws: &mut Draws) -> Employer {
        let at = draws.below(self.registered.max(1) as u64) as usize;
        let Some(row) = ROWS.get(at).filter(|_| at < self.registered) else { return draw_public(draws) };
        let code = [&self.codes[at], "DN", row.section].concat();
        Employer { code, name: row.name.into(), since: row.since.max(FUND_SINCE), unemployment: true }
    }
}

/// An office, a school or a hospital.
pub fn draw_public(draws: &mut Draws) -> Employer {
    let (code, name, unemployment) = draws.pick(&PUBLIC).copied().unwrap_or(PUBLIC[0]);
    Employer { code: code.to_owned(), name: name.into(), since: FUND_SINCE, unemployment }
}
