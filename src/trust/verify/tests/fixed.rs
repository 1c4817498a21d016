//! The formats do not drift: one world's bytes, kept. A change here breaks every record that was ever issued.
//!
//! The values were computed apart, with Python's hashlib and hmac from the format page, and the signature checked
//! with `openssl pkeyutl -verify -rawin`.

use super::world::*;
use crate::base::id::to_hex;
use crate::trust::statement::statement_hash;

#[test]
fn the_bytes_of_a_delivered_record_are_fixed() {
    let (world, record) = issued();
    let proof = record.issuer_proof.as_ref().expect("a proof");
    let note = std::str::from_utf8(&proof.checkpoint).expect("text");
    assert_eq!(
        to_hex(&statement_hash(&record.statement)),
        "cbbb356bda65d4dcbaa042e91a68bf426c1806ded34b3243995be7f9b1529142"
    );
    assert_eq!(
        note,
        "lienthong/H27/land\n12\nVeXIwpNxT6u2MYc1uq+C0lG2RuhcwrldRTDCymse4eE=\n\n\
         — lienthong/H27/land YcbJUmdOe+EE8P7F2H3WY9rqX6wMsRGf6QGK7ooGgShOUfY3qXZ2141+ExqCP/ShVjx21Gd68FmKAcg2ERvUcdFnOgE=\n"
    );
    assert_eq!(
        to_hex(&world.anchor.fingerprint().expect("hashes")),
        "dfe158dbea35873e093a7ac2a1076dc21ccd2d604bc2e087aebaf201f137450a"
    );
}
