//! Signed JSON tokens as the rest of the world knows them: compact JWS (RFC 7515, 7519) and public keys as JWK (RFC 7517,
//! 8037).
//!
//! Known mistakes of other projects are impossible here: the algorithm is the key's, and a header that names another one, or
//! `none`, is refused before anything is verified; nothing in a header (`jwk`, `x5c`, `jku`) is ever accepted as a key;
//! `crit` names nothing that we know, so it is refused.
//!
//! Our own keys also sign checkpoints. The two can't be mistaken for each other: a token's signed bytes are base64url
//! with one dot in them, a checkpoint's begin with an origin and a line feed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::json::parse_object;
use super::keys::{Algorithm, BadSignature, PublicKey, Signer};
use crate::base::id::to_hex;
use crate::base::{Error, Result};

/// The longest header, in characters.
const HEADER_CHARS_MAX: usize = 4_096;

/// The reason why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is not three parts of base64url with JSON objects in the first two.
    #[error("the token is malformed: {0}")]
    Malformed(String),
    /// Its header requires something unsupported.
    #[error("the token's header is refused: {0}")]
    Header(String),
    /// It is of another type.
    #[error("the token's type is not {0}")]
    Type(&'static str),
    /// It names another algorithm than the key's, or `none`.
    #[error("the token's algorithm is `{0}`, which is not that of the key")]
    Algorithm(String),
    /// The signature does not verify.
    #[error("the token's signature does not verify")]
    Signature,
}

impl From<BadSignature> for TokenError {
    fn from(_: BadSignature) -> Self {
        Self::Signature
    }
}

/// A compact token, taken apart; nothing in it is verified yet.
#[derive(Debug, Clone)]
pub struct Token<'a> {
    header: Map<String, Value>,
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

/// Base64url without padding.
pub fn encode_part(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url without padding, in its one spelling.
pub fn decode_part(text: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|error| TokenError::Malformed(format!("not base64url ({error})")))
}

/// The name of a key's algorithm in headers.
pub fn algorithm_name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Ed25519 => "EdDSA",
        Algorithm::EcdsaP256 => "ES256",
    }
}

impl<'a> Token<'a> {
    /// Takes a token apart. Its length is the caller's to limit.
    pub fn parse(text: &'a str) -> Result<Self, TokenError> {
        let malformed = |why: &str| TokenError::Malformed(why.to_owned());
        let (signed, signature) = text.rsplit_once('.').ok_or_else(|| malformed("there is no signature"))?;
        let (header, payload) = signed.split_once('.').ok_or_else(|| malformed("there is no payload"))?;
        if header.len() > HEADER_CHARS_MAX {
            return Err(malformed("the header is too long"));
        }
        if payload.contains('.') {
            return Err(malformed("there are more than three parts"));
        }
        let header = parse_object(&decode_part(header)?).map_err(TokenError::Malformed)?;
        for refused in ["crit", "b64"] {
            if header.contains_key(refused) {
                return Err(TokenError::Header(format!("`{refused}` is not supported")));
            }
        }
        if signature.len() != 86 {
            return Err(match header.get("alg").and_then(Value::as_str) {
                Some(none) if none.eq_ignore_ascii_case("none") => TokenError::Algorithm(none.to_owned()),
                _ => malformed("the signature is not 64 bytes long"),
            });
        }
        Ok(Self { header, signed, payload, signature: decode_part(signature)? })
    }

    /// A text of the header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header.get(name)?.as_str()
    }

    /// A member of the header.
    pub fn header_value(&self, name: &str) -> Option<&Value> {
        self.header.get(name)
    }

    /// Verifies type, algorithm and signature against a key that the caller trusts, then reads the claims.
    pub fn verify(&self, typ: &'static str, key: &PublicKey) -> Result<Map<String, Value>, TokenError> {
        // "application/" may precede a type (RFC 7515 section 4.1.9), and types know no case.
        let found = self.header("typ").unwrap_or_default();
        let bare =
            found.get(..12).filter(|head| head.eq_ignore_ascii_case("application/")).map_or(found, |_| &found[12..]);
        if !bare.eq_ignore_ascii_case(typ) {
            return Err(TokenError::Type(typ));
        }
        let algorithm = self.header("alg").unwrap_or_default();
        // RFC 9864 gives EdDSA with this curve a name of its own.
        let fully_named = key.algorithm() == Algorithm::Ed25519 && algorithm == "Ed25519";
        if algorithm != algorithm_name(key.algorithm()) && !fully_named {
            return Err(TokenError::Algorithm(algorithm.chars().take(32).collect()));
        }
        key.verify_fixed(self.signed.as_bytes(), &self.signature)?;
        self.claims_unverified()
    }

    /// The claims of a token whose key must be found in them. Nothing of it may be used before [`Self::verify`].
    pub fn claims_unverified(&self) -> Result<Map<String, Value>, TokenError> {
        parse_object(&decode_part(self.payload)?).map_err(TokenError::Malformed)
    }
}

