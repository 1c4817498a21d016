//! The bad fields of one request, collected within bounds.
//!
//! A request of 4 MiB can break a rule a million times. A check reports every breach here and continues; those over
//! the bounds is counted, not kept, and its texts are never made. So a refusal costs no more memory than a small request.

use std::borrow::Cow;
use std::fmt::{self, Display, Write as _};

use super::text::end_within;
use super::{Language, translation};

/// Most violations that are kept of one request.
pub const VIOLATIONS_MAX: usize = 1_000;
/// Warnings that are kept of one request; the others are counted.
pub const WARNINGS_MAX: usize = 200;
/// Most bytes that the kept violations of one request take, counting their texts.
pub const VIOLATION_BYTES_MAX: usize = 256 * 1024;
/// Longest path of a field, in bytes; longer ones are cut.
const FIELD_BYTES_MAX: usize = 256;
/// Longest explanation, in bytes; longer ones are cut.
const MESSAGE_BYTES_MAX: usize = 512;
/// Approximate bytes of a violation in addition to its texts.
const ENTRY_BYTES: usize = 64;

/// One bad field of a request, named by its path and the rule that it breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field as the caller wrote it: `changes[3].payload.birth_date`.
    pub field: String,
    /// The rule, UPPER_SNAKE: `REQUIRED`, `FORMAT`, `TOO_LONG`, `UNKNOWN_FIELD`, `OUT_OF_RANGE`, …, or the id of a rule of a schema file.
    pub rule: Cow<'static, str>,
    /// The requirement of the rule, in words; never the rejected value.
    pub message: String,
    /// The same in Vietnamese, where the rule brings it: a schema file's do.
    message_vi: Option<String>,
}

impl Violation {
    /// A violation of `rule` at `field`.
    pub fn new(field: impl Display, rule: impl Into<Cow<'static, str>>, message: impl Display) -> Self {
        let (field, message) = (cut(field, FIELD_BYTES_MAX), cut(message, MESSAGE_BYTES_MAX));
        Self { field, rule: rule.into(), message, message_vi: None }
    }

    /// The same, with its message in Vietnamese.
    #[must_use]
    pub fn with_vietnamese(self, message: impl Display) -> Self {
        Self { message_vi: Some(cut(message, MESSAGE_BYTES_MAX)), ..self }
    }

    /// The same, at another path.
    #[must_use]
    pub fn at(self, field: &str) -> Self {
        Self { field: cut(field, FIELD_BYTES_MAX), ..self }
    }

    /// The message in a language. A message without a translation is replaced by the general sentence of its rule.
    pub fn message_in(&self, language: Language) -> Cow<'_, str> {
        match (language, &self.message_vi) {
            (Language::English, _) => Cow::Borrowed(&self.message),
            (Language::Vietnamese, Some(message)) => Cow::Borrowed(message),
            (Language::Vietnamese, None) => {
                translation::vietnamese(&self.message).map_or(Cow::Borrowed(self.rule_in_vietnamese()), Cow::Owned)
            }
        }
    }

    fn rule_in_vietnamese(&self) -> &'static str {
        match &*self.rule {
            "REQUIRED" => "bắt buộc phải có",
            "FORMAT" | "SYNTAX" => "sai định dạng",
            "TYPE" => "sai kiểu dữ liệu",
            "TOO_LONG" => "quá dài",
            "TOO_DEEP" => "lồng quá sâu",
            "OUT_OF_RANGE" => "ngoài phạm vi cho phép",
            "COUNT" => "sai số lượng",
            "ORDER" => "sai thứ tự",
            "DUPLICATE" => "bị lặp lại",
            "OVERLAP" => "bị chồng lấn",
            "CONFLICT" => "mâu thuẫn với trường khác",
            "FUTURE" => "ở tương lai",
            "NOT_IN_FORCE" => "không có hiệu lực vào ngày mà hồ sơ nói đến",
            "NULL" => "không nhận giá trị null, hãy bỏ trường này",
            "UNKNOWN_FIELD" => "trường không tồn tại",
            "UNKNOWN_VALUE" => "có giá trị không thuộc danh mục",
            "NOT_ALLOWED" => "không được dùng ở đây",
            "NO_RIGHT" => "không có quyền",
            "PERSONAL_DATA" => "không được chứa dữ liệu cá nhân",
            "TRANSITION" => "không được chuyển sang trạng thái này",
            "FIXED" => "không được thay đổi",
            "BASIS_REQUIRED" => "thay đổi này phải có căn cứ",
            "BASIS_REASON" => "lý do của căn cứ không phù hợp",
            "HOLDER" | "PLATE_OWNER" => "không được chuyển sang người khác",
            "PLATE_CHASSIS" => "không được gắn sang xe khác",
            "POINTS" => "điểm không được thay đổi như vậy",
            "RESTRICTION_IN_FORCE" => "đang bị hạn chế chuyển quyền",
            "COMMON_PROPERTY" => "là tài sản chung của vợ chồng",
            "SUCCESSORS" => "phải nêu đúng thửa đất hoặc giấy chứng nhận thay thế",
            "AREAS" => "diện tích trước và sau không khớp",
            "ENCODING" => "sai bảng mã",
            "NORMALISED" => "đã được chuẩn hóa",
            "NUMBER_CLAIMED" => "có số đã được một bản ghi khác ghi là số thay thế",
            "SPOUSE_DEAD" => "vợ hoặc chồng đã chết trước ngày kết hôn",
            "MARRIED_SINCE" => "có đăng ký kết hôn sau ngày chết",
            "CHILD_SINCE" => "có con được đăng ký khai sinh sau ngày chết",
            "PARENT_DEAD" => "cha hoặc mẹ đã chết trước khi con sinh ra",
            "CERTIFIED" => "còn giấy chứng nhận có hiệu lực cho thửa đất này",
            "PARCEL_NUMBERED" => "đã có thửa đất khác cùng số tờ bản đồ và số thửa",
            "TERM" => "thời hạn sử dụng đất không phù hợp",
            "CARD_IN_FORCE" => "người này đang có một thẻ khác có hiệu lực",
            "CHASSIS_IN_USE" => "xe này đang được đăng ký với biển số khác",
            "NUMBER_HELD" => "có số đang thuộc về người khác",
            "EXPUNGED_EARLY" => "chưa đủ thời hạn xóa án tích",
            "CONVICTION_STANDS" => "còn án tích chưa được xóa",
            "RELEASE" => "việc chấm dứt kê biên, thế chấp thiếu căn cứ phù hợp",
            "DEDUCTION_DAY" => "ngày trừ điểm không phù hợp",
            "SUSPENSION" => "thiếu ngày cuối của việc tước quyền sử dụng",
            "KEPT_SINCE" => "ngày giữ biển số không phù hợp",
            "DEATH_DAY" => "ngày chết không phù hợp",
            _ => "không hợp lệ",
        }
    }

    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.field.len() + self.message.len() + self.message_vi.as_ref().map_or(0, String::len)
    }
}

