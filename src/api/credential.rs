//! Credentials: signed bearer tokens, client certificates, and the demo credentials of a loopback world.
//!
//! A token is a JWT (RFC 7519) signed with EdDSA (RFC 8037) under the province's credential key, of the type `JWT`, with the claims
//! `iss`, `aud`, `sub` (`agency:<key>` or `citizen:<personal ID>`), `iat`, `exp`. Refused forms and headers are in
//! `trust::jose`. Demo credentials are `demo-<agency>` and `demo-citizen-<personal ID>`: anybody
//! can write them, so they are accepted only where the server says so: on loopback without TLS, of calls that were made to a loopback name
//! and not forwarded by a proxy, or after an explicit setting.

use std::ops::Range;
use std::sync::Arc;

use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::{Value, json};
use tonic::codegen::http::{HeaderMap, header, request};

use super::certificate::ClientCertificate;
use super::forwarded::is_direct;
use crate::access::Rights;
use crate::base::{AgencyId, Caller, Error, PersonalId, Reason, Result, Seed, Timestamp, name};
use crate::trust::jose::{self, TokenError};
use crate::trust::keys::{Algorithm, Ed25519Signer, PublicKey, Signer as _};

const ISSUER: &str = "lienthong/H27";
const AUDIENCE: &str = "lienthong";
/// The type of bearer tokens: other tokens of ours, such as status lists, have types of their own.
const TYPE: &str = "JWT";
const TOKEN_BYTES_MAX: usize = 2_048;

/// Whether demo credentials are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DemoCredentials {
    /// Accepted on plaintext connections from loopback, of calls that nothing forwarded.
    OnLoopback,
    /// Accepted from anywhere: an explicit, loudly named setting.
    Everywhere,
    /// Never accepted: TLS is on, or the server is configured so.
    Never,
}

/// Mints tokens; holds the private key.
#[derive(Debug)]
pub struct TokenMint {
    key: Ed25519Signer,
    public_key: PublicKey,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: i64,
    exp: i64,
}

impl TokenMint {
    /// The mint with this key.
    pub fn new(secret: &Seed) -> Result<Self> {
        let key = Ed25519Signer::from_seed(ISSUER, secret);
        let public_key = PublicKey::new(Algorithm::Ed25519, key.public_key()).map_err(Error::bug)?;
        Ok(Self { key, public_key })
    }

    /// The public key, for [`Authenticator`].
    pub fn public_key(&self) -> PublicKey {
        self.public_key.clone()
    }

    /// A token for `caller` that holds for `seconds` from `now`.
    pub fn mint(&self, caller: &Caller, now: Timestamp, seconds: u32) -> Result<String> {
        let sub = match caller {
            Caller::Agency(agency) => format!("agency:{agency}"),
            Caller::Citizen(person) => format!("citizen:{}", person.as_str()),
        };
        let iat = now.0 / 1000;
        let exp = iat + i64::from(seconds);
        let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": sub, "iat": iat, "exp": exp });
        let Value::Object(claims) = claims else { return Err(Error::bug("claims are an object")) };
        jose::sign(TYPE, &claims, &self.key)
    }
}

/// Authenticates callers.
#[derive(Debug)]
pub struct Authenticator {
    public_key: PublicKey,
    demo: DemoCredentials,
    /// Tokens whose signature was checked, with their callers and the seconds from and until which they hold.
    accepted: Cache<String, (Caller, Range<i64>)>,
}

/// Tokens that are remembered: those of the systems of a province.
const ACCEPTED_MAX: usize = 1_024;

/// A caller, known by a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// The caller.
    pub caller: Caller,
    /// Whether the credential is one that anybody can write.
    pub is_demo: bool,
}

impl Authenticator {
    /// Accepts tokens under `public_key`, and demo credentials according to `demo`.
    pub fn new(public_key: PublicKey, demo: DemoCredentials) -> Self {
        let accepted = Cache::new(ACCEPTED_MAX);
        Self { public_key, demo, accepted }
    }

    /// Whether the request has a token that was not accepted before, so that its signature has to be checked.
    pub fn is_new(&self, headers: &HeaderMap) -> bool {
        let credential = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
        credential.is_some_and(|(_, token)| !token.starts_with("demo-") && self.accepted.peek(token).is_none())
    }

