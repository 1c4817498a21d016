//! The lists that the built-in registries use.

use std::sync::{Arc, LazyLock};

use super::list::{Carries, CodeList};
use super::units;
use crate::registry::label::Label;

/// Reference data, the same in every world.
static LISTS: LazyLock<Vec<Arc<CodeList>>> = LazyLock::new(|| {
    let read = |name, vi, en, is_complete, carries, table| {
        let list = CodeList::read(name, Label::new(vi, en), is_complete, carries, table);
        Arc::new(list.expect("the built-in tables are code lists, a test reads them"))
    };
    let (code, name) = (Carries::Code, Carries::Name);
    let (complete, in_part) = (true, false);
    vec![
        read(
            "business_divisions",
            "Ngành kinh tế cấp 2",
            "Divisions of economic activity",
            complete,
            code,
            include_str!("data/business_divisions.tsv"),
        ),
        read(
            "business_lines",
            "Ngành, nghề kinh doanh",
            "Lines of business",
            in_part,
            code,
            include_str!("data/business_lines.tsv"),
        ),
        read("countries", "Quốc gia và vùng lãnh thổ", "Countries", complete, code, include_str!("data/countries.tsv")),
        read("courts", "Tòa án", "Courts", in_part, name, include_str!("data/courts.tsv")),
        read("ethnic_groups", "Dân tộc", "Ethnic groups", complete, name, include_str!("data/ethnic_groups.tsv")),
        read(
            "facilities",
            "Cơ sở khám bệnh, chữa bệnh ban đầu",
            "Health facilities of first registration",
            in_part,
            code,
            include_str!("data/facilities.tsv"),
        ),
        read(
            "health_insurance_objects",
            "Đối tượng tham gia bảo hiểm y tế",
            "Objects of health insurance",
            complete,
            code,
            include_str!("data/health_insurance_objects.tsv"),
        ),
        read("land_uses", "Loại đất", "Land uses", in_part, code, include_str!("data/land_uses.tsv")),
        read(
            "procedures",
            "Thủ tục hành chính",
            "Administrative procedures",
            in_part,
            code,
            include_str!("data/procedures.tsv"),
        ),
        read(
            "tax_states",
            "Trạng thái mã số thuế",
            "States of a tax code",
            complete,
            code,
            include_str!("data/tax_states.tsv"),
        ),
        Arc::new(units::list()),
    ]
});

/// The built-in lists, by name.
pub fn all() -> &'static [Arc<CodeList>] {
    &LISTS
}

/// The built-in list of this name.
pub fn list(name: &str) -> Option<Arc<CodeList>> {
    LISTS.iter().find(|list| list.name == name).cloned()
}
