//! Logs that continue others, as those of a session do: the trust anchor names the head from which they continue.

use lienthong::trust::anchor::Continued;
use lienthong::trust::*;

use super::vector::{Expected, Vector, anchor_text};
use super::world::{World, issued, seed_of};

const NOTHING_READ: fn() -> Expected = || Expected { exit_code: 5, records: vec![] };

/// The newest head of a log, as of another log.
fn taken_over(name: &str, proof: Option<&LogProof>) -> Continued {
    let proof = proof.expect("the record has the proof");
    let head = Checkpoint::of_note(&proof.checkpoint).expect("a checkpoint");
    Continued { origin: format!("lienthong/H27/before/{name}"), size: head.size, root: head.root }
}

/// A good record, of whose logs the first record ledger's and the land registry's continue others as `of` makes it.
fn continued(of: impl Fn(&mut Continued)) -> (World, SignedRecord) {
    let (mut world, record) = issued();
    let mut records = taken_over("records", record.ledger_proof.as_ref());
    let mut land = taken_over("land", record.issuer_proof.as_ref());
    of(&mut records);
    of(&mut land);
    world.anchor.logs[0].continues = vec![records];
    world.anchor.issuers[0].continues = vec![land];
    (world, record)
}

pub fn all() -> Vec<Vector> {
    let good = |name, shows, of: &dyn Fn(&mut Continued)| {
        let (world, record) = continued(of);
        Vector::good(name, shows, &world, &record)
    };
    let bad = |name, shows, of: &dyn Fn(&mut Continued)| {
        let (world, record) = continued(of);
        let fails = ["issuer_signature", "ledger_signature"];
        Vector::bad(name, shows, &world, &record, Code::NoTrustedSignature, &fails)
    };
    let refused = |name: &str, shows, of: &dyn Fn(&mut World)| {
        let (mut world, record) = continued(|_| ());
        of(&mut world);
        // Written without the checks that refuse it, which are a reader's.
        let (good, _) = continued(|_| ());
        let mut vector = Vector::many(name, shows, &good, vec![record], NOTHING_READ());
        vector.anchor = unchecked(&good, &world);
        vector
    };
    vec![
        good("continued-from-its-head", "The logs continue others from just the heads of the proofs on.", &|_| ()),
        good("continued-from-a-smaller-head", "The logs continue others from smaller heads on.", &|from| {
            from.size -= 1;
            from.root = [0; 32];
        }),
        bad("continued-from-a-larger-head", "The logs continue others from larger heads on.", &|from| from.size += 1),
        bad("continued-from-another-root", "The logs continue others from heads of another root on.", &|from| {
            from.root[0] ^= 1;
        }),
        refused("anchor-continued-origin-twice", "A log continues one that is another of the anchor.", &|world| {
            world.anchor.logs[0].continues[0].origin = "lienthong/H27/vehicle".into();
        }),
        refused("anchor-continued-shrinks", "A log continues a larger head before a smaller one.", &|world| {
            let from = world.anchor.logs[0].continues[0].clone();
            let earlier =
                Continued { origin: "lienthong/H27/first/records".into(), size: from.size + 1, ..from.clone() };
            world.anchor.logs[0].continues = vec![earlier, from];
        }),
        refused("anchor-continued-two-trees", "A log continues two trees of one size.", &|world| {
            let from = world.anchor.logs[0].continues[0].clone();
            let earlier = Continued { origin: "lienthong/H27/first/records".into(), root: [7; 32], ..from.clone() };
            world.anchor.logs[0].continues = vec![earlier, from];
        }),
        root_signed("continued-root-signed", "A root key signed the heads that the logs continue.", &|_| ()),
        {
            let altered = |world: &mut World| world.anchor.logs[0].continues[0].size -= 1;
            let mut vector = root_signed(
                "anchor-continued-altered",
                "The heads that a log continues were altered after they were signed.",
                &|_| (),
            );
            let (mut world, _) = continued(|_| ());
            altered(&mut world);
            let (before, _) = continued(|_| ());
            let size = |world: &World| format!("\"size\": {}", world.anchor.logs[0].continues[0].size);
            vector.anchor = vector.anchor.replacen(&size(&before), &size(&world), 1);
            vector.expected = NOTHING_READ();
            vector
        },
    ]
}

/// The text of `good`'s anchor with the heads that `other`'s first log continues.
fn unchecked(good: &World, other: &World) -> String {
    let written = |from: &[Continued]| {
        let rows = from.iter().map(|from| {
            let root = lienthong::base::id::to_hex(&from.root);
            format!("{{\"origin\":\"{}\",\"size\":{},\"root\":\"{root}\"}}", from.origin, from.size)
        });
        serde_json::from_str::<serde_json::Value>(&format!("[{}]", rows.collect::<Vec<_>>().join(","))).expect("JSON")
    };
    let mut anchor: serde_json::Value = serde_json::from_str(&anchor_text(&good.anchor)).expect("JSON");
    anchor["logs"][0]["continues"] = written(&other.anchor.logs[0].continues);
    serde_json::to_string_pretty(&anchor).expect("JSON")
}

fn root_signed(name: &str, shows: &'static str, of: &dyn Fn(&mut Continued)) -> Vector {
    let (mut world, record) = continued(of);
    let root = Ed25519Signer::from_seed("root", &seed_of("a root key"));
    let key = PublicKey::new(root.algorithm(), root.public_key()).expect("a good key");
    world.anchor.root = Root { threshold: 1, keys: vec![key] };
    world.anchor.sign(&root).expect("signs");
    Vector::good(name, shows, &world, &record)
}
