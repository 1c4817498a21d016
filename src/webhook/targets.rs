//! The list of targets: which hosts the operator lets events go to, and at which addresses.
//!
//! A host is listed with its port. A name leads to public addresses alone, unless an address, or a network with it, is listed too; so a name that its
//! owner, or somebody who forges answers of the domain system, lets lead into the province's own network reaches nothing there.

use std::net::IpAddr;
use std::str::FromStr;

use super::address::is_public;
use super::target::{Host, Target, split_port};
use crate::base::{Error, Reason, Result};

/// The port of a listed host that names none.
const PORT_DEFAULT: u16 = 443;

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetRule {
    /// This host at this port.
    Host(Host, u16),
    /// Addresses that listed names may lead to.
    Network(IpAddr, u8),
}

impl FromStr for TargetRule {
    type Err = String;

    /// Reads `HOST`, `HOST:PORT` or `ADDRESS/BITS`.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let wrong = || "give a host like hooks.example.vn or 127.0.0.1:9000, or a network like 10.20.0.0/16".to_owned();
        if let Some((address, bits)) = text.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| wrong())?;
            let bits: u8 = bits.parse().map_err(|_| wrong())?;
            let fits = bits <= if address.is_ipv4() { 32 } else { 128 };
            return if fits { Ok(Self::Network(address, bits)) } else { Err(wrong()) };
        }
        let (host, port) = split_port(text).ok_or_else(wrong)?;
        Ok(Self::Host(Host::parse(host).ok_or_else(wrong)?, port.unwrap_or(PORT_DEFAULT)))
    }
}

/// The list; empty: nothing is sent anywhere.
#[derive(Debug, Clone, Default)]
pub struct TargetList(Vec<TargetRule>);

impl FromIterator<TargetRule> for TargetList {
    fn from_iter<I: IntoIterator<Item = TargetRule>>(rules: I) -> Self {
        Self(rules.into_iter().collect())
    }
}

impl TargetList {
    /// Whether events may go to a target, as far as its URL shows.
    pub fn lists(&self, target: &Target) -> bool {
        self.0.iter().any(|rule| *rule == TargetRule::Host(target.host.clone(), target.port))
    }

    /// Refuses a target that is not listed.
    pub fn check(&self, target: &Target) -> Result<()> {
        if self.lists(target) {
            return Ok(());
        }
        let message = match self.0.is_empty() {
            true => "this gateway sends no webhooks: its operator lists the targets with --webhook-target".to_owned(),
            false => "the target's host and port are not on the operator's list (--webhook-target)".to_owned(),
        };
        Err(Error::new(Reason::TargetNotListed, message).with_subject("target", ""))
    }

    /// Whether a connection for a listed target may be made to this address.
    pub fn admits(&self, target: &Target, address: IpAddr) -> bool {
        let is_listed = |rule: &TargetRule| match rule {
            TargetRule::Host(Host::Address(listed), port) => *port == target.port && *listed == address,
            TargetRule::Host(Host::Name(_), _) => false,
            TargetRule::Network(network, bits) => contains(*network, *bits, address.to_canonical()),
        };
        match &target.host {
            Host::Address(named) => *named == address,
            // The names of this machine lead to this machine, and to nothing else.
            Host::Name(_) if target.host.is_loopback() => address.is_loopback(),
            Host::Name(_) => is_public(address) || self.0.iter().any(is_listed),
        }
    }
}

fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let shares = |a: u128, b: u128, width: u32| {
        let rest = width - u32::from(bits).min(width);
        a.checked_shr(rest).unwrap_or(0) == b.checked_shr(rest).unwrap_or(0)
    };
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => shares(network.to_bits().into(), address.to_bits().into(), 32),
        (IpAddr::V6(network), IpAddr::V6(address)) => shares(network.to_bits(), address.to_bits(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(rules: &[&str]) -> TargetList {
        rules.iter().map(|rule| rule.parse().expect(rule)).collect()
    }

    fn target(url: &str) -> Target {
        Target::parse(url).expect(url)
    }

    #[test]
    fn a_target_is_listed_by_host_and_port() {
        let listed = list(&["hooks.example.vn", "other.vn:8443", "127.0.0.1:9000", "[::1]:9000", "10.0.0.0/8"]);
        for url in [
            "https://hooks.example.vn/any/path?x",
            "https://HOOKS.example.vn:443",
            "https://other.vn:8443",
            "http://127.0.0.1:9000",
            "https://[::1]:9000",
        ] {
            assert!(listed.lists(&target(url)), "{url}");
        }
        for url in [
            "https://hooks.example.vn:8443",
            "https://www.hooks.example.vn",
            "https://example.vn",
            "https://other.vn",
            "http://127.0.0.1:9001",
            "http://localhost:9000",
            "https://10.0.0.1",
        ] {
            assert_eq!(listed.check(&target(url)).expect_err(url).reason, Reason::TargetNotListed, "{url}");
        }
        let none = TargetList::default().check(&target("https://hooks.example.vn")).expect_err("no list");
        assert!(none.message.contains("--webhook-target"), "{none}");
    }

    #[test]
    fn a_listed_name_leads_to_public_or_listed_addresses_alone() {
        let listed =
            list(&["hooks.example.vn", "10.20.0.0/16", "fd00::/8", "192.168.7.7", "localhost:9000", "[::1]:1"]);
        let name = target("https://hooks.example.vn");
        for (address, is_admitted) in [
            ("203.119.8.1", true),
            ("2400:6540::1", true),
            ("10.20.255.255", true),
            ("::ffff:10.20.0.1", true),
            ("fdff::1", true),
            ("192.168.7.7", true),
            ("10.21.0.0", false),
            ("192.168.7.8", false),
            ("169.254.169.254", false),
            ("127.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("fe80::1", false),
            ("100.64.0.1", false),
            ("224.0.0.1", false),
            // Listed at another port.
            ("::1", false),
        ] {
            assert_eq!(listed.admits(&name, address.parse().expect(address)), is_admitted, "{address}");
        }
        let here = target("http://localhost:9000");
        for (address, is_admitted) in [("127.0.0.1", true), ("::1", true), ("203.119.8.1", false), ("10.0.0.1", false)]
        {
            assert_eq!(listed.admits(&here, address.parse().expect(address)), is_admitted, "{address}");
        }
        let by_address = target("https://10.9.9.9");
        assert!(by_address.host == Host::Address("10.9.9.9".parse().expect("one")));
        assert!(listed.admits(&by_address, "10.9.9.9".parse().expect("one")), "the list names it: `lists` decides");
    }

    #[test]
    fn entries_are_read_strictly() {
        for bad in [
            "",
            ":443",
            "host:",
            "host:0",
            "host:x",
            "*.example.vn",
            "https://host",
            "10.0.0.0/33",
            "::1/129",
            "name/8",
            "::1",
            "10.1",
        ] {
            assert!(bad.parse::<TargetRule>().is_err(), "{bad}");
        }
        assert_eq!("0.0.0.0/0".parse(), Ok(TargetRule::Network(IpAddr::from([0, 0, 0, 0]), 0)));
        assert!(contains(IpAddr::from([0, 0, 0, 0]), 0, IpAddr::from([9, 9, 9, 9])));
        assert!(contains("::".parse().expect("one"), 0, "2400::1".parse().expect("one")));
    }
}