/// Signs claims as a compact token whose header names type, algorithm and the key's id.
pub fn sign(typ: &str, claims: &Map<String, Value>, signer: &dyn Signer) -> Result<String> {
    let key = PublicKey::new(signer.algorithm(), signer.public_key()).map_err(Error::bug)?;
    sign_naming(typ, ("kid", to_hex(&key.id()).into()), claims, signer)
}

/// [`sign`], but the header names the key by another member.
pub fn sign_naming(
    typ: &str,
    (name, of_key): (&str, Value),
    claims: &Map<String, Value>,
    signer: &dyn Signer,
) -> Result<String> {
    let header = json!({ "alg": algorithm_name(signer.algorithm()), name: of_key, "typ": typ });
    let payload = serde_json::to_vec(claims).map_err(Error::bug)?;
    let signed = format!("{}.{}", encode_part(header.to_string().as_bytes()), encode_part(&payload));
    let signature = signer.algorithm().to_fixed(signer.sign(signed.as_bytes())?)?;
    Ok(format!("{signed}.{}", encode_part(&signature)))
}

/// A public key as JWK.
pub fn to_jwk(key: &PublicKey) -> Value {
    match key.algorithm() {
        Algorithm::Ed25519 => json!({ "crv": "Ed25519", "kty": "OKP", "x": encode_part(key.bytes()) }),
        Algorithm::EcdsaP256 => {
            let (x, y) = key.bytes()[1..].split_at(32);
            json!({ "crv": "P-256", "kty": "EC", "x": encode_part(x), "y": encode_part(y) })
        }
    }
}

/// Reads a public key from a JWK. A private one is refused: sending it has disclosed it.
pub fn from_jwk(jwk: &Value) -> Result<PublicKey, TokenError> {
    let refused = |why: &str| TokenError::Malformed(format!("the JWK {why}"));
    let text = |name: &str| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
    if jwk.get("d").is_some() {
        return Err(refused("is a private key"));
    }
    let (algorithm, bytes) = match (text("kty"), text("crv")) {
        ("OKP", "Ed25519") => (Algorithm::Ed25519, decode_part(text("x"))?),
        ("EC", "P-256") => {
            let (x, y) = (decode_part(text("x"))?, decode_part(text("y"))?);
            if x.len() != 32 || y.len() != 32 {
                return Err(refused("has coordinates of the wrong length"));
            }
            (Algorithm::EcdsaP256, [&[4], &x[..], &y[..]].concat())
        }
        _ => return Err(refused("is neither Ed25519 nor P-256")),
    };
    PublicKey::new(algorithm, &bytes).map_err(|error| TokenError::Malformed(error.to_string()))
}

