//! Where fuzzing begins: inputs of each parser, taken out of the test vectors, and a few small ones by hand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// Pairs of a parser's name (as in [`properties::ALL`](crate::properties::ALL)) and an input, each once.
pub type Seeds = BTreeSet<(&'static str, Vec<u8>)>;

/// Before a fuzzer reads its corpus: writes its seeds to the folder that the variable `SEEDS` names, if it is set.
pub fn plant(target: &str) {
    let Some(folder) = std::env::var_os("SEEDS").map(PathBuf::from) else { return };
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors");
    let write = |(number, bytes): (usize, &[u8])| std::fs::write(folder.join(format!("seed-{number:04}")), bytes);
    let planted = seeds(&vectors).and_then(|seeds| {
        std::fs::create_dir_all(&folder)?;
        seeds
            .iter()
            .filter(|(name, _)| *name == target)
            .map(|(_, bytes)| bytes.as_slice())
            .enumerate()
            .try_for_each(write)
    });
    planted.unwrap_or_else(|error| panic!("seeds for {target} in {}: {error}", folder.display()));
}

/// Reads the folder of vectors.
pub fn seeds(vectors: &Path) -> std::io::Result<Seeds> {
    let mut seeds = Seeds::new();
    for entry in std::fs::read_dir(vectors)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let json = std::fs::read(&path)?;
            let vector: Value = serde_json::from_slice(&json)
                .map_err(|error| std::io::Error::other(format!("{} is not JSON: {error}", path.display())))?;
            walk(&vector, &mut seeds);
        }
    }
    by_hand(&mut seeds);
    Ok(seeds)
}

/// Takes every part of a vector that a parser reads, by its name.
fn walk(value: &Value, seeds: &mut Seeds) {
    match value {
        Value::Object(object) => {
            for anchor in ["trust_anchor", "next"].iter().filter_map(|name| object.get(*name)) {
                seeds.insert(("anchor", anchor.to_string().into_bytes()));
            }
            for (path, text) in object.get("files").and_then(Value::as_object).into_iter().flatten() {
                add_tile(path, text.as_str().unwrap_or_default(), seeds);
            }
            add_proof(object, seeds);
            for record in object.get("records").and_then(Value::as_array).into_iter().flatten() {
                seeds.insert(("json", [b"\x1f", record.to_string().as_bytes()].concat()));
                let pretty = serde_json::to_string_pretty(record).unwrap_or_default();
                seeds.insert(("json", [b"\x00", pretty.as_bytes()].concat()));
            }
            for token in object.get("status_lists").and_then(Value::as_array).into_iter().flatten() {
                add_token(token.as_str().unwrap_or_default(), seeds);
            }
            for (name, item) in object {
                if let Some(text) = item.as_str() {
                    add_text(name, text, seeds);
                }
                walk(item, seeds);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, seeds)),
        _ => {}
    }
}

fn add_text(name: &str, text: &str, seeds: &mut Seeds) {
    let bytes = STANDARD.decode(text);
    match (name, bytes) {
        ("statement", Ok(bytes)) => {
            seeds.insert(("statement", [b"\x01", bytes.as_slice()].concat()));
            let length = u32::try_from(bytes.len()).unwrap_or_default().to_be_bytes();
            seeds.insert(("statement", [&length[..], &bytes, &length, &bytes].concat()));
            seeds.insert(("statement", bytes));
        }
        ("payload" | "value", Ok(bytes)) => {
            seeds.insert(("canonical", bytes));
        }
        ("checkpoint", _) => {
            seeds.insert(("note", text.as_bytes().to_vec()));
        }
        ("presentation", _) => {
            seeds.insert(("sd_jwt", text.as_bytes().to_vec()));
            text.split('~').filter(|part| part.contains('.')).for_each(|token| drop(add_signed(token, seeds)));
        }
        ("policy", _) => {
            let keys = text.split_whitespace().filter(|word| word.contains('+'));
            seeds.extend(keys.map(|key| ("note", key.as_bytes().to_vec())));
        }
        _ => {}
    }
}

/// The content that a log serves at a path.
fn add_tile(path: &str, text: &str, seeds: &mut Seeds) {
    if let (Some(path), Ok(bytes)) = (path.strip_prefix("tile/"), STANDARD.decode(text)) {
        seeds.insert(("tile", [path.as_bytes(), b"\n", &bytes].concat()));
    }
}

/// A status list: its token, and its claims, which the property signs again.
fn add_token(text: &str, seeds: &mut Seeds) {
    if let Some(claims) = add_signed(text, seeds) {
        seeds.insert(("status_list", claims));
    }
}

/// A token, and its header and claims, which the property signs again; gives the claims.
fn add_signed(text: &str, seeds: &mut Seeds) -> Option<Vec<u8>> {
    seeds.insert(("token", text.as_bytes().to_vec()));
    let mut parts = text.split('.').map(|part| URL_SAFE_NO_PAD.decode(part));
    let (header, claims) = (parts.next()?.ok()?, parts.next()?.ok()?);
    seeds.insert(("token", [header.as_slice(), b"\n", &claims].concat()));
    Some(claims)
}

