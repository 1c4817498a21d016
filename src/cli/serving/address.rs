//! Addresses to listen on: an IP address and a port, or a name of loopback and a port.
//!
//! A name may lead anywhere, today here and tomorrow elsewhere; so it is resolved once, and taken only if it is this machine alone.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};

const FORM: &str = "an address is IP:PORT, such as 127.0.0.1:50051 or [::1]:50051, or localhost:PORT";

/// Reads an address; the IPv4 one of a name that has both.
pub(in crate::cli) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let (name, port) = text.rsplit_once(':').ok_or(FORM)?;
    if name.is_empty() || name.contains([':', '/', '[']) || name.parse::<IpAddr>().is_ok() {
        return Err(FORM.to_owned());
    }
    let port: u16 = port.parse().map_err(|_| FORM)?;
    let found =
        (name, port).to_socket_addrs().map_err(|error| format!("{name} cannot be resolved: {error}; {FORM}"))?;
    let found: Vec<SocketAddr> = found.collect();
    if let Some(other) = found.iter().find(|address| !address.ip().is_loopback()) {
        return Err(format!("{name} is {}, not loopback: give the IP address itself", other.ip()));
    }
    let best = found.iter().find(|address| address.is_ipv4()).or(found.first());
    best.copied().ok_or_else(|| format!("{name} has no address; {FORM}"))
}

/// Whether two listeners would want the same port: on one address, or where one listens on all.
pub(in crate::cli) fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let overlap = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && overlap
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_loopback_are_addresses_and_others_are_not() {
        for (text, expected) in
            [("localhost:50051", "127.0.0.1:50051"), ("[::1]:1", "[::1]:1"), ("0.0.0.0:0", "0.0.0.0:0")]
        {
            assert_eq!(address(text).map(|found| found.to_string()).as_deref(), Ok(expected));
        }
        for wrong in [
            "",
            "nowhere",
            "localhost",
            "localhost:",
            "localhost:x",
            "localhost:70000",
            ":1",
            "::1:50051",
            "127.0.0.1",
            "http://localhost:1",
        ] {
            address(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn one_port_for_two_listeners_is_noticed() {
        let collide =
            |one: &str, other: &str| collide(one.parse().expect("an address"), other.parse().expect("an address"));
        assert!(collide("127.0.0.1:1", "127.0.0.1:1") && collide("0.0.0.0:1", "127.0.0.1:1"));
        assert!(!collide("127.0.0.1:0", "127.0.0.1:0") && !collide("127.0.0.1:1", "127.0.0.1:2"));
        assert!(!collide("127.0.0.1:1", "127.0.0.2:1"));
    }
}