    /// Reads `authorization: Bearer …`; agencies are those of `rights`.
    pub fn authenticate(&self, request: &request::Parts, rights: &Rights, now: Timestamp) -> Result<Authenticated> {
        let mut values = request.headers.get_all(header::AUTHORIZATION).iter();
        let certified = request.extensions.get::<Arc<ClientCertificate>>();
        let certified = certified.map(|certificate| certificate.agency(now)).transpose()?;
        let Some(value) = values.next() else {
            let missing = "metadata `authorization: Bearer <credential>` is required, or a client certificate";
            let agency = certified.ok_or_else(|| Error::new(Reason::CredentialMissing, missing))?;
            let caller = Caller::Agency(agency.clone());
            if !is_known(&caller, rights) {
                let message = format!("the client certificate names {agency}, and the rights list no such agency");
                return Err(Error::new(Reason::CredentialInvalid, message));
            }
            return Ok(Authenticated { caller, is_demo: false });
        };
        if values.next().is_some() {
            return Err(malformed("it occurs more than once"));
        }
        let value = value.to_str().map_err(|_| malformed("it holds characters that are not ASCII"))?;
        let (scheme, credential) = value.split_once(' ').ok_or_else(|| malformed("it contains no space"))?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(malformed("its scheme is not Bearer"));
        }
        if credential.is_empty() || credential.len() > TOKEN_BYTES_MAX {
            return Err(malformed("the credential is empty, or longer than 2,048 bytes"));
        }
        let authenticated = match credential.strip_prefix("demo-") {
            Some(name) => Authenticated { caller: self.demo(name, request, rights)?, is_demo: true },
            None => Authenticated { caller: self.token(credential, rights, now)?, is_demo: false },
        };
        match (certified, &authenticated.caller) {
            // A stolen token is of no use to another agency's system.
            (Some(agency), Caller::Agency(bearer)) if agency != bearer => {
                let message = format!("the client certificate is of {agency}, and the credential of another agency");
                Err(Error::new(Reason::CredentialInvalid, message))
            }
            _ => Ok(authenticated),
        }
    }

    fn demo(&self, name: &str, request: &request::Parts, rights: &Rights) -> Result<Caller> {
        let accepted = match self.demo {
            DemoCredentials::Everywhere => Ok(()),
            DemoCredentials::Never => Err("this server accepts none"),
            DemoCredentials::OnLoopback => is_direct(request),
        };
        accepted.map_err(|why| {
            let message = format!(
                "demo credentials are accepted on loopback without TLS only, but {why}; use a token from `lienthong token issue`"
            );
            Error::new(Reason::DemoCredentialRefused, message)
        })?;
        let refused = |why: String| Error::new(Reason::CredentialInvalid, why);
        if let Some(person) = name.strip_prefix("citizen-") {
            let person = PersonalId::parse(person).map(Caller::Citizen);
            return person
                .ok_or_else(|| refused("`demo-citizen-` must be followed by a personal ID of 12 digits".into()));
        }
        let caller = AgencyId::parse(name).map(Caller::Agency).filter(|caller| is_known(caller, rights));
        caller.ok_or_else(|| {
            let rule = "`demo-` must be followed by an agency's key, or by `citizen-` and a personal ID; no agency has this key";
            let keys = rights.agencies().map(|agency| agency.key.as_str());
            refused(name::with_nearest(rule.to_owned(), name, keys))
        })
    }

    fn token(&self, token: &str, rights: &Rights, now: Timestamp) -> Result<Caller> {
        let expired = || Error::new(Reason::CredentialExpired, "the bearer token has expired");
        let now_s = now.0 / 1000;
        if let Some((caller, holds)) = self.accepted.get(token)
            && now_s >= holds.start
        {
            // The rights may have changed since.
            return if now_s < holds.end { known(caller, rights) } else { Err(expired()) };
        }
        let invalid = |why: &str| {
            Error::new(Reason::CredentialInvalid, format!("this server did not issue the bearer token: {why}"))
        };
        let claims = jose::Token::parse(token).and_then(|token| token.verify(TYPE, &self.public_key));
        let claims = serde_json::from_value::<Claims>(claims.map(Value::Object).map_err(|why| refused(&why))?);
        let claims = claims.map_err(|_| {
            Error::new(Reason::CredentialMalformed, "a claim of the bearer token is missing or of the wrong type")
        })?;
        if claims.iss != ISSUER || claims.aud != AUDIENCE {
            return Err(invalid("its issuer or audience is another one"));
        }
        if now_s >= claims.exp {
            return Err(expired());
        }
        let from = claims.iat.saturating_sub(crate::base::limits::CLOCK_SKEW_MS_MAX / 1000);
        if now_s < from {
            return Err(invalid("it was issued later than this server's clock"));
        }
        let caller = match claims.sub.split_once(':') {
            Some(("agency", key)) => AgencyId::parse(key).map(Caller::Agency),
            Some(("citizen", person)) => PersonalId::parse(person).map(Caller::Citizen),
            _ => None,
        };
        let caller = caller.ok_or_else(|| invalid("its subject is neither an agency nor a citizen"))?;
        let caller = known(caller, rights)?;
        self.accepted.insert(token.to_owned(), (caller.clone(), from..claims.exp));
        Ok(caller)
    }
}

