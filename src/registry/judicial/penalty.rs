//! The term after which a conviction is expunged, read from the penalty in the words of the judgment (Penal Code 2015,
//! article 70, clause 2; from memory): one year after a warning, a fine, non-custodial reform or a suspended sentence, two after up to five years in
//! prison, three after up to fifteen, five after more.

/// The years of the term: it depends on penalties above every term in prison, suspended sentences, and the months of the others. Words without
/// prison give the shortest term.
///
/// ```
/// use lienthong::registry::judicial::expunged_after_years as years;
/// assert_eq!(years("Phạt tiền 20.000.000 đồng"), 1);
/// assert_eq!(years("18 tháng tù, cho hưởng án treo, thử thách 36 tháng"), 1);
/// assert_eq!((years("9 tháng tù"), years("5 năm tù"), years("05 năm 06 tháng tù")), (2, 2, 3));
/// assert_eq!((years("Phạt tù 9 tháng"), years("phạt tù 6 năm, phạt tiền 20.000.000 đồng")), (2, 3));
/// assert_eq!((years("15 năm tù"), years("15 năm 1 tháng tù"), years("Tù chung thân")), (3, 5, 5));
/// ```
pub fn expunged_after_years(penalty: &str) -> i64 {
    let penalty = penalty.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|words| penalty.contains(words));
    if has(ABOVE_ALL) {
        return 5;
    }
    if !penalty.contains("tù") || has(SUSPENDED) {
        return 1;
    }
    match term(&penalty) {
        ..=60 => 2,
        61..=180 => 3,
        _ => 5,
    }
}

/// The months in prison that a penalty sets; none where it is suspended, or no prison.
pub(super) fn months_in_prison(penalty: &str) -> u32 {
    let penalty = penalty.to_lowercase();
    let is_suspended = SUSPENDED.iter().any(|words| penalty.contains(words));
    if is_suspended { 0 } else { term(&penalty) }
}

/// The months of `9 tháng tù` or `phạt tù 9 tháng, phạt tiền …`.
fn term(penalty: &str) -> u32 {
    let Some((before, behind)) = penalty.split_once("tù") else { return 0 };
    match months(before) {
        0 => months(behind.split([',', ';']).next().unwrap_or_default()),
        months => months,
    }
}

/// The months of `5 năm 6 tháng`; none where there are no numbers.
fn months(term: &str) -> u32 {
    let words: Vec<&str> = term.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let counted = words.windows(2).filter_map(|pair| {
        let number: u32 = pair[0].parse().ok()?;
        match pair[1] {
            "năm" => number.checked_mul(12),
            "tháng" => Some(number),
            _ => None,
        }
    });
    counted.fold(0, u32::saturating_add)
}

const ABOVE_ALL: &[&str] = &["chung thân", "tử hình"];
const SUSPENDED: &[&str] = &["án treo", "tù treo"];
