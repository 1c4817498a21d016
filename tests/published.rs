//! Published test data, by format: signatures of Project Wycheproof, RFC 8785, the trees of RFC 6962, C2SP. Each table names its source.
//! Where we refuse more than a source does, docs/format.md section 6 gives the reason, and the test counts the cases.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lienthong::base::id::from_hex;
use lienthong::ledger::tile::{TILE_WIDTH, TileId};
use lienthong::transparency::path::TilePath;
use lienthong::trust::keys::MlDsaKey;
use lienthong::trust::merkle::{CompactRange, Hash, empty_root, hash_leaf, verify_consistency, verify_inclusion};
use lienthong::trust::vkey::{KeyUse, NoteKey};
use lienthong::trust::{Algorithm, Checkpoint, Note, PublicKey, canonical};
use wycheproof::{ecdsa, eddsa, mldsa_verify};

// ---- Wycheproof (github.com/C2SP/wycheproof), by the crate that carries its files

#[test]
fn wycheproof_ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).expect("the file");
    let mut counts = (0, 0);
    for group in &set.test_groups {
        let key = PublicKey::new(Algorithm::Ed25519, &group.key.pk);
        for test in &group.tests {
            let accepted = key.as_ref().is_ok_and(|key| key.verify(&test.msg, &test.sig).is_ok());
            assert_eq!(accepted, !test.result.must_fail(), "{}: {} {:?}", test.tc_id, test.comment, test.flags);
            // tokens carry the same bytes
            let fixed = key.as_ref().is_ok_and(|key| key.verify_fixed(&test.msg, &test.sig).is_ok());
            assert_eq!(fixed, accepted, "{}", test.tc_id);
            if accepted { counts.0 += 1 } else { counts.1 += 1 }
        }
    }
    assert!(counts.0 > 80 && counts.1 > 50, "{counts:?}");
}

/// Whether the second number of a signature in DER is above half the group's order (FIPS 186-5): which anyone can make from
/// a good signature, so refused here. Of good signatures only, whose DER is minimal.
fn has_high_s(der: &[u8]) -> bool {
    let half = from_hex("7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8").expect("hexadecimal");
    let r_length = usize::from(der[3]);
    let s = &der[6 + r_length..];
    let s = &s[s.iter().take_while(|byte| **byte == 0).count()..];
    s.len() == 32 && s > half.as_slice()
}

#[test]
fn wycheproof_p256_in_der() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256).expect("the file");
    let (mut accepted_count, mut refused, mut high) = (0, 0, 0);
    for group in &set.test_groups {
        let key = PublicKey::new(Algorithm::EcdsaP256, &group.key.key).expect("an uncompressed point");
        for test in &group.tests {
            let accepted = key.verify(&test.msg, &test.sig).is_ok();
            let good = !test.result.must_fail();
            if good && has_high_s(&test.sig) {
                assert!(!accepted, "{}: the upper half is refused", test.tc_id);
                high += 1;
                continue;
            }
            assert_eq!(accepted, good, "{}: {} {:?}", test.tc_id, test.comment, test.flags);
            if accepted { accepted_count += 1 } else { refused += 1 }
        }
    }
    assert!(accepted_count > 80 && refused > 150 && high > 50, "{accepted_count} {refused} {high}");
}

#[test]
fn wycheproof_p256_in_64_bytes() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).expect("the file");
    let (mut accepted_count, mut refused) = (0, 0);
    for group in &set.test_groups {
        let key = PublicKey::new(Algorithm::EcdsaP256, &group.key.key).expect("an uncompressed point");
        for test in &group.tests {
            let accepted = key.verify_fixed(&test.msg, &test.sig).is_ok();
            assert_eq!(accepted, !test.result.must_fail(), "{}: {} {:?}", test.tc_id, test.comment, test.flags);
            if accepted { accepted_count += 1 } else { refused += 1 }
        }
    }
    assert!(accepted_count > 100 && refused > 80, "{accepted_count} {refused}");
}

