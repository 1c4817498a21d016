//! Which addresses are public: everything that a name on the list of targets may lead to without being listed itself.
//!
//! By the registries of special-purpose addresses (IANA, RFC 6890 and later). Of IPv6, only what is allocated for global unicast counts, without the
//! forms that carry an IPv4 address (6to4, Teredo); NAT64 (64:ff9b::/96) lies outside it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether anybody may call an address.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        (0 | 127, ..) => true,               // this network, loopback
        (100, 64..=127, _) => true,          // carrier-grade NAT
        (192, 0, 0) | (192, 88, 99) => true, // protocol assignments, 6to4 relays
        (198, 18..=19, _) => true,           // benchmarks
        (224.., ..) => true,                 // multicast, reserved, broadcast
        _ => address.is_private() || address.is_link_local() || address.is_documentation(),
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let is_global_unicast = a & 0xe000 == 0x2000;
    let is_special = match (a, b) {
        (0x2001, 0..=0x01ff) => true, // protocol assignments, Teredo
        (0x2001, 0x0db8) => true,     // documentation
        (0x2002, _) => true,          // 6to4
        (0x3fff, 0..=0x0fff) => true, // documentation
        _ => false,
    };
    is_global_unicast && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for public in [
            "1.1.1.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "203.119.8.1",
            "2400:6540::1",
            "2001:200::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(public.parse().expect(public)), "{public}");
        }
        for special in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::10.0.0.1",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(special.parse().expect(special)), "{special}");
        }
    }
}
