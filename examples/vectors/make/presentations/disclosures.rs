//! Agreement of claims and disclosures: RFC 9901, section 7.1, steps 3 to 5.

use lienthong::trust::Code;
use lienthong::trust::jose::encode_part;
use serde_json::{Value, json};

use super::case::{Case, bad};
use super::wallet::{Wallet, digest_of, text_of};

pub fn cases(wallet: &Wallet) -> Vec<Case> {
    let case = |name, shows, text| bad(name, shows, text, Code::PayloadMismatch, &["disclosures"]);
    let (member, element) = (json!(["c2FsdA", "number", "CĐ 1"]), json!(["c2FsdA", "CĐ 1"]));
    let listed = |one: &Value| {
        let digest = digest_of(one);
        move |claims: &mut Value| claims["record"] = json!({ "_sd": [digest] })
    };
    let of_form = |name, shows, one: Value| case(name, shows, wallet.disclosing(&[&one], listed(&one)));
    let claims = |name, shows, change: fn(&mut Value)| case(name, shows, wallet.resigned(change));
    let first = wallet.credential.split('~').nth(1).expect("a disclosure");
    let outer = json!(["c2FsdA", "outer", { "_sd": [digest_of(&member)] }]);
    let not_json = wallet.credential.replacen(first, &encode_part(b"[1,"), 1);
    vec![
        claims("presentation-sd-alg", "Digests of an algorithm that is not SHA-256.", |claims| {
            claims["_sd_alg"] = json!("sha-512")
        }),
        claims("presentation-sd-no-list", "`_sd` is not a list.", |claims| claims["record"]["_sd"] = json!("x")),
        claims("presentation-digest-number", "A digest is a number.", |claims| claims["record"]["_sd"] = json!([1])),
        claims("presentation-digest-twice", "One digest occurs twice.", |claims| {
            claims["again"] = json!({ "_sd": [claims["record"]["_sd"][0]] });
        }),
        claims(
            "presentation-element-with-more",
            "An array element has a member in addition to its digest.",
            |claims| {
                claims["list"] = json!([{ "...": "x", "more": 1 }]);
            },
        ),
        claims("presentation-name-taken", "A disclosed name is present already.", |claims| {
            claims["record"]["number"] = json!("CĐ 1");
        }),
        case("presentation-not-json", "A disclosure is not JSON.", not_json),
        of_form("presentation-one-part", "A disclosure with a salt alone.", json!(["c2FsdA"])),
        of_form(
            "presentation-four-parts",
            "A disclosure with an element after its value.",
            json!(["c2FsdA", "number", "CĐ 1", 1]),
        ),
        of_form("presentation-object", "A disclosure that is not an array.", json!({ "number": "CĐ 1" })),
        of_form("presentation-name-number", "A name that is a number.", json!(["c2FsdA", 1, "CĐ 1"])),
        of_form("presentation-salt-number", "A salt that is a number.", json!([1, "number", "CĐ 1"])),
        of_form("presentation-name-sd", "The name `_sd`.", json!(["c2FsdA", "_sd", []])),
        of_form("presentation-name-dots", "The name `...`.", json!(["c2FsdA", "...", "x"])),
        of_form(
            "presentation-element-in-object",
            "An array element's disclosure among an object's members.",
            element.clone(),
        ),
        case(
            "presentation-member-in-array",
            "An object member's disclosure in an array.",
            wallet.disclosing(&[&member], |claims| {
                claims["record"] = json!({});
                claims["list"] = json!([{ "...": digest_of(&member) }]);
            }),
        ),
        case(
            "presentation-unreferenced",
            "A disclosure that no digest refers to.",
            format!("{}{}~", wallet.credential, text_of(&json!(["c2FsdA", "more", 1]))),
        ),
        case("presentation-sent-twice", "A disclosure is sent twice.", format!("{}{first}~", wallet.credential)),
        case(
            "presentation-outer-missing",
            "A disclosure belongs to another, which was not sent.",
            wallet.disclosing(&[&member], listed(&outer)),
        ),
    ]
}
