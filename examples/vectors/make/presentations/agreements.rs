//! The credential's claims about its issuer, and those in addition to its record.

use lienthong::trust::Code;
use lienthong::trust::jose::encode_part;
use serde_json::{Value, json};

use super::case::{Case, bad, good};
use super::wallet::{Wallet, digest_of};

pub fn cases(wallet: &Wallet) -> Vec<Case> {
    let case = |name, shows, change: fn(&mut Value)| {
        bad(name, shows, wallet.resigned(change), Code::PayloadMismatch, &["record_agreement"])
    };
    let named = |iss: &'static str| wallet.resigned(move |claims| claims["iss"] = json!(iss));
    let misnamed = |name, shows, iss| bad(name, shows, named(iss), Code::IssuerMismatch, &["credential_signature"]);
    let lie = json!([encode_part(&[3; 32]), "number", "CĐ 999999"]);
    let lying = wallet.disclosing(&[&lie], |claims| claims["record"] = json!({ "_sd": [digest_of(&lie)] }));
    vec![
        good(
            "presentation-issuer-url",
            "The issuer is named by an https URL that ends with its origin.",
            &named("https://lienthong.example.vn/base/lienthong/H27/land"),
        ),
        misnamed(
            "presentation-issuer-url-other",
            "The URL ends with another origin.",
            "https://lienthong.example.vn/other-lienthong/H27/land",
        ),
        misnamed(
            "presentation-issuer-url-http",
            "The URL is not https.",
            "http://lienthong.example.vn/lienthong/H27/land",
        ),
        misnamed("presentation-issuer-url-no-host", "The URL is nothing but the origin.", "https://lienthong/H27/land"),
        case("presentation-vct-other", "Another type than the record's.", |claims| {
            claims["vct"] = json!("urn:lienthong:vct:vehicle.registration.v1");
        }),
        case("presentation-index-other", "Another status index than the statement's.", |claims| {
            claims["status"]["status_list"]["idx"] = json!(4);
        }),
        case("presentation-proof-missing", "There is no record in it.", |claims| claims["lienthong"] = Value::Null),
        case("presentation-leaf-changed", "A field's commitment is not among the leaves.", |claims| {
            claims["lienthong"]["leaves"][1] = json!(encode_part(&[0; 32]));
        }),
        bad(
            "presentation-value-other",
            "The issuer discloses another value than it signed into its log.",
            lying,
            Code::PayloadMismatch,
            &["record_agreement"],
        ),
        bad(
            "presentation-place-other",
            "Another ledger index than the path's.",
            wallet.resigned(|claims| claims["lienthong"]["ledger_proof"]["index"] = json!(2)),
            Code::Inclusion,
            &["ledger_inclusion"],
        ),
    ]
}