/// The violations of one request: the first ones, and how many there are in all.
///
/// ```
/// use lienthong::base::Violations;
/// let mut found = Violations::default();
/// for at in 0..1_000_000 {
///     found.add(format_args!("items[{at}]"), "NULL", "leave the field out where the value is unknown");
/// }
/// assert_eq!((found.kept().len(), found.total()), (1_000, 1_000_000));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations {
    kept: Vec<Violation>,
    bytes: usize,
    total: usize,
    warnings: Warnings,
}

/// The warnings about an accepted request: the first ones, and how many there are in all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Warnings {
    /// The first ones, in the order found.
    pub kept: Vec<Violation>,
    /// How many were found.
    pub total: usize,
}

impl Warnings {
    /// Those that came after the first `before.0`, of which `before.1` were kept.
    pub fn since(&self, before: (usize, usize)) -> Self {
        Self { kept: self.kept[before.1..].to_vec(), total: self.total - before.0 }
    }

    /// How many there are, and how many of them are kept.
    pub fn mark(&self) -> (usize, usize) {
        (self.total, self.kept.len())
    }
}

impl Violations {
    /// Adds a violation; its texts are made only when there is room for it.
    pub fn add(&mut self, field: impl Display, rule: impl Into<Cow<'static, str>>, message: impl Display) {
        if self.is_full() {
            self.total += 1;
        } else {
            self.push(Violation::new(field, rule, message));
        }
    }

    /// Adds a violation that was made already.
    pub fn push(&mut self, violation: Violation) {
        self.total += 1;
        if !self.is_full() {
            self.bytes += violation.bytes();
            self.kept.push(violation);
        }
    }

    /// Adds a warning about an accepted value.
    pub fn warn(&mut self, field: impl Display, rule: impl Into<Cow<'static, str>>, message: impl Display) {
        if self.warnings.kept.len() < WARNINGS_MAX {
            self.push_warning(Violation::new(field, rule, message));
        } else {
            self.warnings.total += 1;
        }
    }

    /// Adds a warning that was made already.
    pub fn push_warning(&mut self, warning: Violation) {
        self.warnings.total += 1;
        if self.warnings.kept.len() < WARNINGS_MAX {
            self.warnings.kept.push(warning);
        }
    }

    /// The warnings.
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Adds all of `others`, those that they only counted too.
    pub fn append(&mut self, others: Self) {
        let room = WARNINGS_MAX.saturating_sub(self.warnings.kept.len());
        self.warnings.kept.extend(others.warnings.kept.into_iter().take(room));
        self.warnings.total += others.warnings.total;
        self.total += others.total - others.kept.len();
        others.kept.into_iter().for_each(|violation| self.push(violation));
    }

