//! Time as values: instants in milliseconds, civil dates, and dates that are known only in part.
//!
//! Rules get `now` passed in; only the edges hold a [`Clock`]. The province's civil day is that of Vietnam (+07:00,
//! without daylight saving).

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Span;
pub use jiff::civil::Date;
use jiff::civil::{DateTime, Time};

use super::watch;

/// A moment of the machine's time, as its timers count it; on a runtime whose time is simulated, of that time.
pub use tokio::time::Instant;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(pub i64);

const VIETNAM_OFFSET_MS: i64 = 7 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

impl Timestamp {
    /// Later than every instant: an interval that is still open ends here.
    pub const MAX: Timestamp = Timestamp(i64::MAX);

    /// This instant plus a number of milliseconds, saturating.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The civil date in Vietnam at this instant.
    pub fn date(self) -> Date {
        let days = (self.0.saturating_add(VIETNAM_OFFSET_MS)).div_euclid(DAY_MS);
        let span = Span::new().try_days(days.clamp(-700_000, 2_900_000)).unwrap_or_default();
        Date::constant(1970, 1, 1).saturating_add(span)
    }

    /// The instant at which `date` begins in Vietnam.
    pub fn start_of(date: Date) -> Self {
        Self(days_to(date) * DAY_MS - VIETNAM_OFFSET_MS)
    }
}

impl Timestamp {
    /// Reads a time of RFC 3339, section 5.6; what is smaller than a millisecond is cut off. No leap seconds; in UTC, it lies in the
    /// years 1 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        nanoseconds(text).and_then(|at| i64::try_from(at.div_euclid(1_000_000)).ok()).map(Self)
    }

    /// The civil date and time in UTC; `None` where no calendar of four digits has one.
    pub fn civil(self) -> Option<DateTime> {
        let days = Span::new().try_days(self.0.div_euclid(DAY_MS)).ok()?;
        let date = Date::constant(1970, 1, 1).checked_add(days).ok().filter(|date| date.year() > 0)?;
        let of_day = Span::new().milliseconds(self.0.rem_euclid(DAY_MS));
        date.to_datetime(Time::midnight()).checked_add(of_day).ok()
    }

    /// Reads a time of RFC 3339 in whole milliseconds, and no other.
    pub fn parse_whole(text: &str) -> Option<Self> {
        nanoseconds(text).filter(|at| at % 1_000_000 == 0).and(Self::parse(text))
    }
}

/// Since 1970. By hand: the library reads more than RFC 3339 has (the basic form, blanks, zones by name), and ends a day before the
/// year 9999 does.
fn nanoseconds(text: &str) -> Option<i128> {
    let fits = |text: &str, form: &str| {
        let fits = |(byte, wanted): (u8, u8)| if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
        text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
    };
    let (clock, offset) = match text.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, "+00:00"),
        None => text.split_at_checked(text.len().checked_sub(6)?)?,
    };
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let date_time = fits(whole, "0000-00-00T00:00:00") || fits(whole, "0000-00-00t00:00:00");
    let digits = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let zone = fits(offset, "+00:00") || fits(offset, "-00:00");
    if !(date_time && digits && zone) {
        return None;
    }
    let number = |part: &str| part.parse::<i64>().ok();
    let date: Date = whole[..10].parse().ok()?;
    let (hour, minute, second) = (number(&whole[11..13])?, number(&whole[14..16])?, number(&whole[17..])?);
    let (hours, minutes) = (number(&offset[1..3])?, number(&offset[4..])?);
    if hour > 23 || minute > 59 || second > 59 || hours > 23 || minutes > 59 {
        return None;
    }
    let ahead = (hours * 60 + minutes) * 60 * if offset.starts_with('-') { -1 } else { 1 };
    let seconds = days_to(date) * 86_400 + (hour * 60 + minute) * 60 + second - ahead;
    let at = i128::from(seconds) * 1_000_000_000 + i128::from(number(&format!("{fraction:0<9}"))?);
    let days = days_to(Date::constant(1, 1, 1))..=days_to(Date::constant(9999, 12, 31));
    days.contains(&seconds.div_euclid(86_400)).then_some(at)
}

fn days_to(date: Date) -> i64 {
    Date::constant(1970, 1, 1).until(date).map(|span| i64::from(span.get_days())).unwrap_or(0)
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(at) => at.fmt(f),
            Err(_) => match self.civil() {
                Some(at) => write!(f, "{at}Z"),
                None => f.write_str("forever"),
            },
        }
    }
}