/// The reason why a token is refused: a malformed token is told apart from one that is not accepted.
fn refused(why: &TokenError) -> Error {
    let reason = match why {
        TokenError::Malformed(_) => Reason::CredentialMalformed,
        TokenError::Header(_) | TokenError::Type(_) | TokenError::Algorithm(_) | TokenError::Signature => {
            Reason::CredentialInvalid
        }
    };
    let ours = match why {
        TokenError::Malformed(_) => "a credential is `demo-…`, or three base64url parts joined by dots",
        _ => "`lienthong token issue` with this server's data folder issues an accepted one",
    };
    Error::new(reason, format!("{why}; {ours}"))
}

fn malformed(why: &str) -> Error {
    Error::new(Reason::CredentialMalformed, format!("authorization must be `Bearer <credential>`, once: {why}"))
}

/// Agencies must exist; the existence of a citizen is not checked here.
fn is_known(caller: &Caller, rights: &Rights) -> bool {
    match caller {
        Caller::Agency(agency) => rights.agency(agency.as_str()).is_some(),
        Caller::Citizen(_) => true,
    }
}

fn known(caller: Caller, rights: &Rights) -> Result<Caller> {
    if is_known(&caller, rights) {
        return Ok(caller);
    }
    let message = "the bearer token is valid, but the rights list no such agency (any more)";
    Err(Error::new(Reason::CredentialInvalid, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::rights::embedded;
    use crate::base::Peer;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn authenticator(demo: DemoCredentials) -> (TokenMint, Authenticator) {
        let mint = TokenMint::new(&Seed::root(1)).expect("mint");
        let authenticator = Authenticator::new(mint.public_key(), demo);
        (mint, authenticator)
    }

    fn parts(uri: &str) -> request::Parts {
        tonic::codegen::http::Request::builder().uri(uri).body(()).expect("a request").into_parts().0
    }

    fn read(authenticator: &Authenticator, value: Option<&str>, now: Timestamp) -> Result<Caller> {
        let mut request = parts("/");
        if let Some(value) = value {
            request.headers.insert(header::AUTHORIZATION, value.parse().expect("ascii"));
        }
        let found = authenticator.authenticate(&request, &embedded(), now);
        found.map(|authenticated| authenticated.caller)
    }

    #[test]
    fn a_minted_token_is_accepted_until_it_expires() {
        let (mint, authenticator) = authenticator(DemoCredentials::Never);
        let caller = Caller::Agency(AgencyId::parse("bank").expect("key"));
        let token = format!("Bearer {}", mint.mint(&caller, NOW, 60).expect("token"));
        assert_eq!(read(&authenticator, Some(&token), NOW).expect("accepted"), caller);
        let late = read(&authenticator, Some(&token), NOW.plus_ms(60_000)).expect_err("expired");
        assert_eq!(late.reason, Reason::CredentialExpired);
        let early = read(&authenticator, Some(&token), NOW.plus_ms(-600_000)).expect_err("from the future");
        assert_eq!(early.reason, Reason::CredentialInvalid);
    }

    #[test]
    fn an_unacceptable_credential_is_refused_with_its_reason() {
        let (mint, authenticator) = authenticator(DemoCredentials::Never);
        let caller = Caller::Agency(AgencyId::parse("bank").expect("key"));
        let token = mint.mint(&caller, NOW, 60).expect("token");
        let stranger = TokenMint::new(&Seed::root(2)).expect("mint").mint(&caller, NOW, 60).expect("token");
        let unknown = Caller::Agency(AgencyId::parse("nobody").expect("key"));
        let unknown = mint.mint(&unknown, NOW, 60).expect("token");
        let none = format!("{}.e30.", jose::encode_part(br#"{"alg":"none","typ":"JWT"}"#));
        let cases = [
            (None, Reason::CredentialMissing, "is required"),
            (Some("Basic abc".to_owned()), Reason::CredentialMalformed, "scheme"),
            (Some("Bearer".to_owned()), Reason::CredentialMalformed, "no space"),
            (Some("Bearer ".to_owned()), Reason::CredentialMalformed, "empty"),
            (Some("Bearer abc".to_owned()), Reason::CredentialMalformed, "three base64url parts"),
            (
                Some(format!("Bearer {}", token.replacen('.', "", 1))),
                Reason::CredentialMalformed,
                "three base64url parts",
            ),
            (Some(format!("Bearer {token}.x")), Reason::CredentialMalformed, "three base64url parts"),
            (Some(format!("Bearer a!{token}")), Reason::CredentialMalformed, "not base64url"),
            (Some(format!("Bearer {stranger}")), Reason::CredentialInvalid, "signature does not verify"),
            (Some(format!("Bearer {unknown}")), Reason::CredentialInvalid, "list no such agency"),
            (Some(format!("Bearer {none}")), Reason::CredentialInvalid, "algorithm is `none`"),
            (Some("Bearer demo-bank".to_owned()), Reason::DemoCredentialRefused, "this server accepts none"),
        ];
        for (value, reason, why) in cases {
            let refused = read(&authenticator, value.as_deref(), NOW).expect_err("refused");
            assert!(refused.reason == reason && refused.message.contains(why), "{value:?}: {refused}");
        }
    }

    /// The header is signed, too: only the province's own key could make these, and they are no bearer tokens.
    #[test]
    fn a_token_of_another_type_or_algorithm_or_with_crit_is_refused() {
        let (mint, authenticator) = authenticator(DemoCredentials::Never);
        let read = |token: &str| read(&authenticator, Some(&format!("Bearer {token}")), NOW);
        let caller = Caller::Agency(AgencyId::parse("bank").expect("key"));
        let minted = mint.mint(&caller, NOW, 60).expect("token");
        let payload = minted.split('.').nth(1).expect("claims");
        let forged = |header: Value| {
            let signed = format!("{}.{payload}", jose::encode_part(header.to_string().as_bytes()));
            let signature = mint.key.sign(signed.as_bytes()).expect("signs");
            format!("{signed}.{}", jose::encode_part(&signature))
        };
        assert_eq!(read(&forged(json!({ "alg": "EdDSA", "typ": "JWT" }))).expect("as minted"), caller);
        let cases = [
            (json!({ "alg": "EdDSA", "typ": "statuslist+jwt" }), "type is not JWT"),
            (json!({ "alg": "EdDSA" }), "type is not JWT"),
            (json!({ "alg": "EdDSA", "typ": "JWT", "crit": ["exp"], "exp": 1 }), "`crit` is not supported"),
            (json!({ "alg": "EdDSA", "typ": "JWT", "crit": [] }), "`crit` is not supported"),
            (json!({ "alg": "ES256", "typ": "JWT" }), "algorithm is `ES256`"),
            (json!({ "alg": "HS256", "typ": "JWT" }), "algorithm is `HS256`"),
            (json!({ "alg": "none", "typ": "JWT" }), "algorithm is `none`"),
            (json!({ "typ": "JWT" }), "algorithm is ``"),
        ];
        for (header, why) in cases {
            let error = read(&forged(header.clone())).expect_err(why);
            assert_eq!(error.reason, Reason::CredentialInvalid, "{header}");
            assert!(error.message.contains(why), "{header}: {}", error.message);
        }
        let unsigned = format!("{}.{payload}.", jose::encode_part(br#"{"alg":"none","typ":"JWT"}"#));
        assert!(read(&unsigned).expect_err("unsigned").message.contains("algorithm is `none`"));
    }

    #[test]
    fn demo_credentials_are_refused_to_whoever_comes_through_something() {
        let (_, authenticator) = authenticator(DemoCredentials::OnLoopback);
        let call = |authority: Option<&str>, header: Option<(&'static str, &str)>| {
            let mut request = parts(&authority.map_or("/".to_owned(), |authority| format!("http://{authority}/")));
            request.headers.insert(header::AUTHORIZATION, "Bearer demo-bank".parse().expect("ascii"));
            if let Some((name, value)) = header {
                request.headers.insert(name, value.parse().expect("ascii"));
            }
            request.extensions.insert(Peer::direct("127.0.0.1:1".parse().expect("an address")));
            authenticator
                .authenticate(&request, &embedded(), NOW)
                .map_err(|error| (error.reason, error.message.clone()))
        };
        for authority in ["127.0.0.1:50051", "localhost:50051", "[::1]:50051"] {
            call(Some(authority), None).expect(authority);
            call(Some(authority), Some(("host", "localhost"))).expect(authority);
            call(None, Some(("host", authority))).expect(authority);
        }
        let local = Some("127.0.0.1:50051");
        let cases = [
            (Some("lienthong.example.vn"), None, "other than loopback"),
            (Some("192.168.1.5:50051"), None, "other than loopback"),
            (None, None, "other than loopback"),
            (local, Some(("host", "tunnel.example")), "other than loopback"),
            (local, Some(("forwarded", "for=192.0.2.60")), "a proxy"),
            (local, Some(("x-forwarded-for", "127.0.0.1")), "a proxy"),
            (local, Some(("x-forwarded-proto", "https")), "a proxy"),
            (local, Some(("via", "1.1 front")), "a proxy"),
            (local, Some(("cf-connecting-ip", "192.0.2.60")), "a proxy"),
        ];
        for (authority, header, why) in cases {
            let (reason, message) = call(authority, header).expect_err(why);
            assert_eq!(reason, Reason::DemoCredentialRefused);
            assert!(message.contains(why), "{authority:?} {header:?}: {message}");
        }
    }

    #[test]
    fn demo_credentials_name_agencies_and_citizens() {
        let (_, authenticator) = authenticator(DemoCredentials::OnLoopback);
        let read = |value: &str| read(&authenticator, Some(value), NOW);
        assert_eq!(read("Bearer demo-bank").expect("agency").label(), "bank");
        assert_eq!(read("Bearer demo-citizen-042185990002").expect("citizen").label(), "citizen");
        for (bad, why) in [
            ("Bearer demo-nobody", "no agency has this key"),
            ("Bearer demo-polcie", "nearest: police"),
            ("Bearer demo-citizen-1", "followed by a personal ID of 12 digits"),
            ("Bearer demo-", "no agency has this key"),
        ] {
            let refused = read(bad).expect_err(bad);
            assert!(refused.reason == Reason::CredentialInvalid && refused.message.contains(why), "{bad}: {refused}");
        }
    }

    #[test]
    fn demo_credentials_need_a_client_of_this_machine() {
        let (_, authenticator) = authenticator(DemoCredentials::OnLoopback);
        let call = |peer: Peer| {
            let mut request = parts("http://127.0.0.1:50051/");
            request.headers.insert(header::AUTHORIZATION, "Bearer demo-bank".parse().expect("ascii"));
            request.extensions.insert(peer);
            authenticator.authenticate(&request, &embedded(), NOW)
        };
        let at = |text: &str| text.parse().expect("an address");
        for (peer, expected) in [
            (Peer::direct(at("127.0.0.1:1")), true),
            (Peer::direct(at("192.0.2.1:1")), false),
            (Peer::behind(at("127.0.0.1:1"), Some(at("192.0.2.1:1"))), false),
            (Peer::behind(at("127.0.0.1:1"), None), false),
        ] {
            assert_eq!(call(peer).is_ok(), expected, "{peer:?}");
        }
    }
}
