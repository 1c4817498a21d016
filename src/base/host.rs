//! The names of this machine: a server addressed by another name was reached through something in between.
//!
//! Browsers and proxies carry the name that their user gave in `Host` or `:authority` (RFC 9110, section 7.2). A page of another site
//! that has its own name resolve to 127.0.0.1 (DNS rebinding), a tunnel and a reverse proxy all show there.

use std::net::IpAddr;

/// The host of an authority (RFC 3986, section 3.2): without port and brackets, as it was written. `None` if it is not one.
pub fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    (is_whole && !host.is_empty() && !host.contains(['@', '/'])).then_some(host)
}

/// Whether a host names this machine and no other: a loopback address, or `localhost` and what is under it (RFC 6761, section 6.3).
pub fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => {
            let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_from_everything_else() {
        for local in [
            "127.0.0.1:50051",
            "127.8.8.8",
            "localhost",
            "LOCALHOST:1",
            "localhost.:80",
            "a.localhost:80",
            "[::1]:50051",
        ] {
            assert!(host_of(local).is_some_and(is_loopback), "{local}");
        }
        let others = [
            "",
            ":50051",
            "0.0.0.0:50051",
            "[::]:50051",
            "192.168.1.5:50051",
            "example.vn",
            "localhost.example.vn",
            "127.0.0.1.nip.io:50052",
            "mylocalhost",
            "user@localhost",
            "localhost/x",
            "localhost:x",
            "[::1",
            "::1",
        ];
        for other in others {
            assert!(!host_of(other).is_some_and(is_loopback), "{other}");
        }
    }
}