#[test]
fn wycheproof_ml_dsa_44() {
    let set = mldsa_verify::TestSet::load(mldsa_verify::TestName::MlDsa44Verify).expect("the file");
    let (mut accepted_count, mut refused) = (0, 0);
    for group in &set.test_groups {
        let key = MlDsaKey::new(&group.pubkey);
        // cosignatures have an empty context: signatures made for another one are refused
        for test in group.tests.iter().filter(|test| test.ctx.as_ref().is_none_or(|context| context.is_empty())) {
            let accepted = key.as_ref().is_ok_and(|key| key.verify(&test.msg, &test.sig).is_ok());
            assert_eq!(accepted, !test.result.must_fail(), "{}: {} {:?}", test.tc_id, test.comment, test.flags);
            if accepted { accepted_count += 1 } else { refused += 1 }
        }
    }
    assert!(accepted_count > 20 && refused > 10, "{accepted_count} {refused}");
}

// ---- RFC 8785

/// Appendix B: doubles, by their bits, and their text. One is an integer of our domain; the others must be refused as
/// they stand.
#[test]
fn rfc_8785_appendix_b() {
    let table = [
        (0x0000_0000_0000_0000_u64, "0"),
        (0x8000_0000_0000_0000, "0"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x8000_0000_0000_0001, "-5e-324"),
        (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
        (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
        (0x4340_0000_0000_0000, "9007199254740992"),
        (0xc340_0000_0000_0000, "-9007199254740992"),
        (0x4430_0000_0000_0000, "295147905179352830000"),
        (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
        (0x44b5_2d02_c7e1_4af6, "1e+23"),
        (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
        (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
        (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
        (0x444b_1ae4_d6e2_ef50, "1e+21"),
        (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
        (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
        (0x41b3_de43_5555_5553, "333333333.3333332"),
        (0x41b3_de43_5555_5554, "333333333.33333325"),
        (0x41b3_de43_5555_5555, "333333333.3333333"),
        (0x41b3_de43_5555_5556, "333333333.3333334"),
        (0x41b3_de43_5555_5557, "333333333.33333343"),
        (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
        (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
    ];
    for (bits, text) in table {
        let peer = serde_json_canonicalizer::to_string(&f64::from_bits(bits)).expect("a number");
        assert_eq!(peer, text, "the table is copied rightly");
        assert_eq!(canonical::scan_value(text.as_bytes()).is_ok(), text == "0", "{text}");
    }
    for not_a_number in ["NaN", "Infinity", "-Infinity"] {
        assert!(canonical::scan_value(not_a_number.as_bytes()).is_err());
    }
}

/// Sections 3.2.2 to 3.2.4: the samples, and those parts of them that lie in our domain.
#[test]
fn rfc_8785_samples() {
    // 3.2.2's sample and its canonical form: null and fractions are out of our domain, the other members are in it
    let whole = "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
                 \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    assert!(canonical::scan(whole.as_bytes()).is_err());
    let part = "{\"literals\":[true,false],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}";
    let read = canonical::parse(part.as_bytes()).expect("canonical");
    assert_eq!(read.text("string"), Some("\u{20ac}$\u{f}\nA'B\"\\\\\"/"));
    // 3.2.4 shows the same bytes
    let hex = "22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f22";
    let written = canonical::write_value(read.get("string").expect("there"));
    assert_eq!(Some(written), from_hex(hex));
    // 3.2.3: names by UTF-16 units. All of them are refused as names; as values, in their order, they stay as they are
    let sorted = ["\r", "1", "\u{80}", "ö", "€", "😀", "\u{fb33}"];
    for name in sorted {
        let name = serde_json::to_string(name).expect("text");
        assert!(canonical::scan(format!("{{{name}:1}}").as_bytes()).is_err(), "{name}");
        // U+FB33 is not in NFC, and the emoji came after Unicode 3.2
        let is_ours = name != "\"\u{fb33}\"" && name != "\"😀\"";
        assert_eq!(canonical::scan_value(name.as_bytes()).is_ok(), is_ours, "{name}");
    }
}

// ---- RFC 6962, by the reference test data of certificate-transparency-go and transparency-dev/merkle

fn hash(hex: &str) -> Hash {
    from_hex(hex).expect("hexadecimal").try_into().expect("32 bytes")
}

fn hashes(hexes: &[&str]) -> Vec<Hash> {
    hexes.iter().map(|hex| hash(hex)).collect()
}

/// The eight leaves, in hexadecimal.
const LEAVES: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

/// The roots of the trees of 1 to 8 leaves.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn rfc_6962_roots() {
    assert_eq!(empty_root(), hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    let mut range = CompactRange::new();
    for (leaf, root) in LEAVES.iter().zip(ROOTS) {
        range.append(hash_leaf(&from_hex(leaf).expect("hexadecimal")));
        assert_eq!(range.root(), hash(root), "{} leaves", range.size());
    }
}

#[test]
fn rfc_6962_inclusion() {
    let cases: [(u64, u64, &[&str]); 5] = [
        (0, 1, &[]),
        (
            0,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            5,
            8,
            &[
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (2, 3, &["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            1,
            5,
            &[
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    for (index, size, path) in cases {
        let leaf = hash_leaf(&from_hex(LEAVES[index as usize]).expect("hexadecimal"));
        let (path, root) = (hashes(path), hash(ROOTS[size as usize - 1]));
        assert_eq!(verify_inclusion(&leaf, index, size, &path, &root), Ok(()), "{index} of {size}");
        // the probes of the reference tests: wrong index, size, leaf, root, and paths that are longer, shorter or changed
        let refused = |leaf: &Hash, index, size, path: &[Hash], root: &Hash| {
            assert!(verify_inclusion(leaf, index, size, path, root).is_err(), "{index} of {size}");
        };
        for other in [index.wrapping_sub(1), index + 1, index ^ 2, size] {
            refused(&leaf, other, size, &path, &root);
        }
        refused(&leaf, index, size * 2, &path, &root);
        refused(&leaf, index, size / 2, &path, &root);
        refused(&[0; 32], index, size, &path, &root);
        refused(&leaf, index, size, &path, &[0; 32]);
        refused(&leaf, index, size, &path, &empty_root());
        for more in [[0; 32], root] {
            refused(&leaf, index, size, &[path.as_slice(), &[more]].concat(), &root);
            refused(&leaf, index, size, &[&[more], path.as_slice()].concat(), &root);
        }
        for at in 0..path.len() {
            refused(&leaf, index, size, &path[..at], &root);
            let mut changed = path.clone();
            changed[at][31] ^= 8;
            refused(&leaf, index, size, &changed, &root);
        }
    }
}

#[test]
fn rfc_6962_consistency() {
    let cases: [(u64, u64, &[&str]); 4] = [
        (1, 1, &[]),
        (
            1,
            8,
            &[
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            &[
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            &[
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ];
    for (old, new, path) in cases {
        let (older, newer) = (hash(ROOTS[old as usize - 1]), hash(ROOTS[new as usize - 1]));
        let path = hashes(path);
        assert_eq!(verify_consistency((old, &older), (new, &newer), &path), Ok(()), "{old} to {new}");
        let refused = |old, older: &Hash, new, newer: &Hash, path: &[Hash]| {
            assert!(verify_consistency((old, older), (new, newer), path).is_err(), "{old} to {new}");
        };
        refused(old, &[0; 32], new, &newer, &path);
        refused(old, &older, new, &[0; 32], &path);
        refused(old + new, &older, new, &newer, &path);
        for at in 0..path.len() {
            refused(old, &older, new, &newer, &path[..at]);
            let mut changed = path.clone();
            changed[at][0] ^= 1;
            refused(old, &older, new, &newer, &changed);
        }
        refused(old, &older, new, &newer, &[path.as_slice(), &[[0; 32]]].concat());
        if old < new {
            refused(old, &newer, new, &older, &path);
            refused(new, &newer, old, &older, &path);
        }
    }
}

// ---- C2SP

/// The example of signed-note, as the Go module golang.org/x/mod/sumdb/note has it, with its key.
#[test]
fn c2sp_signed_note() {
    let key = NoteKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").expect("a key");
    assert_eq!((key.usage, key.id()), (KeyUse::Note, 0xc74f_20a3));
    let note = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
                — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let parsed = Note::parse(note.as_bytes()).expect("a note");
    let [line] = parsed.signatures.as_slice() else { panic!("one line") };
    assert!(key.claims(line));
    assert_eq!(key.verify(parsed.text.as_bytes(), &line.signature), Ok(()));
    assert!(Checkpoint::of_note(note.as_bytes()).is_err(), "a note, but no checkpoint");
}

/// A head of the Go checksum database, from which the example of tlog-checkpoint and tlog-cosignature took size, root and signature; under
/// the example's own origin the signature must not verify.
#[test]
fn c2sp_checkpoint() {
    let key = NoteKey::parse("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8").expect("a key");
    let signature = "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=";
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    for (origin, name, good) in [
        ("go.sum database tree", "sum.golang.org", true),
        ("example.com/behind-the-sofa", "example.com/behind-the-sofa", false),
    ] {
        let note = format!("{origin}\n20852163\n{root}\n\n— {name} {signature}\n");
        let parsed = Note::parse(note.as_bytes()).expect("a note");
        let checkpoint = Checkpoint::parse(parsed.text).expect("a checkpoint");
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), (origin, 20_852_163));
        assert_eq!(STANDARD.encode(checkpoint.root), root);
        let line = &parsed.signatures[0];
        assert_eq!((key.claims(line), line.key_id), (good, 0x033d_e0ae));
        assert_eq!(key.verify(parsed.text.as_bytes(), &line.signature).is_ok(), good);
    }
}

/// The cosignature of the same example: its key is not published, so only its form is checked: key id, time and 64 bytes.
#[test]
fn c2sp_cosignature() {
    let note = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
                — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
                — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let parsed = Note::parse(note.as_bytes()).expect("a note");
    let line = &parsed.signatures[1];
    assert_eq!((line.name, line.key_id, line.signature.len()), ("witness.example.com/w1", 0x8d66_cf3f, 72));
    assert_eq!(line.signature[..8], 1_679_315_147_u64.to_be_bytes());
}

/// The examples of tlog-tiles: a tree of 70,000 leaves, and paths.
#[test]
fn c2sp_tiles() {
    let size = 70_000;
    let width = |level, index| TileId { level, index }.width_at(size);
    assert!((0..273).all(|index| width(0, index) == TILE_WIDTH), "256 full tiles and more at level 0");
    assert_eq!((width(0, 273), width(0, 274)), (112, 0));
    assert_eq!((width(1, 0), width(1, 1), width(1, 2)), (256, 17, 0));
    assert_eq!((width(2, 0), width(2, 1), width(3, 0)), (1, 0, 0));
    for (id, width, path) in [
        (TileId { level: 0, index: 1_234_067 }, 256, "tile/0/x001/x234/067"),
        (TileId { level: 0, index: 273 }, 112, "tile/0/273.p/112"),
        (TileId { level: 1, index: 1 }, 17, "tile/1/001.p/17"),
        (TileId { level: 2, index: 0 }, 1, "tile/2/000.p/1"),
    ] {
        let tile = TilePath::Tile { id, width };
        assert_eq!(tile.write(), path);
        assert_eq!(path.strip_prefix("tile/").and_then(TilePath::parse), Some(tile));
    }
    let entries = TilePath::Entries { index: 273, width: 112 };
    assert_eq!(entries.write(), "tile/entries/273.p/112");
}
