//! The token's form, signature and validity: RFC 9901, section 7.1, steps 1, 2 and 6.

use lienthong::trust::Code;
use lienthong::trust::jose::{decode_part, encode_part};
use serde_json::{Value, json};

use super::case::{Case, bad};
use super::wallet::Wallet;
use crate::make::world::NOW;

pub fn cases(wallet: &Wallet) -> Vec<Case> {
    let untrusted = |name, shows, text| bad(name, shows, text, Code::NoTrustedSignature, &["credential_signature"]);
    let late = |name, shows, change: fn(&mut Value)| {
        bad(name, shows, wallet.resigned(change), Code::Expired, &["credential_times"])
    };
    let (token, rest) = wallet.credential.split_once('~').expect("parts");
    let (signed, signature) = token.rsplit_once('.').expect("parts");
    let mut changed = decode_part(signature).expect("base64url");
    changed[9] ^= 1;
    let unsigned = wallet.headed(|header| header["alg"] = json!("none")).replacen(signature, "", 1);
    vec![
        bad("presentation-no-tilde", "The token alone.", token.to_owned(), Code::Malformed, &["credential_form"]),
        bad(
            "presentation-unsigned",
            "The header says that nobody signed, and nobody did.",
            unsigned,
            Code::Malformed,
            &["credential_form"],
        ),
        untrusted(
            "presentation-alg-none",
            "The header says that nobody signed, although there is a signature.",
            wallet.headed(|header| header["alg"] = json!("none")),
        ),
        untrusted(
            "presentation-alg-other",
            "The header names another algorithm than the key's.",
            wallet.headed(|header| header["alg"] = json!("ES256")),
        ),
        untrusted(
            "presentation-type-other",
            "The header names another type of token.",
            wallet.headed(|header| header["typ"] = json!("JWT")),
        ),
        untrusted(
            "presentation-key-unknown",
            "The header names a key that the anchor does not know.",
            wallet.headed(|header| header["kid"] = json!("00".repeat(32))),
        ),
        untrusted(
            "presentation-signature-changed",
            "One bit of the signature.",
            format!("{signed}.{}~{rest}", encode_part(&changed)),
        ),
        Case {
            at: NOW.plus_ms(3_600_000),
            ..bad(
                "presentation-expired",
                "Its `exp` has come.",
                wallet.credential.clone(),
                Code::Expired,
                &["credential_times"],
            )
        },
        late("presentation-without-exp", "It has no `exp`.", |claims| claims["exp"] = Value::Null),
        late("presentation-not-yet", "Its `nbf` is more than five minutes ahead.", |claims| {
            claims["nbf"] = json!(NOW.0 / 1_000 + 301);
        }),
    ]
}
