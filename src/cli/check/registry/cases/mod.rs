//! The cases of a registry: the contract of `RegistryService`, one promise a case, with changes and reads that must succeed between the refusals. They
//! run in this order, each on what those before made.

mod bad_input;
mod changes;
mod describe;
mod follow;
mod reads;

use futures::future::BoxFuture;

use super::super::outcome::About;
use super::subject::{Judged, Subject};

/// A case: what it is about, and how it is run.
pub(super) struct Case {
    pub(super) id: &'static str,
    pub(super) kind: &'static str,
    title: &'static str,
    effect: &'static str,
    see: &'static str,
    pub(super) run: for<'a> fn(&'a mut Subject) -> BoxFuture<'a, Judged>,
}

impl Case {
    /// As reports name it.
    pub(super) fn about(&self) -> About {
        let (effect, see, kind) = (self.effect, self.see, self.kind);
        About { id: self.id.to_owned(), title: self.title.to_owned(), effect, see, kind }
    }
}

const PROTO: &str = "proto/lienthong/registry/v1/registry_service.proto";
const FORMAT: &str = "docs/format.md#9-verifying";
const ERRORS: &str = "docs/errors.md#reasons";

macro_rules! cases {
    ($($kind:literal $id:literal $run:path, $see:expr, $title:literal, $effect:literal;)*) => {
        /// All cases, in order.
        pub(super) const ALL: &[Case] = &[$(Case {
            id: $id, kind: $kind, title: $title, effect: $effect, see: $see, run: |subject| Box::pin($run(subject)),
        },)*];
    };
}

