//! Listeners and their requirements: plaintext and demo credentials on loopback, TLS elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use crate::api::credential::DemoCredentials;
use crate::base::peer::is_loopback;
use crate::base::{Error, Reason, Result};

/// The demo credentials accepted on `address`. Refuses to listen off loopback without TLS, unless `allowed`.
pub fn exposure(what: &str, address: SocketAddr, has_tls: bool, allowed: bool) -> Result<DemoCredentials> {
    match (has_tls, is_loopback(address), allowed) {
        (true, _, _) => Ok(DemoCredentials::Never),
        (false, true, false) => Ok(DemoCredentials::OnLoopback),
        (false, _, true) => Ok(DemoCredentials::Everywhere),
        (false, false, false) => Err(Error::new(
            Reason::ConfigurationInvalid,
            format!(
                "{what} {address} is not loopback: give --tls-cert and --tls-key, or \
                 --allow-demo-credentials-off-loopback if nobody else can reach it"
            ),
        )),
    }
}

/// Refuses a console off loopback, since it speaks plain HTTP, unless `allowed`.
pub fn exposure_of_console(address: SocketAddr, allowed: bool) -> Result<()> {
    exposure_of_http("--console", address, allowed)
        .map_err(|error| Error::new(error.reason, format!("{}, or `off`", error.message)))
}

/// The same of any port of plain HTTP, which the flag `what` gives.
pub fn exposure_of_http(what: &str, address: SocketAddr, allowed: bool) -> Result<()> {
    if allowed || is_loopback(address) {
        return Ok(());
    }
    let message = format!("{what} {address} is not loopback, and this port has no TLS: give a loopback address");
    Err(Error::new(Reason::ConfigurationInvalid, message))
}

/// The address by which clients on this machine reach a listener: loopback for an unspecified address (`0.0.0.0`).
pub fn reachable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

/// Listens on `address`; port 0 picks a free one.
pub async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let message = match error.kind() {
            std::io::ErrorKind::AddrInUse => format!("{address} is in use by another process"),
            _ => format!("{address} cannot be listened on: {error}"),
        };
        Error::new(Reason::ConfigurationInvalid, message)
    })
}

/// The last cause in an error's chain, which is the most specific.
pub fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(address: &str, has_tls: bool, allowed: bool) -> Result<DemoCredentials> {
        exposure("--listen", address.parse().expect("an address"), has_tls, allowed)
    }

    #[test]
    fn an_unspecified_address_is_reached_by_loopback() {
        let reached = |address: &str| reachable(address.parse().expect("an address")).to_string();
        assert_eq!(reached("0.0.0.0:50051"), "127.0.0.1:50051");
        assert_eq!(reached("[::]:50051"), "[::1]:50051");
        assert_eq!(reached("192.168.1.5:1"), "192.168.1.5:1");
    }

    #[test]
    fn off_loopback_demands_tls_or_the_loud_setting() {
        assert_eq!(asked("127.0.0.1:1", false, false).expect("fine"), DemoCredentials::OnLoopback);
        assert_eq!(asked("[::1]:1", false, false).expect("fine"), DemoCredentials::OnLoopback);
        assert_eq!(asked("0.0.0.0:1", false, true).expect("allowed"), DemoCredentials::Everywhere);
        assert_eq!(asked("0.0.0.0:1", true, false).expect("TLS"), DemoCredentials::Never);
        assert_eq!(asked("127.0.0.1:1", true, true).expect("TLS"), DemoCredentials::Never);
        for address in ["0.0.0.0:1", "[::]:1", "192.168.1.5:1"] {
            let refused = asked(address, false, false).expect_err(address);
            assert!(refused.message.contains("--tls-cert"), "{}", refused.message);
            let address = address.parse().expect("an address");
            exposure_of_console(address, false).expect_err("no TLS there");
            exposure_of_console(address, true).expect("allowed");
        }
    }
}