/// Reads a length of time: a whole number with its unit, `200ms`, `2s`, `5m`, `3h` or `1d`.
///
/// ```
/// use lienthong::base::time::duration;
/// assert_eq!(duration("3h"), Some(std::time::Duration::from_secs(10_800)));
/// assert_eq!(duration("3"), None);
/// ```
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(ms).map(Duration::from_millis)
}

/// The source of time: the system's clock in production, a chosen one in tests and simulation.
///
/// Code that waits for the world's time waits here, so that the wait ends when the world gets there, by itself or by a jump. Deadlines of calls,
/// rates and back-off use the machine's time and wait on its timers.
#[async_trait]
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Waits until the clock reads `at` or later; returns at once if it does.
    async fn sleep_until(&self, at: Timestamp);
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// The system's clock may be set while somebody sleeps: it is read again this often.
const READ_AGAIN_MS: u64 = 1_000;

#[async_trait]
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the ambient clock")]
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }

    #[allow(clippy::disallowed_methods, reason = "the machine's timer serves the system's clock, and no other")]
    async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left_ms = u64::try_from(at.0.saturating_sub(self.now().0)).unwrap_or(0);
            if left_ms == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(left_ms.min(READ_AGAIN_MS))).await;
        }
    }
}

/// A clock that is stopped until it is set: for tests, and while a world is seeded.
#[derive(Debug, Default)]
pub struct FixedClock {
    now_ms: AtomicI64,
    moved: watch::Sender<()>,
}

impl FixedClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { now_ms: now.0.into(), moved: watch::Sender::default() }
    }

    /// Moves the clock, and wakes whom it reached.
    pub fn set(&self, now: Timestamp) {
        self.now_ms.store(now.0, Ordering::SeqCst);
        self.moved.send_replace(());
    }
}

#[async_trait]
impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now_ms.load(Ordering::SeqCst))
    }

    async fn sleep_until(&self, at: Timestamp) {
        // Subscribed first: a move of the clock between the look and the wait wakes it.
        let mut moved = self.moved.subscribe();
        while self.now() < at && moved.changed().await.is_ok() {}
    }
}

/// A date known to the year, the month or the day: `1985`, `1985-03`, `1985-03-07` (a profile of ISO 8601).
///
/// Birth dates of year only are common in land and health-insurance files; two dates agree when they agree at the
/// coarser precision of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartialDate {
    /// 1800 to 2200.
    pub year: i16,
    /// 1 to 12.
    pub month: Option<i8>,
    /// 1 to the month's last; only with a month.
    pub day: Option<i8>,
}

impl PartialDate {
    /// Parses one of the three forms; anything else, an impossible day included, is refused.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let number = |range: std::ops::Range<usize>| -> Option<i16> {
            let part = bytes.get(range)?;
            part.iter().all(u8::is_ascii_digit).then(|| part.iter().fold(0, |n, d| n * 10 + i16::from(d - b'0')))
        };
        let hyphens = bytes.iter().enumerate().all(|(i, b)| (*b == b'-') == (i == 4 || i == 7));
        if !hyphens || !matches!(bytes.len(), 4 | 7 | 10) {
            return None;
        }
        let year = number(0..4).filter(|y| (1800..=2200).contains(y))?;
        let month = if bytes.len() >= 7 { Some(number(5..7).filter(|m| (1..=12).contains(m))? as i8) } else { None };
        let day = if bytes.len() == 10 { Some(number(8..10)? as i8) } else { None };
        if let (Some(month), Some(day)) = (month, day) {
            Date::new(year, month, day).ok()?;
        }
        Some(Self { year, month, day })
    }

    /// The whole date, if the day is known.
    pub fn full(self) -> Option<Date> {
        Date::new(self.year, self.month?, self.day?).ok()
    }

    /// Whether the two agree at the coarser precision; 1 January counts as "year only" (an old filling habit) when
    /// the other date is of the same year.
    pub fn agrees(self, other: Self) -> bool {
        let coarse = |d: Self| d.month.is_none() || (d.month == Some(1) && matches!(d.day, Some(1)));
        if self.year != other.year {
            return false;
        }
        if coarse(self) || coarse(other) {
            return true;
        }
        self.month == other.month && (self.day.is_none() || other.day.is_none() || self.day == other.day)
    }
}

