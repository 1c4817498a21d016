//! The other end of a connection, as far as its address tells.
//!
//! Behind a trusted proxy the address is the client's, as the proxy states it. A connection counts as local only if both the
//! client's address and the connection's own are loopback: a proxy elsewhere may have local clients of its own, which are
//! not ours.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The peer of a connection. Every request carries it among its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The client's address.
    pub address: SocketAddr,
    /// Whether the client is a process of this machine.
    pub is_loopback: bool,
    /// Whether a trusted proxy is in between.
    pub via_proxy: bool,
}

/// What a cap by peer counts as one peer: an IPv4 address, or the /64 of an IPv6 address, all of which one host commonly holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(IpAddr);

impl Peer {
    /// A client that connected by itself.
    pub fn direct(address: SocketAddr) -> Self {
        Self { address, is_loopback: is_loopback(address), via_proxy: false }
    }

    /// The client of a trusted `proxy`; `None` is the proxy on its own behalf, such as its health check, which is never local.
    pub fn behind(proxy: SocketAddr, client: Option<SocketAddr>) -> Self {
        let is_loopback = is_loopback(proxy) && client.is_some_and(is_loopback);
        Self { address: client.unwrap_or(proxy), is_loopback, via_proxy: true }
    }

    /// The network that caps by peer count; `None` is this machine, which has no such cap.
    pub fn network(&self) -> Option<Network> {
        (!self.is_loopback).then(|| Network::of(self.address.ip()))
    }
}

impl Network {
    /// The network of an address.
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & (u128::MAX << 64))),
            address => address,
        })
    }
}

/// Whether only this machine can have `address`.
pub fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_client_is_local_only_if_every_hop_is() {
        assert!(Peer::direct(at("127.0.0.1:1")).is_loopback);
        assert!(Peer::direct(at("[::ffff:127.0.0.1]:1")).is_loopback);
        assert!(!Peer::direct(at("192.0.2.1:1")).is_loopback);
        for (proxy, client, expected) in [
            ("127.0.0.1:1", Some("127.0.0.1:2"), true),
            ("127.0.0.1:1", Some("192.0.2.1:2"), false),
            ("192.0.2.9:1", Some("127.0.0.1:2"), false),
            ("127.0.0.1:1", None, false),
        ] {
            let peer = Peer::behind(at(proxy), client.map(at));
            assert_eq!((peer.is_loopback, peer.via_proxy), (expected, true), "{proxy} {client:?}");
            assert_eq!(peer.address, at(client.unwrap_or(proxy)));
            assert_eq!(peer.network().is_none(), expected);
        }
    }

    #[test]
    fn a_network_is_an_ipv4_address_or_a_64() {
        let network = |text: &str| Network::of(text.parse().expect("an address"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }
}
