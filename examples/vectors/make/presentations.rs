//! Presentations of wallets: good ones, every negative case of RFC 9901 section 7, and credentials that do not agree with their record.

use lienthong::trust::commitment::field_leaf;
use lienthong::trust::jose::{decode_part, encode_part};
use lienthong::trust::{Code, KeyState};
use serde_json::{Value, json};

use case::{Case, bad, file, good};
use wallet::{Wallet, bind, digest_of_text};

mod agreements;
mod bindings;
mod case;
mod disclosures;
mod tokens;
mod wallet;

pub fn all() -> Vec<(String, String)> {
    let wallet = Wallet::new();
    let cases = [
        presented(&wallet),
        disclosures::cases(&wallet),
        tokens::cases(&wallet),
        bindings::cases(&wallet),
        agreements::cases(&wallet),
    ];
    let mut files: Vec<(String, String)> =
        cases.iter().flatten().map(|case| file(case, &wallet.world.anchor)).collect();
    files.push(out_of_use(&wallet));
    files
}

fn presented(wallet: &Wallet) -> Vec<Case> {
    let whole = wallet.credential.clone();
    vec![
        good("presentation-whole", "Every field is shown.", &whole),
        good("presentation-part", "Two of five fields are shown.", &wallet.showing(&["area_m2", "holder"])),
        good("presentation-nothing", "No field is shown: the holder has such a document.", &wallet.showing(&[])),
        Case {
            asked: false,
            text: whole,
            ..good("presentation-unbound", "Nobody asked for a key binding.", &wallet.credential)
        },
    ]
}

/// The worked example: a presentation of two fields, taken apart.
pub fn example() -> String {
    let wallet = Wallet::new();
    let text = bind(&wallet.showing(&["area_m2", "holder"]));
    let (token, rest) = text.split_once('~').expect("parts");
    let (first, _) = rest.split_once('~').expect("a disclosure");
    let (bound, binding) = text.rsplit_once('~').expect("parts");
    let part = |token: &str, at| {
        let bytes = decode_part(token.split('.').nth(at).expect("a part")).expect("base64url");
        let mut json: Value = serde_json::from_slice(&bytes).expect("JSON");
        if let Some(record) = json.get_mut("lienthong") {
            *record = json!("…");
        }
        json.to_string()
    };
    let disclosure: Value = serde_json::from_slice(&decode_part(first).expect("base64url")).expect("JSON");
    let salt = decode_part(disclosure[0].as_str().expect("text")).expect("base64url");
    let value = disclosure[2].to_string();
    let leaf = field_leaf(&salt.try_into().expect("32 bytes"), disclosure[1].as_str().expect("text"), value.as_bytes());
    format!(
        "header      {}\nclaims      {}\ndisclosure  {first}\n            {disclosure}\ndigest      {}\nleaf        {}\nbinding     {}\n            \
         {}\nsd_hash     over {} characters\n",
        part(token, 0),
        part(token, 1),
        digest_of_text(first),
        encode_part(&leaf),
        part(binding, 0),
        part(binding, 1),
        bound.len() + 1,
    )
}

/// The key was rotated: whether before or after the credential is unknown.
fn out_of_use(wallet: &Wallet) -> (String, String) {
    let mut anchor = wallet.world.anchor.clone();
    anchor.issuers[0].keys[0].state = KeyState::Rotated { event_index: 1_000 };
    let case = bad(
        "presentation-key-rotated",
        "The issuer's key was rotated, and a credential has no ledger index that tells whether it was issued before or after.",
        wallet.credential.clone(),
        Code::NoPoe,
        &["credential_signature"],
    );
    file(&case, &anchor)
}