impl From<Date> for PartialDate {
    fn from(date: Date) -> Self {
        Self { year: date.year(), month: Some(date.month()), day: Some(date.day()) }
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.year)?;
        if let Some(month) = self.month {
            write!(f, "-{month:02}")?;
        }
        if let Some(day) = self.day {
            write!(f, "-{day:02}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_read_as_rfc_3339_says_and_no_other_way() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01t00:00:00.001z", 1),
            ("1970-01-01T07:00:00.123456789+07:00", 123),
            ("1969-12-31T23:59:59.9999-00:00", -1),
            ("2026-11-18T10:13:20Z", 1_794_996_800_000),
            ("2028-01-01T00:00:00+07:00", 1_830_272_400_000),
            ("2024-02-29T23:59:59.5-00:30", 1_709_252_999_500),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ] {
            assert_eq!(Timestamp::parse(text), Some(Timestamp(ms)), "{text}");
            let is_whole = !text.contains(".9999") && !text.contains("123456789");
            assert_eq!(Timestamp::parse_whole(text).is_some(), is_whole, "{text}");
            let written = Timestamp(ms).to_string();
            assert_eq!(Timestamp::parse_whole(&written), Some(Timestamp(ms)), "{written}");
        }
        for bad in [
            "",
            "Z",
            "20261118T101320Z",
            "2026-11-18 10:13:20Z",
            "2026-11-18T10:13Z",
            "2026-11-18T10:13:20",
            "2026-11-18T10:13:20.Z",
            "2026-11-18T10:13:20,5Z",
            "2026-11-18T10:13:20.1234567890Z",
            "2026-11-18T10:13:20+07",
            "2026-11-18T10:13:20+24:00",
            "2026-11-18T10:13:20+07:60",
            "2026-11-18T10:13:60Z",
            "0000-11-18T10:13:20Z",
            "9999-12-31T23:59:59-00:01",
            "0001-01-01T00:00:00+00:01",
            "2026-11-18T24:00:00Z",
            "2026-02-29T10:13:20Z",
            "+002026-11-18T10:13:20Z",
            "2026-11-18T10:13:20Z[UTC]",
            "2026-11-18T10:13:20+07:00[Asia/Ho_Chi_Minh]",
            " 2026-11-18T10:13:20Z",
            "2026-11-18T10:13:20é:00",
        ] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_moved_clock_wakes_whom_it_reached_and_nobody_else() {
        let clock = std::sync::Arc::new(FixedClock::at(Timestamp(1_000)));
        clock.sleep_until(Timestamp(1_000)).await;
        let sleeper = |at| {
            let clock = clock.clone();
            tokio::spawn(async move { clock.sleep_until(Timestamp(at)).await })
        };
        let (early, late) = (sleeper(2_000), sleeper(3_000));
        // Hours of the machine's time do not pass in the world.
        tokio::time::advance(Duration::from_secs(86_400)).await;
        clock.set(Timestamp(1_999));
        tokio::task::yield_now().await;
        assert!(!early.is_finished() && !late.is_finished());
        clock.set(Timestamp(2_500));
        early.await.expect("wakes");
        tokio::task::yield_now().await;
        assert!(!late.is_finished());
        clock.set(Timestamp(i64::MAX));
        late.await.expect("one jump may pass many");
    }

    #[tokio::test(start_paused = true)]
    async fn the_systems_clock_is_slept_on_by_its_own_reading() {
        let clock = SystemClock;
        clock.sleep_until(clock.now()).await;
        clock.sleep_until(Timestamp(i64::MIN)).await;
        let forever = tokio::time::timeout(Duration::from_secs(86_400), clock.sleep_until(Timestamp::MAX)).await;
        assert!(forever.is_err(), "a day of timers does not make it read another day");
    }

    #[test]
    fn partial_dates_parse_exactly_three_forms() {
        for good in ["1985", "1985-03", "1985-03-07", "2024-02-29"] {
            assert_eq!(PartialDate::parse(good).expect(good).to_string(), good);
        }
        for bad in ["", "85", "1985-3", "1985-13", "1985-02-30", "2023-02-29", "1985/03", "1985-03-07T", "-985", "1750"]
        {
            assert_eq!(PartialDate::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn partial_dates_agree_at_the_coarser_precision() {
        let agrees = |a, b| PartialDate::parse(a).expect(a).agrees(PartialDate::parse(b).expect(b));
        assert!(agrees("1970", "1970-05-06"));
        assert!(agrees("1970-01-01", "1970-05-06"));
        assert!(agrees("1970-05", "1970-05-06"));
        assert!(!agrees("1970-05", "1970-06-06"));
        assert!(!agrees("1970-05-06", "1970-05-07"));
        assert!(!agrees("1971", "1970-05-06"));
    }

    #[test]
    fn a_civil_day_begins_at_seventeen_hours_utc_the_day_before() {
        let date = Date::constant(2026, 11, 22);
        let start = Timestamp::start_of(date);
        assert_eq!(start.to_string(), "2026-11-21T17:00:00Z");
        assert_eq!(start.date(), date);
        assert_eq!(start.plus_ms(-1).date(), Date::constant(2026, 11, 21));
    }
}