/// A proof in a record, or in a vector of trees.
fn add_proof(object: &serde_json::Map<String, Value>, seeds: &mut Seeds) {
    let number = |name: &str| {
        let value = object.get(name)?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    };
    let length = |list: &Value| list.as_array().map_or(0, Vec::len);
    let proof = |first: u64, second: u64, path: usize| {
        let path: Vec<u8> = (0..=255).cycle().take(path).collect();
        ("proof", [&first.to_be_bytes()[..], &second.to_be_bytes(), &path].concat())
    };
    let size = || object.get("checkpoint")?.as_str()?.lines().nth(1)?.parse().ok();
    if let (Some(path), Some(size)) = (object.get("path"), size()) {
        seeds.insert(proof(number("index").unwrap_or_default(), size, length(path)));
    }
    let Some(size) = number("size") else { return };
    for (list, place) in [("inclusion", "index"), ("consistency", "old_size"), ("refused_consistency", "old_size")] {
        for one in object.get(list).and_then(Value::as_array).into_iter().flatten() {
            let first = one.get(place).and_then(Value::as_u64).unwrap_or_default();
            seeds.insert(proof(first, size, one.get("path").map_or(0, length)));
        }
    }
}

/// Inputs that the vectors have only inside signed tokens, or not at all; claims and disclosures as the property signs them.
fn by_hand(seeds: &mut Seeds) {
    for rule in [
        "self.kind in ['car', 'bus'] && !(self.seats > 9)",
        "has(self.from) ? self.from <= today : self.seats == -1",
        "self.grades.all(g, g.mark * 2 - 1 < 20 || g.note.matches('^[a-z]+$'))",
        "size(self.grades.filter(g, g.mark % 2 == 1).map(g, g.note)) / 2 >= 0",
        "yearsBetween(self.from, today) > int('3') && self.is_new",
        "self.grades[0].note.startsWith(\"gi\") == self.kind.contains('a')",
    ] {
        seeds.insert(("cel", rule.as_bytes().to_vec()));
    }
    for (path, hashes) in
        [("0/000", 256), ("63/x001/x234/067.p/3", 3), ("entries/x001/000.p/255", 255), ("1/000.p/1", 1)]
    {
        let row: Vec<u8> = (0..=255).cycle().take(hashes * 32).collect();
        seeds.insert(("tile", [path.as_bytes(), b"\n", &row].concat()));
    }
    for text in [
        "{\"alg\":\"EdDSA\",\"kid\":\"00\",\"typ\":\"jwt\"}\n{\"iss\":\"x\",\"exp\":1900000000}",
        "{\"alg\":\"none\",\"typ\":\"JWT\"}\n{}",
        "{\"alg\":\"Ed25519\",\"crit\":[\"b64\"],\"b64\":false,\"typ\":\"application/jwt\"}\n{\"a\":[{\"b\":1.5e3}],\"c\":null}",
        "e30.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        seeds.insert(("token", text.into()));
    }
    for text in [
        "{\"_sd\":[\"#0\",\"#2\",\"decoy\"],\"_sd_alg\":\"sha-256\",\"exp\":1900000000}\n[\"s\",\"name\",\"An\"]\n[\"t\",\"street\",\"x\"]\n[\"u\",\"address\",{\"_sd\":[\"#1\"],\"commune\":1}]",
        "{\"classes\":[\"A1\",{\"...\":\"#0\"},{\"...\":\"decoy\"}]}\n[\"s\",\"B\"]",
        "{\"a\":{\"...\":\"#0\"}}\n[\"s\",\"B\"]",
        "{\"_sd\":[\"#0\",\"#0\"]}\n[\"s\",\"_sd\",[]]",
        "{\"_sd\":[\"#0\"],\"name\":1}\n[\"s\",\"name\",{\"x\":[]}]",
        "e30.e30.AA~WyJzIiwiYSIsMV0~",
    ] {
        seeds.insert(("sd_jwt", text.into()));
    }
    for text in [
        " {\"a\":\"}\\\"\\\\\"} [1,{\"b\":[]}]\"x\" 12 true{}",
        "{\"a\":[-12,0.5e-3,null,false],\"\\u00e9\\ud83d\\ude00\\/\":\"ế\\n\"}",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "{\"a\":1,\"a\":9223372036854775808}        [  ]",
    ] {
        seeds.insert(("json", [b"\x02", text.as_bytes()].concat()));
    }
    // zlib streams: nothing; two bytes, deflated and stored
    let streams = [(0_u32, "eJwDAAAAAAE"), (8, "eNqT1AMAAGIASA"), (8, "eAEBAgD9_xkuAGIASA")];
    for (count, stream) in streams {
        let bytes = URL_SAFE_NO_PAD.decode(stream).unwrap_or_default();
        seeds.insert(("status_list", [&count.to_be_bytes()[..], &bytes].concat()));
        let claims = format!(
            "{{\"iss\":\"lienthong/H27/land\",\"sub\":\"x\",\"iat\":1,\"exp\":2,\"ttl\":3,\"status_list\":{{\"bits\":2,\"lst\":\"{stream}\"}},\
             \"lienthong\":{{\"issuer\":\"land\",\"schema\":\"land.parcel.v1\",\"count\":{count},\"ledger_size\":9}}}}"
        );
        seeds.insert(("status_list", claims.into_bytes()));
    }
}