cases! {
    "describe" "describe-itself" describe::itself, PROTO, "Describe names the registry, its log, its record types and their keys.", "a client does not know the record types and fields";
    "describe" "describe-schema" describe::schema, PROTO, "The record type's json_schema is a schema of an object with the key's fields.", "no program can check a record before it sends it";
    "describe" "describe-unknown" describe::unknown, ERRORS, "Describe of a registry that does not exist is INVALID_ARGUMENT.", "a typo reads as an empty registry";
    "describe" "describe-without-credential" describe::without_credential, ERRORS, "A call without a credential is UNAUTHENTICATED.", "anybody on the network may ask";
    "follow" "stream-from-beginning" follow::from_beginning, FORMAT, "The whole log verifies: every batch continues it, under a checkpoint that the registry signed.", "a record can be added, changed or removed unseen";
    "follow" "stream-log-size" follow::log_size, PROTO, "Describe's log_size is the size of the log that was streamed.", "a follower does not know whether it has seen everything";
    "changes" "create" changes::create, PROTO, "A lawful record is created: version 1, logged at the log's end.", "nothing can be written";
    "changes" "create-repeated" changes::create_repeated, PROTO, "The same request_id with the same content gives the same receipt, and writes nothing.", "a lost answer leads to a second record";
    "changes" "request-id-reused" changes::request_id_reused, ERRORS, "The same request_id with other content is ALREADY_EXISTS (REQUEST_ID_REUSED).", "a caller is told that a change was written that was not";
    "changes" "create-twice" changes::create_twice, ERRORS, "A second record of one natural key is ABORTED (VERSION_CONFLICT).", "one thing has two records";
    "reads" "read-by-key" reads::by_key, FORMAT, "Read by its natural key, the record verifies and has the submitted content.", "a reader gets other content than was written";
    "reads" "read-by-id" reads::by_id, FORMAT, "Read by its id, it is the same record.", "a reader gets other content than was written";
    "reads" "read-by-person" reads::by_person, PROTO, "Read by a person whom it names, it is among that person's records.", "a person's records are not found";
    "follow" "stream-new-change" follow::new_change, FORMAT, "From the cursor on, the new change is sent, and the log continues the tree seen before.", "a follower misses a change, or sees another history";
    "bad_input" "read-without-selector" bad_input::no_selector, ERRORS, "A read without a selector is INVALID_ARGUMENT.", "a mistaken request reads all records of a registry";
    "bad_input" "read-bad-id" bad_input::bad_id, ERRORS, "A malformed record id is INVALID_ARGUMENT.", "a mistaken request looks like an empty result";
    "bad_input" "read-unknown-type" bad_input::unknown_type, ERRORS, "A record type that does not exist is INVALID_ARGUMENT.", "a mistaken request looks like an empty result";
    "reads" "read-unknown-id" reads::unknown_id, PROTO, "An unknown record id gives no records, and no error.", "a reader stops at a record that does not exist";
    "changes" "update" changes::update, PROTO, "An update that names the latest version writes version 2.", "nothing can be corrected";
    "changes" "update-stale" changes::update_stale, ERRORS, "An update with a version that is not the latest is ABORTED (VERSION_CONFLICT).", "one writer overwrites another unseen";
    "reads" "read-versions" reads::versions, FORMAT, "The first and the latest version can be read, and the second names the first.", "the data at an earlier time cannot be determined";
    "changes" "update-unknown" changes::update_unknown, ERRORS, "An update of a record that does not exist is NOT_FOUND.", "a typo in a key creates a record";
    "bad_input" "payload-required-missing" bad_input::required_missing, ERRORS, "A payload without a required field is INVALID_ARGUMENT, and the field is named.", "records lack fields on which others rely";
    "bad_input" "payload-unknown-field" bad_input::unknown_field, ERRORS, "A payload with a field that the schema lacks is INVALID_ARGUMENT.", "a typo is signed";
    "bad_input" "payload-fraction" bad_input::fraction, ERRORS, "A payload with a fraction is INVALID_ARGUMENT.", "two programs sign different numbers";
    "bad_input" "payload-null" bad_input::null, ERRORS, "A payload with a null is INVALID_ARGUMENT.", "unknown and empty values are confused";
    "bad_input" "changes-none" bad_input::no_changes, ERRORS, "A submission without changes is INVALID_ARGUMENT.", "a mistaken request looks like a success";
    "bad_input" "request-id-malformed" bad_input::malformed_request_id, ERRORS, "A request_id of two characters is INVALID_ARGUMENT.", "the ids of two callers collide";
    "bad_input" "operation-unset" bad_input::operation_unset, ERRORS, "A change without an operation is INVALID_ARGUMENT.", "a change does something that the caller did not request";
    "changes" "batch-all-or-nothing" changes::all_or_nothing, PROTO, "Of a submission with one bad change nothing is written.", "half of a change remains";
    "changes" "batch" changes::batch, PROTO, "Two records are created in one submission, one after the other in the log.", "changes that belong together are separated";
    "reads" "pages" reads::pages, PROTO, "Pages of one record give every record once.", "a reader misses records, or reads them twice";
    "bad_input" "page-token-of-another-query" bad_input::other_page_token, ERRORS, "A page token with another query is INVALID_ARGUMENT (PAGE_TOKEN_INVALID).", "a reader continues in the middle of another result";
    "bad_input" "page-size-too-large" bad_input::page_size, ERRORS, "A page of 501 records is INVALID_ARGUMENT.", "one caller uses up the memory for all";
    "changes" "put-unchanged" changes::put_unchanged, PROTO, "PutRecords of the same content writes nothing.", "every import makes a new version of everything";
    "changes" "put-refused" changes::put_refused, PROTO, "PutRecords names the records that a rule refuses.", "an import loses records silently";
    "changes" "revoke" changes::revoke, PROTO, "A revocation writes the last version, or the lifecycle names the change to make instead.", "nothing can be ended";
    "changes" "update-revoked" changes::update_revoked, ERRORS, "After a revocation an update is FAILED_PRECONDITION (RECORD_REVOKED).", "an ended record goes on changing";
    "follow" "stream-rest" follow::rest, FORMAT, "The rest of the log verifies from the cursor on, and from the resume token.", "a follower cannot resume after an interruption";
    "follow" "stream-versions" follow::versions, "docs/format.md#5-logs", "In the log the versions of every record are in order, and each names the one before.", "a version can be left out or exchanged";
    "bad_input" "stream-beyond-end" bad_input::beyond_end, ERRORS, "A cursor beyond the log's end is FAILED_PRECONDITION (CURSOR_GONE).", "a follower waits for ever for a log that began anew";
    "bad_input" "stream-token-of-nobody" bad_input::bad_resume_token, ERRORS, "A malformed resume token is INVALID_ARGUMENT (PAGE_TOKEN_INVALID).", "a follower continues in another log";
    "follow" "stream-at-end" follow::at_end, PROTO, "From the log's end nothing is sent, and the stream ends.", "a follower that has everything gets it again";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_case_is_unique_and_says_where_its_promise_stands() {
        let ids: BTreeSet<&str> = ALL.iter().map(|case| case.id).collect();
        assert_eq!(ids.len(), ALL.len(), "an id twice");
        for case in ALL {
            let page = case.see.split('#').next().expect("a page");
            assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(page).exists(), "{}: {page}", case.id);
            assert!(case.title.ends_with('.') && !case.effect.ends_with('.'), "{}", case.id);
        }
    }

    #[test]
    fn what_must_succeed_stands_between_what_must_be_refused() {
        let mut bad = 0;
        for case in ALL {
            bad = if case.kind == "bad_input" { bad + 1 } else { 0 };
            assert!(bad <= 7, "{}", case.id);
        }
    }
}
