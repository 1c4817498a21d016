//! Private keys that never leave a token: a hardware module, a smart card, or SoftHSM, through PKCS#11 (OASIS, version 2.40
//! and later). The maker's module is a shared library that is loaded when it is asked for.
//!
//! A key is found by its `CKA_ID`, sixteen random bytes. Calls into a module block for as long as the hardware takes, so
//! they are made where the async runtime knows of it. A session that the token has dropped is opened again, once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error as PkcsError, RvError};
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use sha2::{Digest as _, Sha256};

use super::sealed::{invalid, read_secret};
use crate::base::entropy::SystemEntropy;
use crate::base::id::to_hex;
use crate::base::{Entropy as _, Error, Reason, Result};
use crate::trust::{Algorithm, PublicKey, Signer};

/// `CKA_EC_PARAMS` of P-256: its object identifier in DER (RFC 5480).
const P256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
/// Of Ed25519, in the two ways that modules know: the curve's name, and the object identifier of RFC 8410.
const ED25519: [&[u8]; 2] = [b"\x13\x0cedwards25519", b"\x06\x03\x2b\x65\x70"];

/// The token, and the PIN that opens it.
#[derive(Clone)]
pub struct TokenLocation {
    /// The maker's module: a shared library.
    pub module: PathBuf,
    /// The token's label.
    pub label: String,
    /// The user's PIN.
    pub pin: Pin,
}

/// A token's PIN. Never displayed.
#[derive(Clone)]
pub struct Pin(AuthPin);

impl Pin {
    /// A PIN as typed.
    pub fn new(pin: String) -> Self {
        Self(pin.into())
    }

    /// Reads a file that holds a PIN. Only its owner may be able to read it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = String::from_utf8(read_secret(path)?);
        text.map(Self::new).map_err(|_| invalid(format!("{} holds no PIN: it is not text", path.display())))
    }
}

/// An open token.
pub struct Token {
    location: TokenLocation,
    pkcs11: Pkcs11,
    slot: Slot,
    open: Mutex<Option<Open>>,
}

/// A session in which the user is logged in, and the keys that were found in it.
struct Open {
    session: Session,
    keys: BTreeMap<Vec<u8>, ObjectHandle>,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token({})", self.location.label)
    }
}

/// A new key of a token.
pub(super) struct Made {
    pub(super) object_id: Vec<u8>,
    pub(super) key: PublicKey,
}

impl Token {
    /// Loads the module, finds the token by its label, and logs in.
    pub fn open(location: TokenLocation) -> Result<Arc<Self>> {
        let module = location.module.display();
        if !location.module.exists() {
            return Err(invalid(format!("there is no PKCS#11 module {module}")));
        }
        let loaded = Pkcs11::new(&location.module);
        let pkcs11 =
            loaded.map_err(|error| invalid(format!("{module} cannot be loaded as PKCS#11 module: {error}")))?;
        match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(PkcsError::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(invalid(format!("the PKCS#11 module {module} does not start: {error}"))),
        }
        let slot = find_slot(&pkcs11, &location)?;
        let token = Self { location, pkcs11, slot, open: Mutex::new(None) };
        token.with(|_| Ok(()))?;
        Ok(Arc::new(token))
    }

    /// The token's label.
    pub fn label(&self) -> &str {
        &self.location.label
    }