/// Reads a public key from a `did:jwk`, perhaps with the fragment of its one verification method: the DID is the JWK itself.
pub fn from_did_jwk(did: &str) -> Result<PublicKey, TokenError> {
    let refused = || TokenError::Malformed("the DID is not `did:jwk:` and a JWK in base64url".to_owned());
    let encoded = did.strip_prefix("did:jwk:").ok_or_else(refused)?;
    let encoded = encoded.strip_suffix("#0").unwrap_or(encoded);
    let jwk = parse_object(&decode_part(encoded)?).map_err(TokenError::Malformed)?;
    from_jwk(&Value::Object(jwk))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;
    use crate::trust::{Ed25519Signer, P256Signer};

    fn signers() -> [Box<dyn Signer>; 2] {
        let pkcs8 = P256Signer::generate_pkcs8().expect("a key");
        [
            Box::new(Ed25519Signer::from_seed("a", &Seed::root(1))),
            Box::new(P256Signer::from_pkcs8("b", &pkcs8).expect("a key")),
        ]
    }

    fn key(signer: &dyn Signer) -> PublicKey {
        PublicKey::new(signer.algorithm(), signer.public_key()).expect("a key")
    }

    fn claims() -> Map<String, Value> {
        json!({ "iss": "x", "iat": 5 }).as_object().cloned().expect("an object")
    }

    #[test]
    fn a_token_verifies_with_its_key_and_no_other() {
        for signer in signers() {
            let text = sign("x+jwt", &claims(), &*signer).expect("signs");
            let token = Token::parse(&text).expect("a token");
            assert_eq!(token.verify("x+jwt", &key(&*signer)), Ok(claims()));
            assert_eq!(token.verify("y+jwt", &key(&*signer)), Err(TokenError::Type("y+jwt")));
            for other in signers().iter().map(|other| key(&**other)).filter(|other| *other != key(&*signer)) {
                assert!(token.verify("x+jwt", &other).is_err());
            }
            for at in 0..text.len() {
                let mut changed = text.clone().into_bytes();
                changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
                let changed = String::from_utf8(changed).expect("ASCII");
                let verdict = Token::parse(&changed).and_then(|token| token.verify("x+jwt", &key(&*signer)));
                assert!(verdict.is_err(), "{at}");
            }
        }
    }

    #[test]
    fn a_header_decides_nothing() {
        for signer in signers() {
            let text = sign("x+jwt", &claims(), &*signer).expect("signs");
            let (_, rest) = text.split_once('.').expect("parts");
            for header in [
                json!({ "alg": "none", "typ": "x+jwt" }),
                json!({ "alg": "None", "typ": "x+jwt" }),
                json!({ "alg": "HS256", "typ": "x+jwt" }),
                json!({ "alg": "RS256", "typ": "x+jwt" }),
                json!({ "typ": "x+jwt" }),
                json!({ "alg": algorithm_name(signer.algorithm()), "typ": "x+jwt", "crit": ["exp"] }),
                json!({ "alg": algorithm_name(signer.algorithm()), "typ": "x+jwt", "jwk": to_jwk(&key(&*signer)) }),
            ] {
                let forged = format!("{}.{rest}", encode_part(header.to_string().as_bytes()));
                let verdict = Token::parse(&forged).and_then(|token| token.verify("x+jwt", &key(&*signer)));
                assert!(verdict.is_err(), "{header}");
            }
        }
        let none = format!("{}.e30.", encode_part(br#"{"alg":"none"}"#));
        assert_eq!(Token::parse(&none).map(|_| ()), Err(TokenError::Algorithm("none".into())));
        for bad in ["", ".", "..", "e30.e30.", "e30.e30.AA", "a.b.c.d"] {
            assert!(Token::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn public_keys_travel_as_jwk_and_private_ones_do_not() {
        for signer in signers() {
            let jwk = to_jwk(&key(&*signer));
            assert_eq!(from_jwk(&jwk), Ok(key(&*signer)));
            let mut private = jwk.clone();
            private["d"] = "AAAA".into();
            assert!(from_jwk(&private).is_err());
            let mut short = jwk;
            short["x"] = "AAAA".into();
            assert!(from_jwk(&short).is_err());
        }
        assert!(from_jwk(&json!({ "kty": "oct", "k": "AAAA" })).is_err());
    }

    #[test]
    fn public_keys_travel_as_did_jwk() {
        for signer in signers() {
            let did = format!("did:jwk:{}", encode_part(to_jwk(&key(&*signer)).to_string().as_bytes()));
            assert_eq!(from_did_jwk(&did), Ok(key(&*signer)));
            assert_eq!(from_did_jwk(&format!("{did}#0")), Ok(key(&*signer)));
            for bad in
                [did[1..].to_owned(), format!("{did}#1"), format!("{did}="), did.replace("jwk", "key"), String::new()]
            {
                assert!(from_did_jwk(&bad).is_err(), "{bad}");
            }
            let mut private = to_jwk(&key(&*signer));
            private["d"] = "AAAA".into();
            assert!(from_did_jwk(&format!("did:jwk:{}", encode_part(private.to_string().as_bytes()))).is_err());
        }
    }
}
