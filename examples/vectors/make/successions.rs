//! One version of the trust anchor after another: the successors that a holder of the first may accept, and others.

use lienthong::base::Seed;
use lienthong::trust::anchor::Continued;
use lienthong::trust::*;
use serde::Serialize;
use serde_json::value::RawValue;

use super::vector::{anchor_text, json_file, raw};
use super::world::{LATE, NOW, World, seed_of};

#[derive(Serialize)]
struct SuccessionVector<'a> {
    format: &'static str,
    name: &'a str,
    shows: &'a str,
    at: String,
    trust_anchor: Box<RawValue>,
    next: Box<RawValue>,
    expected: Expected,
}

#[derive(Serialize)]
struct Expected {
    accepted: bool,
}

fn root(number: u64) -> Ed25519Signer {
    Ed25519Signer::from_seed("root", &Seed::root(300 + number))
}

fn public(signer: &dyn Signer) -> PublicKey {
    PublicKey::new(signer.algorithm(), signer.public_key()).expect("a good key")
}

fn roots(threshold: u32, numbers: &[u64]) -> Root {
    Root { threshold, keys: numbers.iter().map(|number| public(&root(*number))).collect() }
}

fn signed(mut anchor: TrustAnchor, by: &[u64]) -> TrustAnchor {
    anchor.signatures.clear();
    by.iter().for_each(|number| anchor.sign(&root(*number)).expect("signs"));
    anchor
}

/// The next key of the land registry's log.
fn successor() -> PublicKey {
    public(&Ed25519Signer::from_seed("lienthong/H27/land", &seed_of("another key of land")))
}

/// Version 1 of three root keys, two of which have to sign; it has lasted until ledger index 40.
fn first() -> TrustAnchor {
    signed(TrustAnchor { root: roots(2, &[1, 2, 3]), expires_at: LATE, ..World::new().anchor }, &[1, 2])
}

fn changed(current: &TrustAnchor, change: &KeyChange) -> TrustAnchor {
    current.changed(change, 40, LATE).expect("allowed")
}