    /// Makes a key that cannot leave the token.
    pub(super) fn generate(&self, name: &str, algorithm: Algorithm) -> Result<Made> {
        let (mechanism, curves): (_, &[&[u8]]) = match algorithm {
            Algorithm::Ed25519 => (MechanismType::ECC_EDWARDS_KEY_PAIR_GEN, &ED25519),
            Algorithm::EcdsaP256 => (MechanismType::ECC_KEY_PAIR_GEN, &[P256]),
        };
        // Queried one by one: for a whole list, the wrapper complains about every mechanism without a name.
        let known = blocking(|| self.pkcs11.get_mechanism_info(self.slot, mechanism));
        if let Err(PkcsError::Pkcs11(RvError::MechanismInvalid, _)) = known {
            let (label, other) = (self.label(), if algorithm == Algorithm::Ed25519 { ": try p256" } else { "" });
            return Err(invalid(format!("token {label} cannot create keys for {}{other}", algorithm.as_str())));
        }
        let mut object_id = vec![0; 16];
        SystemEntropy::default().fill(&mut object_id)?;
        let public = self.with(|open| {
            let mut outcome = Err(PkcsError::NotSupported);
            for curve in curves {
                outcome = generate(&open.session, name, algorithm, curve, &object_id);
                if outcome.is_ok() {
                    break;
                }
            }
            let public = outcome?;
            open.session.get_attributes(public, &[AttributeType::EcPoint])
        })?;
        let point = public.iter().find_map(|attribute| match attribute {
            Attribute::EcPoint(point) => Some(point.as_slice()),
            _ => None,
        });
        let key = point.and_then(|point| public_key(algorithm, point));
        let key =
            key.ok_or_else(|| invalid(format!("token {} returned a public key that cannot be parsed", self.label())))?;
        Ok(Made { object_id, key })
    }

    /// The signer of a key; fails when the token does not have it.
    pub(super) fn signer(self: &Arc<Self>, name: &str, key: &PublicKey, object_id: &[u8]) -> Result<TokenSigner> {
        let found = self.with(|open| open.find(object_id))?;
        if found.is_none() {
            return Err(self.no_key(key));
        }
        let (name, object_id) = (name.to_owned(), object_id.to_owned());
        Ok(TokenSigner { name, key: key.clone(), object_id, token: self.clone() })
    }

    /// Destroys both halves of a key.
    pub(super) fn destroy(&self, object_id: &[u8]) -> Result<()> {
        self.with(|open| {
            open.keys.remove(object_id);
            for half in open.session.find_objects(&[Attribute::Id(object_id.to_vec())])? {
                open.session.destroy_object(half)?;
            }
            Ok(())
        })
    }

    fn sign(&self, key: &PublicKey, object_id: &[u8], message: &[u8]) -> Result<Vec<u8>> {
        let fixed = self.with(|open| {
            let Some(handle) = open.find(object_id)? else { return Ok(None) };
            let signed = match key.algorithm() {
                Algorithm::Ed25519 => {
                    let pure = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
                    open.session.sign(&pure, handle, message)?
                }
                Algorithm::EcdsaP256 => open.session.sign(&Mechanism::Ecdsa, handle, &Sha256::digest(message))?,
            };
            Ok(Some(signed))
        })?;
        let fixed = fixed.ok_or_else(|| self.no_key(key))?;
        verified(key, fixed, message).ok_or_else(|| self.wrong_signature(key))
    }

    /// Does something in a session; opens one if there is none, and once more if the token has dropped it.
    fn with<T>(&self, act: impl Fn(&mut Open) -> cryptoki::error::Result<T>) -> Result<T> {
        blocking(|| {
            let mut slot = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            for attempt in 0..2 {
                let open = match &mut *slot {
                    Some(open) => open,
                    none => none.insert(self.log_in()?),
                };
                match act(open) {
                    Ok(done) => return Ok(done),
                    Err(error) if attempt == 0 && is_lost(&error) => *slot = None,
                    Err(error) => return Err(self.failed("fails", &error)),
                }
            }
            Err(Error::bug("a token's second attempt does not end"))
        })
    }

    fn log_in(&self) -> Result<Open> {
        let session =
            self.pkcs11.open_rw_session(self.slot).map_err(|error| self.failed("opens no session", &error))?;
        match session.login(UserType::User, Some(&self.location.pin.0)) {
            Ok(()) | Err(PkcsError::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                Ok(Open { session, keys: BTreeMap::new() })
            }
            Err(PkcsError::Pkcs11(RvError::PinIncorrect | RvError::PinLenRange | RvError::PinInvalid, _)) => {
                Err(invalid(format!("the PIN of token {} is wrong", self.label())))
            }
            Err(PkcsError::Pkcs11(RvError::PinLocked, _)) => {
                Err(invalid(format!("token {} is locked after too many wrong PINs", self.label())))
            }
            Err(error) => Err(self.failed("refuses the login", &error)),
        }
    }

