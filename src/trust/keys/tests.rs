//! RFC 8032 vectors, round trips of both algorithms, and the signatures and keys that must be refused.

use super::*;
use crate::base::Seed;
use crate::base::id::{from_hex, to_hex};

fn ed25519() -> (Ed25519Signer, PublicKey) {
    let signer = Ed25519Signer::from_seed("lienthong/H27/land", &Seed::root(7).child("key/land", 0));
    let key = PublicKey::new(Algorithm::Ed25519, signer.public_key()).expect("a good key");
    (signer, key)
}

fn p256() -> (P256Signer, PublicKey) {
    let pkcs8 = P256Signer::generate_pkcs8().expect("randomness");
    let signer = P256Signer::from_pkcs8("lienthong/H27/land", &pkcs8).expect("a good key");
    let key = PublicKey::new(Algorithm::EcdsaP256, signer.public_key()).expect("a good key");
    (signer, key)
}

#[test]
fn rfc_8032_test_2_verifies() {
    let bytes = |hex: &str| from_hex(hex).expect("hex");
    let key = bytes("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    let signature = bytes(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
    let key = PublicKey::new(Algorithm::Ed25519, &key).expect("a good key");
    assert_eq!(key.verify(&[0x72], &signature), Ok(()));
    assert_eq!(key.verify(&[0x73], &signature), Err(BadSignature));
}

#[test]
fn the_same_seed_signs_the_same_bytes() {
    let ((a, key), (b, _)) = (ed25519(), ed25519());
    let (one, two) = (a.sign(b"x").expect("signs"), b.sign(b"x").expect("signs"));
    assert_eq!(one, two);
    assert_eq!(key.verify(b"x", &one), Ok(()));
    assert!(!format!("{a:?}").contains(&to_hex(Seed::root(7).child("key/land", 0).bytes())));
}

#[test]
fn every_changed_byte_of_a_signature_is_refused() {
    let signers: [(&dyn Signer, &PublicKey); 2] = [(&ed25519().0, &ed25519().1), (&p256().0, &p256().1)];
    for (signer, _) in signers {
        let key = PublicKey::new(signer.algorithm(), signer.public_key()).expect("a good key");
        let signature = signer.sign(b"message").expect("signs");
        assert_eq!(key.verify(b"message", &signature), Ok(()));
        for at in 0..signature.len() {
            for change in [1, 0x80, 0xff] {
                let mut bad = signature.clone();
                bad[at] ^= change;
                assert_eq!(key.verify(b"message", &bad), Err(BadSignature), "byte {at}");
            }
        }
        assert_eq!(key.verify(b"message", &signature[1..]), Err(BadSignature));
        assert_eq!(key.verify(b"message", &[&signature[..], &[0]].concat()), Err(BadSignature));
        assert_eq!(key.verify(b"message", &[]), Err(BadSignature));
    }
}

#[test]
fn a_malleable_ed25519_signature_is_refused() {
    let (signer, key) = ed25519();
    let mut signature = signer.sign(b"m").expect("signs");
    // S + L, L the group's order, little-endian
    let order = from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").expect("hex");
    let mut carry = 0;
    for (digit, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*digit) + u16::from(add) + carry;
        (*digit, carry) = (sum as u8, sum >> 8);
    }
    assert_eq!(key.verify(b"m", &signature), Err(BadSignature));
}

#[test]
fn a_malleable_p256_signature_is_refused() {
    let (signer, key) = p256();
    for round in 0..8u8 {
        let signature = signer.sign(&[round]).expect("signs");
        let fixed = ecdsa::fixed_from_der(&signature).expect("our form");
        // n − s by the same routine that brings S down, applied to the lower half: build the upper twin by hand
        let order = from_hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").expect("hex");
        let mut twin = fixed;
        let mut borrow = 0i16;
        for (digit, order) in twin[32..].iter_mut().zip(order).rev() {
            let difference = i16::from(order) - i16::from(*digit) - borrow;
            (*digit, borrow) = (difference.rem_euclid(256) as u8, i16::from(difference < 0));
        }
        let raw = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.bytes());
        assert!(raw.verify(&[round], &twin).is_ok(), "the mathematics accept the twin");
        assert_eq!(ecdsa::der_from_fixed(&twin), signature, "our signer would have brought it down");
        let mut upper = vec![0x30, 0, 0x02, 0];
        for (part, last) in [(&fixed[..32], false), (&twin[32..], true)] {
            let sign = part[0] >= 0x80;
            let at = upper.len() - 1;
            upper[at] = 32 + u8::from(sign);
            upper.extend(sign.then_some(0));
            upper.extend_from_slice(part);
            if !last {
                upper.extend_from_slice(&[0x02, 0]);
            }
        }
        upper[1] = upper.len() as u8 - 2;
        assert_eq!(key.verify(&[round], &upper), Err(BadSignature));
    }
}

#[test]
fn points_of_small_order_are_refused_as_keys_and_in_signatures() {
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    // With such a key, the signature (identity, 0) verifies for one message in eight or more, whoever made it.
    let mut forged = [0; 64];
    forged[0] = 1;
    let mut accepted_by_ring = 0;
    for hex in points {
        let point = from_hex(hex).expect("hex");
        assert_eq!(PublicKey::new(Algorithm::Ed25519, &point), Err(KeyError::SmallOrder), "{hex}");
        let ring_key = UnparsedPublicKey::new(&ED25519, &point);
        accepted_by_ring += usize::from((0..=255u8).any(|message| ring_key.verify(&[message], &forged).is_ok()));
    }
    assert!(accepted_by_ring >= 8, "the danger is real: {accepted_by_ring}");
    let (_, key) = ed25519();
    assert_eq!(key.verify(b"m", &forged), Err(BadSignature));
    let not_canonical = from_hex("f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f").expect("hex");
    assert_eq!(PublicKey::new(Algorithm::Ed25519, &not_canonical), Err(KeyError::Encoding));
}

#[test]
fn public_key_info_round_trips_and_fixes_the_id() {
    for key in [ed25519().1, p256().1] {
        assert_eq!(PublicKey::from_spki(key.algorithm(), &key.spki()).as_ref(), Ok(&key));
        let other = if key.algorithm() == Algorithm::Ed25519 { Algorithm::EcdsaP256 } else { Algorithm::Ed25519 };
        assert_eq!(PublicKey::from_spki(other, &key.spki()), Err(KeyError::Encoding));
        assert_eq!(PublicKey::new(key.algorithm(), &key.bytes()[1..]), Err(KeyError::Encoding));
        assert_eq!(key.id(), <Hash>::from(Sha256::digest(key.spki())));
        assert_eq!(Algorithm::parse(key.algorithm().as_str()), Some(key.algorithm()));
    }
    assert_eq!(Algorithm::parse("none"), None);
}
