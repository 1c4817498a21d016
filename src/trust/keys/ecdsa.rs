//! ECDSA signatures in their one accepted form: minimal DER, S in the lower half of the group's order.
//!
//! From (r, s) anyone can make (r, n − s), which verifies as well; only one of the two is accepted, so that a
//! signature cannot be changed without the key.

/// The order n of P-256, and half of it (FIPS 186-5).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7,
    0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0x80, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xde, 0x73, 0x7d, 0x56,
    0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
];

/// The DER form of r ‖ s, with s brought to the lower half.
pub(super) fn der_from_fixed(fixed: &[u8; 64]) -> Vec<u8> {
    let (r, s) = fixed.split_at(32);
    let mut lower: [u8; 32] = s.try_into().unwrap_or_default();
    if lower > HALF_ORDER {
        let mut borrow = 0;
        for (digit, order) in lower.iter_mut().zip(ORDER).rev() {
            let difference = i16::from(order) - i16::from(*digit) - borrow;
            *digit = difference.rem_euclid(256) as u8;
            borrow = i16::from(difference < 0);
        }
    }
    der(r, &lower)
}

/// r ‖ s from DER; `None` unless it is the one accepted form.
pub(super) fn fixed_from_der(signature: &[u8]) -> Option<[u8; 64]> {
    let [0x30, length, rest @ ..] = signature else { return None };
    if usize::from(*length) != rest.len() {
        return None;
    }
    let (r, rest) = integer(rest)?;
    let (s, rest) = integer(rest)?;
    let mut fixed = [0; 64];
    fixed[..32].copy_from_slice(&r);
    fixed[32..].copy_from_slice(&s);
    let accepted = rest.is_empty() && s <= HALF_ORDER && der(&r, &s) == signature;
    accepted.then_some(fixed)
}

fn integer(bytes: &[u8]) -> Option<([u8; 32], &[u8])> {
    let [0x02, length, rest @ ..] = bytes else { return None };
    let (digits, rest) = rest.split_at_checked(usize::from(*length))?;
    let digits = digits.strip_prefix(&[0]).unwrap_or(digits);
    let mut number = [0; 32];
    number[32usize.checked_sub(digits.len())?..].copy_from_slice(digits);
    Some((number, rest))
}

fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(72);
    for number in [r, s] {
        let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len() - 1);
        let digits = &number[first..];
        let sign = digits[0] >= 0x80; // a leading zero keeps the number positive
        body.extend_from_slice(&[0x02, digits.len() as u8 + u8::from(sign)]);
        body.extend(sign.then_some(0));
        body.extend_from_slice(digits);
    }
    [&[0x30, body.len() as u8], body.as_slice()].concat()
}