    /// Drops the kept violations that `stays` refuses, and no longer counts them.
    pub fn retain(&mut self, mut stays: impl FnMut(&Violation) -> bool) {
        let before = self.kept.len();
        self.kept.retain(|violation| stays(violation));
        self.total -= before - self.kept.len();
        self.bytes = self.kept.iter().map(Violation::bytes).sum();
    }

    /// Whether further violations are only counted.
    pub fn is_full(&self) -> bool {
        self.kept.len() >= VIOLATIONS_MAX || self.bytes >= VIOLATION_BYTES_MAX
    }

    /// Whether there are no violations; warnings do not count.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The first violations, in the order found.
    pub fn kept(&self) -> &[Violation] {
        &self.kept
    }

    /// Bytes that the kept ones take, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many violations were found.
    pub fn total(&self) -> usize {
        self.total
    }
}

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self::from_iter([violation])
    }
}

impl From<Vec<Violation>> for Violations {
    fn from(violations: Vec<Violation>) -> Self {
        Self::from_iter(violations)
    }
}

impl FromIterator<Violation> for Violations {
    fn from_iter<I: IntoIterator<Item = Violation>>(violations: I) -> Self {
        let mut all = Self::default();
        violations.into_iter().for_each(|violation| all.push(violation));
        all
    }
}

/// `text` written out, at most `bytes_max` bytes of it; `…` ends what was cut. What is cut is never held in memory.
pub fn cut(text: impl Display, bytes_max: usize) -> String {
    struct Cut(String, usize);
    impl fmt::Write for Cut {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            let room = self.1 - self.0.len();
            if part.len() <= room {
                self.0.push_str(part);
                return Ok(());
            }
            let end = end_within(part, room);
            self.0.push_str(&part[..end]);
            Err(fmt::Error)
        }
    }
    const MARK: &str = "…";
    let mut written = Cut(String::new(), bytes_max.max(MARK.len()));
    if write!(written, "{text}").is_err() {
        let end = end_within(&written.0, written.1 - MARK.len());
        written.0.truncate(end);
        written.0.push_str(MARK);
    }
    written.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_the_bounds_is_counted_and_not_kept() {
        let mut many = Violations::default();
        (0..VIOLATIONS_MAX + 7).for_each(|at| many.add(at, "FORMAT", "x"));
        assert_eq!((many.kept().len(), many.total()), (VIOLATIONS_MAX, VIOLATIONS_MAX + 7));
        let mut long = Violations::default();
        (0..VIOLATIONS_MAX).for_each(|_| long.add("f".repeat(1_000_000), "FORMAT", "m".repeat(1_000_000)));
        assert!(long.kept().len() < VIOLATIONS_MAX);
        assert_eq!(long.total(), VIOLATIONS_MAX);
        assert!(long.kept().iter().map(Violation::bytes).sum::<usize>() < VIOLATION_BYTES_MAX + 2_048);
        let (kept, total) = (many.kept().to_vec(), many.total() + long.total());
        many.append(long);
        assert_eq!((many.kept(), many.total()), (&kept[..], total));
    }

    #[test]
    fn a_message_without_a_translation_is_that_of_its_rule() {
        for (rule, message, english, vietnamese) in [
            ("FORMAT", "must be a UUID", "must be a UUID", "phải là UUID"),
            ("FORMAT", "x", "x", "sai định dạng"),
            ("NO_SUCH_RULE", "x", "x", "không hợp lệ"),
        ] {
            let violation = Violation::new("a", rule, message);
            assert_eq!(violation.message_in(Language::English), english);
            assert_eq!(violation.message_in(Language::Vietnamese), vietnamese);
        }
    }

    #[test]
    fn texts_that_are_not_kept_are_not_made() {
        struct Never;
        impl Display for Never {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("made")
            }
        }
        let mut full = Violations::default();
        (0..VIOLATIONS_MAX).for_each(|at| full.add(at, "FORMAT", ""));
        full.add(Never, "FORMAT", Never);
        assert_eq!(full.total(), VIOLATIONS_MAX + 1);
    }

    #[test]
    fn a_violation_taken_back_is_not_counted() {
        let mut found = Violations::from(vec![Violation::new("a", "FORMAT", ""), Violation::new("b", "FORMAT", "")]);
        found.retain(|violation| violation.field != "a");
        assert_eq!((found.kept()[0].field.as_str(), found.total()), ("b", 1));
        found.retain(|_| false);
        assert!(found.is_empty());
    }

    #[test]
    fn cut_texts_end_at_a_character() {
        for (text, bytes, expected) in [("abc", 3, "abc"), ("abcd", 3, "…"), ("đđđđ", 7, "đđ…"), ("", 3, "")]
        {
            assert_eq!(cut(text, bytes), expected);
        }
    }
}
