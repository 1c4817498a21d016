//! A wallet with the usual record's credential, and the ways to present and to spoil it.

use lienthong::base::Seed;
use lienthong::trust::credential::{self, Frame};
use lienthong::trust::jose::{self, decode_part, encode_part};
use lienthong::trust::sd_jwt::{Presented, sign_binding};
use lienthong::trust::{Ed25519Signer, PublicKey, Signer as _};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::make::world::{NOW, World, issued};

pub const NONCE: &str = "4f1c6a";
pub const AUDIENCE: &str = "https://bank.example.vn";

/// The holder of the wallet.
pub fn holder() -> Ed25519Signer {
    Ed25519Signer::from_seed("holder", &Seed::root(77))
}

/// A credential of the usual record, with all its disclosures.
pub struct Wallet {
    pub world: World,
    pub credential: String,
}

impl Wallet {
    pub fn new() -> Self {
        let (world, record) = issued();
        let key = PublicKey::new(holder().algorithm(), holder().public_key()).expect("a key");
        let frame = Frame {
            issuer: world.land.origin(),
            holder: &key,
            status_uri: "https://lienthong.example.vn/status/land/land.parcel.v1",
            issued_at: NOW.plus_ms(-1_000),
            expires_at: NOW.plus_ms(3_600_000),
        };
        let credential = credential::issue(&record, &frame, &*world.land.signer).expect("issues");
        Self { world, credential }
    }

    /// The credential with these fields only.
    pub fn showing(&self, fields: &[&str]) -> String {
        let presented = Presented::parse(&self.credential).expect("parses");
        presented.select(|name, _| name.is_some_and(|name| fields.contains(&name))).expect("selects")
    }

    /// The credential with other claims, signed again by its issuer, and its disclosures.
    pub fn resigned(&self, change: impl FnOnce(&mut Value)) -> String {
        let (token, rest) = self.credential.split_once('~').expect("parts");
        format!("{}~{rest}", self.token(token, change))
    }

    /// The same with these disclosures in place of its own; `change` puts their digests in.
    pub fn disclosing(&self, disclosures: &[&Value], change: impl FnOnce(&mut Value)) -> String {
        let (token, _) = self.credential.split_once('~').expect("parts");
        let texts: String = disclosures.iter().map(|one| format!("{}~", text_of(one))).collect();
        format!("{}~{texts}", self.token(token, change))
    }

    fn token(&self, token: &str, change: impl FnOnce(&mut Value)) -> String {
        let payload = decode_part(token.split('.').nth(1).expect("a payload")).expect("base64url");
        let mut claims: Value = serde_json::from_slice(&payload).expect("JSON");
        change(&mut claims);
        let claims: Map<String, Value> = claims.as_object().cloned().expect("an object");
        jose::sign(credential::TYPE, &claims, &*self.world.land.signer).expect("signs")
    }

    /// The credential under another header; the signature is the old one.
    pub fn headed(&self, change: impl FnOnce(&mut Value)) -> String {
        let (header, rest) = self.credential.split_once('.').expect("parts");
        let mut header: Value = serde_json::from_slice(&decode_part(header).expect("base64url")).expect("JSON");
        change(&mut header);
        format!("{}.{rest}", encode_part(header.to_string().as_bytes()))
    }
}

pub fn text_of(disclosure: &Value) -> String {
    encode_part(disclosure.to_string().as_bytes())
}

pub fn digest_of(disclosure: &Value) -> String {
    digest_of_text(&text_of(disclosure))
}

pub fn digest_of_text(text: &str) -> String {
    encode_part(&Sha256::digest(text.as_bytes()))
}

pub fn bind(text: &str) -> String {
    sign_binding(text, NONCE, AUDIENCE, NOW, &holder()).expect("binds")
}