    fn failed(&self, what: &str, error: &PkcsError) -> Error {
        // The wrapper writes a paragraph about some return codes; the first sentence names them.
        let text = match error {
            PkcsError::Pkcs11(code, function) => format!("{function}: {code:?}"),
            other => other.to_string(),
        };
        Error::new(Reason::SignerUnavailable, format!("token {} {what}: {text}", self.label()))
    }

    fn no_key(&self, key: &PublicKey) -> Error {
        invalid(format!("token {} does not have the private half of key {}", self.label(), to_hex(&key.id())))
    }

    fn wrong_signature(&self, key: &PublicKey) -> Error {
        invalid(format!("token {} returned a signature that was not made with key {}", self.label(), to_hex(&key.id())))
    }
}

impl Open {
    fn find(&mut self, object_id: &[u8]) -> cryptoki::error::Result<Option<ObjectHandle>> {
        if let Some(handle) = self.keys.get(object_id) {
            return Ok(Some(*handle));
        }
        let wanted = [Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::Id(object_id.to_vec())];
        let found = self.session.find_objects(&wanted)?.first().copied();
        if let Some(handle) = found {
            self.keys.insert(object_id.to_vec(), handle);
        }
        Ok(found)
    }
}

/// Signs with a key of a token.
pub(super) struct TokenSigner {
    name: String,
    key: PublicKey,
    object_id: Vec<u8>,
    token: Arc<Token>,
}

impl Signer for TokenSigner {
    fn key_name(&self) -> &str {
        &self.name
    }

    fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    fn public_key(&self) -> &[u8] {
        self.key.bytes()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        self.token.sign(&self.key, &self.object_id, message)
    }
}

fn find_slot(pkcs11: &Pkcs11, location: &TokenLocation) -> Result<Slot> {
    let module = location.module.display();
    let slots = pkcs11.get_slots_with_initialized_token();
    let slots = slots.map_err(|error| invalid(format!("the PKCS#11 module {module} lists no tokens: {error}")))?;
    let mut labels = Vec::new();
    for slot in slots {
        // A token that was just removed is treated as absent.
        let Ok(token) = pkcs11.get_token_info(slot) else { continue };
        labels.push((token.label().trim_end().to_owned(), slot));
    }
    let mut found = labels.iter().filter(|(label, _)| *label == location.label);
    match (found.next(), found.next()) {
        (Some((_, slot)), None) => Ok(*slot),
        (Some(_), Some(_)) => Err(invalid(format!("several tokens of {module} are called {}", location.label))),
        (None, _) => {
            let known = labels.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>().join(", ");
            let known = if known.is_empty() { "it has none".to_owned() } else { format!("there are: {known}") };
            Err(invalid(format!("{module} has no token {}: {known}", location.label)))
        }
    }
}

fn generate(
    session: &Session,
    name: &str,
    algorithm: Algorithm,
    curve: &[u8],
    object_id: &[u8],
) -> cryptoki::error::Result<ObjectHandle> {
    let mechanism = match algorithm {
        Algorithm::Ed25519 => Mechanism::EccEdwardsKeyPairGen,
        Algorithm::EcdsaP256 => Mechanism::EccKeyPairGen,
    };
    let both = || vec![Attribute::Token(true), Attribute::Id(object_id.to_vec()), Attribute::Label(name.into())];
    let mut public = both();
    public.extend([Attribute::Private(false), Attribute::Verify(true), Attribute::EcParams(curve.to_vec())]);
    let mut private = both();
    private.extend([
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
    ]);
    session.generate_key_pair(&mechanism, &public, &private).map(|(public, _)| public)
}

