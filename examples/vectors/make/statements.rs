//! Invalid statements, and records at the edges of their time.

use lienthong::base::limits::CLOCK_SKEW_MS_MAX;
use lienthong::base::{RecordId, Timestamp};
use lienthong::trust::*;

use super::vector::Vector;
use super::world::*;

pub fn all() -> Vec<Vector> {
    [statements(), times()].into_iter().flatten().collect()
}

fn statements() -> Vec<Vector> {
    let (_, good) = issued();
    // the logs contain the broken statement itself, so that only the statement is wrong
    let broken = |name: &str, text, change: &dyn Fn(&mut Vec<u8>)| {
        let mut statement = good.statement.to_vec();
        change(&mut statement);
        let mut world = World::new();
        let record = world.stand(statement, good.disclosure.clone());
        Vector::bad(name, text, &world, &record, Code::Malformed, &["statement_decodes"])
    };
    let (issuer, end) = (23, good.statement.len());
    let operation = end - 32 - 2 - 4 - 24 - 1;
    let version = operation - 32 - 8;
    let (world, record) = issued();
    let mut swapped = record.clone();
    let statement = Statement::decode(&record.statement).expect("decodes");
    swapped.statement = Statement { version: 2, ..statement }.encode().into();
    let mut longest = World::new();
    let long = "a".repeat(64);
    longest.anchor.issuers[0].name = long.clone();
    longest.anchor.issuers[0].schemas = vec![long.clone()];
    let named = longest.issue(Draft { issuer: &long, schema: &long, ..draft() });
    let mut extreme = World::new();
    let extremes = extreme.issue(Draft {
        version: u64::MAX,
        record_id: RecordId([255; 16]),
        status_index: u32::MAX,
        issued_at: Timestamp(i64::MIN),
        valid_from: Timestamp(i64::MIN),
        ..draft()
    });
    vec![
        Vector::good(
            "statement-longest-names",
            "Issuer and schema of 64 bytes each: the longest statement.",
            &longest,
            &named,
        ),
        Vector::good(
            "statement-extreme-numbers",
            "The largest version and status index, the earliest times.",
            &extreme,
            &extremes,
        ),
        Vector::bad(
            "statement-changed",
            "The statement says version 2; the logs hold version 1.",
            &world,
            &swapped,
            Code::Inclusion,
            &["issuer_inclusion", "ledger_inclusion"],
        ),
        broken("statement-label", "The label is that of another version.", &|s| s[21] = b'2'),
        broken("statement-trailing", "A byte behind the statement.", &|s| s.push(0)),
        broken("statement-short", "The last byte is missing.", &|s| s.truncate(s.len() - 1)),
        broken("statement-empty", "No bytes at all.", &|s| s.clear()),
        broken("statement-name-length", "The issuer's length reaches beyond the end.", &|s| s[issuer] = 255),
        broken("statement-name-empty", "An issuer without a name.", &|s| {
            s.splice(issuer..issuer + 5, [0]).for_each(drop)
        }),
        broken("statement-name-letters", "A capital letter in the issuer's name.", &|s| s[issuer + 1] = b'L'),
        broken("statement-version-zero", "Versions count from 1.", &|s| s[version..version + 8].fill(0)),
        broken("statement-operation", "Operation 4 does not exist.", &|s| s[operation] = 4),
        broken("statement-field-count", "65 fields are one too many.", &|s| s[end - 33] = 65),
    ]
}

fn times() -> Vec<Vector> {
    let mut world = World::new();
    let early = world.issue(Draft { issued_at: NOW.plus_ms(CLOCK_SKEW_MS_MAX), ..draft() });
    let (other, record) = issued();
    let expires_at = other.anchor.expires_at;
    let mut ended = World::new();
    let over = ended.issue(Draft { valid_until: NOW, ..draft() });
    let mut changed = record.clone();
    changed.disclosure = whole(*b"{}");
    vec![
        Vector::good(
            "time-five-minutes-ahead",
            "Issued exactly five minutes ahead of now: clocks may differ by that much.",
            &world,
            &early,
        ),
        Vector::bad(
            "time-more-than-five-minutes-ahead",
            "Issued five minutes and a millisecond ahead.",
            &world,
            &early,
            Code::IssuedInFuture,
            &["issued_not_in_future"],
        )
        .at(NOW.plus_ms(-1)),
        Vector::good(
            "time-validity-over",
            "The record's validity ended: validity_window is skipped, for information, and the record is genuine.",
            &ended,
            &over,
        ),
        Vector::good("anchor-last-millisecond", "The last millisecond of the anchor.", &other, &record)
            .at(expires_at.plus_ms(-1)),
        Vector::bad(
            "anchor-expired",
            "The anchor has expired: nothing is VALID under it.",
            &other,
            &record,
            Code::TryLater,
            &["anchor_current"],
        )
        .at(expires_at),
        Vector::bad(
            "anchor-expired-and-changed",
            "A record that is proved wrong stays INVALID under an expired anchor.",
            &other,
            &changed,
            Code::PayloadMismatch,
            &["anchor_current", "payload", "field_count"],
        )
        .at(expires_at),
    ]
}