pub fn all() -> Vec<(String, String)> {
    let first = first();
    let alone = World::new().anchor;
    let land = first.issuers[0].keys[0].id();
    let renewed = || changed(&first, &KeyChange::Renew);
    let with = |change: &dyn Fn(&mut TrustAnchor)| {
        let mut next = renewed();
        change(&mut next);
        signed(next, &[1, 2])
    };
    let rotate = KeyChange::Rotate { origin: "lienthong/H27/land".into(), successor: successor() };
    let rotated = || changed(&first, &rotate);
    let second = signed(rotated(), &[1, 2]);
    let stolen = KeyChange::Compromise { key: land, suspect_from: 20, successor: Some(successor()) };
    let handed = || changed(&first, &KeyChange::Root(roots(1, &[4])));
    let mut twice = signed(renewed(), &[1]);
    twice.signatures.push(twice.signatures[0].clone());
    let mut spoiled = signed(renewed(), &[1, 2, 3]);
    spoiled.signatures[2].signature[5] ^= 1;
    let mut altered = signed(renewed(), &[1, 2]);
    altered.expires_at = altered.expires_at.plus_ms(1_000);
    let mut back = rotated();
    back.version = 3;
    back.issuers[0].keys[0].state = KeyState::Active;
    let mut earlier = rotated();
    earlier.version = 3;
    earlier.issuers[0].keys[0].state = KeyState::Rotated { event_index: 30 };

    let good: Vec<(&str, &str, &TrustAnchor, TrustAnchor)> = vec![
        (
            "succession-renewed",
            "Two of three root keys signed a version that holds longer.",
            &first,
            signed(renewed(), &[1, 3]),
        ),
        ("succession-rotated", "A registry's key was rotated at ledger index 40.", &first, second.clone()),
        (
            "succession-compromised",
            "A key is suspect from index 20, and out of use from 40.",
            &first,
            signed(changed(&first, &stolen), &[2, 3]),
        ),
        (
            "succession-other-root",
            "Other root keys: those before and those after signed.",
            &first,
            signed(handed(), &[1, 2, 4]),
        ),
    ];
    let bad: Vec<(&str, &str, &TrustAnchor, TrustAnchor)> = vec![
        ("succession-too-few", "One of three root keys signed, two have to.", &first, signed(renewed(), &[1])),
        ("succession-stranger", "A key that is not a root key does not count.", &first, signed(renewed(), &[1, 9])),
        ("succession-one-twice", "One root key twice is one.", &first, twice),
        ("succession-bad-signature", "Enough root keys signed, and the signature of another is bad.", &first, spoiled),
        ("succession-altered", "It was altered after it was signed.", &first, altered),
        (
            "succession-old-root-missing",
            "The root keys of the version before did not sign.",
            &first,
            signed(handed(), &[4]),
        ),
        ("succession-new-root-missing", "The new root keys did not sign.", &first, signed(handed(), &[1, 2])),
        ("succession-no-root-before", "The version before names no root keys.", &alone, signed(renewed(), &[1, 2])),
        (
            "succession-no-root-after",
            "It names no root keys.",
            &first,
            TrustAnchor { root: Root::default(), ..with(&|_| ()) },
        ),
        ("succession-version-skipped", "Version 3 after version 1.", &first, with(&|next| next.version = 3)),
        ("succession-other-province", "Another province's.", &first, with(&|next| next.province = "H28".into())),
        ("succession-expired", "It has expired.", &first, with(&|next| next.expires_at = NOW)),
        ("succession-log-gone", "A log of the province is gone.", &first, with(&|next| drop(next.logs.pop()))),
        ("succession-issuer-gone", "An issuer is gone.", &first, with(&|next| drop(next.issuers.pop()))),
        (
            "succession-continues-another",
            "A log suddenly continues another one.",
            &first,
            with(&|next| {
                let from = Continued { origin: "lienthong/H27/before".into(), size: 1, root: [0; 32] };
                next.logs[0].continues.push(from);
            }),
        ),
        ("succession-key-gone", "A key is gone.", &first, with(&|next| next.issuers[0].keys.clear())),
        (
            "succession-key-moved",
            "A key has moved to another log.",
            &first,
            with(&|next| {
                let key = next.issuers[0].keys.remove(0);
                next.issuers[1].keys.push(key);
            }),
        ),
        (
            "succession-from-index-moved",
            "A key may have signed from another index on.",
            &first,
            with(&|next| next.issuers[0].keys[0].from_index = 7),
        ),
        ("succession-key-back", "A rotated key is in use again.", &second, signed(back, &[1, 2])),
        ("succession-event-moved", "The event of a rotation is at another index.", &second, signed(earlier, &[1, 2])),
        (
            "succession-event-elsewhere",
            "A key goes out of use at another index than `events_from`.",
            &first,
            signed(TrustAnchor { events_from: 41, ..rotated() }, &[1, 2]),
        ),
    ];
    let good = good.iter().map(|case| file(case, true));
    good.chain(bad.iter().map(|case| file(case, false))).collect()
}

fn file(case: &(&str, &str, &TrustAnchor, TrustAnchor), accepted: bool) -> (String, String) {
    let (name, shows, current, next) = case;
    // The anchor of the other vectors has expired by today's clocks.
    let current = TrustAnchor { expires_at: LATE, ..(*current).clone() };
    let current = if current.root == Root::default() { current } else { signed(current, &[1, 2]) };
    let row = SuccessionVector {
        format: "lienthong/succession-vector/v1",
        name,
        shows,
        at: NOW.to_string(),
        trust_anchor: raw(&anchor_text(&current), "  "),
        next: raw(&anchor_text(next), "  "),
        expected: Expected { accepted },
    };
    json_file(name, &row)
}
