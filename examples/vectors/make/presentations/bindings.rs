//! The key binding: RFC 9901, section 7.3.

use lienthong::base::{Seed, Timestamp};
use lienthong::trust::jose::{self, encode_part};
use lienthong::trust::sd_jwt::sign_binding;
use lienthong::trust::{Ed25519Signer, Signer};
use serde_json::json;

use super::case::{Case, badly_bound};
use super::wallet::{AUDIENCE, NONCE, Wallet, bind, digest_of_text, holder};
use crate::make::world::NOW;

pub fn cases(wallet: &Wallet) -> Vec<Case> {
    let whole = &wallet.credential;
    let bound_by = |nonce: &str, audience: &str, at: Timestamp, signer: &dyn Signer| {
        sign_binding(whole, nonce, audience, at, signer).expect("binds")
    };
    let stranger = Ed25519Signer::from_seed("holder", &Seed::root(78));
    let bound = bind(whole);
    let (_, binding) = bound.rsplit_once('~').expect("parts");
    let (_, behind) = binding.split_once('.').expect("parts");
    let none = encode_part(br#"{"alg":"none","typ":"kb+jwt"}"#);
    let of_type = |typ: &str| {
        let claims = json!({ "iat": NOW.0 / 1_000, "aud": AUDIENCE, "nonce": NONCE, "sd_hash":
            digest_of_text(whole) });
        format!("{whole}{}", jose::sign(typ, claims.as_object().expect("an object"), &holder()).expect("signs"))
    };
    vec![
        badly_bound(
            "presentation-binding-missing",
            "There is none, although the verifier asked for one.",
            whole.clone(),
        ),
        badly_bound(
            "presentation-binding-key",
            "Another key than the holder's.",
            bound_by(NONCE, AUDIENCE, NOW, &stranger),
        ),
        badly_bound(
            "presentation-binding-nonce",
            "The nonce of another request.",
            bound_by("another", AUDIENCE, NOW, &holder()),
        ),
        badly_bound(
            "presentation-binding-audience",
            "It was made for another verifier.",
            bound_by(NONCE, "https://shop.example.vn", NOW, &holder()),
        ),
        badly_bound(
            "presentation-binding-old",
            "It is more than ten minutes old.",
            bound_by(NONCE, AUDIENCE, NOW.plus_ms(-601_000), &holder()),
        ),
        badly_bound(
            "presentation-binding-ahead",
            "It is more than five minutes ahead.",
            bound_by(NONCE, AUDIENCE, NOW.plus_ms(302_000), &holder()),
        ),
        badly_bound(
            "presentation-binding-of-more",
            "Disclosures were taken away after it was bound.",
            format!("{}{binding}", wallet.showing(&["number"])),
        ),
        badly_bound("presentation-binding-type", "Another type of token.", of_type("JWT")),
        badly_bound(
            "presentation-binding-alg-none",
            "It says that nobody signed it.",
            format!("{whole}{none}.{behind}"),
        ),
    ]
}