/// Reads `CKA_EC_POINT`: the raw key, in most modules inside a DER octet string.
fn public_key(algorithm: Algorithm, point: &[u8]) -> Option<PublicKey> {
    let inner = match point {
        [0x04, length, inner @ ..] if usize::from(*length) == inner.len() => PublicKey::new(algorithm, inner).ok(),
        _ => None,
    };
    inner.or_else(|| PublicKey::new(algorithm, point).ok())
}

/// Whether the session is gone, as opposed to an impossible operation.
fn is_lost(error: &PkcsError) -> bool {
    use RvError::{
        DeviceRemoved, KeyHandleInvalid, ObjectHandleInvalid, SessionClosed, SessionHandleInvalid, TokenNotPresent,
        UserNotLoggedIn,
    };
    matches!(
        error,
        PkcsError::Pkcs11(
            SessionHandleInvalid
                | SessionClosed
                | UserNotLoggedIn
                | DeviceRemoved
                | TokenNotPresent
                | KeyHandleInvalid
                | ObjectHandleInvalid,
            _
        )
    )
}

/// The signature that a module gave as 64 bytes, if it verifies. A faulty module's signature could give its key away, and would remain in a
/// log for ever.
fn verified(key: &PublicKey, fixed: Vec<u8>, message: &[u8]) -> Option<Vec<u8>> {
    let fixed: [u8; 64] = fixed.try_into().ok()?;
    let signature = key.algorithm().from_fixed(&fixed);
    key.verify(message, &signature).ok().map(|()| signature)
}

/// Runs what blocks. On a worker of the async runtime, the worker's other tasks move elsewhere meanwhile.
fn blocking<T>(act: impl FnOnce() -> T) -> T {
    use tokio::runtime::{Handle, RuntimeFlavor};
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(act),
        _ => act(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Seed;
    use crate::trust::{Ed25519Signer, P256Signer};

    #[test]
    fn a_public_key_reads_with_and_without_its_octet_string() {
        let ed25519 = Ed25519Signer::from_seed("x", &Seed::root(1)).public_key().to_vec();
        let p256 = P256Signer::from_pkcs8("x", &P256Signer::generate_pkcs8().expect("made")).expect("reads");
        let p256 = p256.public_key().to_vec();
        for (algorithm, raw) in [(Algorithm::Ed25519, ed25519), (Algorithm::EcdsaP256, p256)] {
            let wrapped = [&[0x04, raw.len() as u8], raw.as_slice()].concat();
            for point in [&raw, &wrapped] {
                assert_eq!(public_key(algorithm, point).expect("reads").bytes(), raw);
            }
            assert_eq!(public_key(algorithm, &raw[1..]), None);
        }
    }

    #[test]
    fn a_signature_that_does_not_verify_never_leaves_the_token() {
        let signer = Ed25519Signer::from_seed("x", &Seed::root(1));
        let key = PublicKey::new(Algorithm::Ed25519, signer.public_key()).expect("a key");
        let good = signer.sign(b"message").expect("signed");
        assert_eq!(verified(&key, good.clone(), b"message"), Some(good.clone()));
        let mut faulty = good.clone();
        faulty[40] ^= 1;
        for (signature, message) in
            [(faulty, b"message"), (good.clone(), b"another"), (good[..63].to_vec(), b"message")]
        {
            assert_eq!(verified(&key, signature, message), None);
        }
    }

    #[test]
    fn a_module_that_is_none_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let module = folder.path().join("module.so");
        let open = |module: &Path| {
            let location =
                TokenLocation { module: module.to_owned(), label: "x".into(), pin: Pin::new("1234".to_owned()) };
            Token::open(location).expect_err("refused").message.clone()
        };
        assert!(open(&module).contains("there is no PKCS#11 module"));
        std::fs::write(&module, "no library").expect("written");
        assert!(open(&module).contains("cannot be loaded"));
    }
}
