//! Where events go: a URL, read strictly, so that what is checked and what is called cannot be two things.

use std::fmt;
use std::net::IpAddr;

use crate::base::host::is_loopback;
use crate::base::{Violation, limits};

/// A URL to which events are posted.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether it is `https`.
    pub has_tls: bool,
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
    /// Path and query, as it was written.
    pub path: String,
}

/// The host of a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A name, in lower case.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl Host {
    /// Reads a name of letters, digits and hyphens, or an address; one of version 6 within brackets. The last label of a name is no number, or a
    /// resolver might take the name for an address of another form.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return inner.parse().ok().map(|address| Self::Address(IpAddr::V6(address)));
        }
        if let Ok(address) = text.parse() {
            return Some(Self::Address(IpAddr::V4(address)));
        }
        let is_label = |label: &str| {
            let fits = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            (1..=63).contains(&label.len()) && fits && !label.starts_with('-') && !label.ends_with('-')
        };
        let last = text.rsplit('.').next().unwrap_or_default();
        let is_name =
            text.len() <= 253 && text.split('.').all(is_label) && !last.starts_with(|c: char| c.is_ascii_digit());
        is_name.then(|| Self::Name(text.to_ascii_lowercase()))
    }

    /// Whether it names this machine.
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => is_loopback(name),
            Self::Address(address) => address.to_canonical().is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// Splits the port from a host, if there is one.
pub(super) fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let end = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[end..].rfind(':') {
        None => Some((authority, None)),
        Some(at) => {
            let (host, port) = (&authority[..end + at], &authority[end + at + 1..]);
            let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            let port = port.parse().ok().filter(|port| is_number && *port > 0)?;
            Some((host, Some(port)))
        }
    }
}

impl Target {
    /// Reads a URL.
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let bad = |rule: &'static str, says: &str| Violation::new("target", rule, says);
        if text.is_empty() {
            return Err(bad("REQUIRED", "is required"));
        }
        if text.len() > limits::WEBHOOK_TARGET_BYTES_MAX {
            return Err(bad("TOO_LONG", "has at most 1,024 bytes"));
        }
        let url = || {
            bad("FORMAT", "must be a URL like https://hooks.example.vn/changes, without user, password and fragment")
        };
        let (has_tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(url()),
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        // What RFC 3986 allows in path and query.
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=%".contains(&byte);
        let (host, port) = split_port(authority).ok_or_else(url)?;
        let host = Host::parse(host).filter(|_| path.bytes().all(fits)).ok_or_else(url)?;
        if !has_tls && !host.is_loopback() {
            return Err(bad("FORMAT", "must be https: plain http is for listed addresses of loopback alone"));
        }
        let port = port.unwrap_or(if has_tls { 443 } else { 80 });
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { has_tls, host, port, path })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.has_tls { ("https", 443) } else { ("http", 80) };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port != usual {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

impl fmt::Debug for Target {
    /// Without path and query, which may hold a secret of the receiver's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}:{})", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_in_one_way() {
        for (text, written) in [
            ("https://hooks.example.vn", "https://hooks.example.vn/"),
            ("https://Hooks.Example.VN:443/a/b?c=d%20e", "https://hooks.example.vn/a/b?c=d%20e"),
            ("https://hooks.example.vn:8443?a", "https://hooks.example.vn:8443/?a"),
            ("https://203.119.8.1/x", "https://203.119.8.1/x"),
            ("https://[2400:6540::1]:9/x", "https://[2400:6540::1]:9/x"),
            ("http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x"),
            ("http://localhost/x", "http://localhost/x"),
            ("http://[::1]:80/x", "http://[::1]/x"),
        ] {
            assert_eq!(Target::parse(text).expect(text).to_string(), written, "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "hooks.example.vn",
            "ftp://hooks.example.vn/",
            "HTTPS://hooks.example.vn/",
            "https://",
            "https:///x",
            "https://user@hooks.example.vn/",
            "https://user:word@hooks.example.vn/",
            "https://hooks.example.vn/#a",
            "https://hooks.example.vn/a b",
            "https://hooks.example.vn/\r\nx: y",
            "https://hooks.example.vn/é",
            "https://hooks.example.vn\\@evil.vn/",
            "https://hooks.example.vn:0/",
            "https://hooks.example.vn:/",
            "https://hooks.example.vn:+1/",
            "https://hooks.example.vn:65536/",
            "https://hooks..example.vn/",
            "https://hooks.example.vn./",
            "https://-hooks.example.vn/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://127.1/",
            "https://0177.0.0.01/",
            "https://::1/",
            "https://[fe80::1%25eth0]/",
            "http://hooks.example.vn/",
            "http://10.0.0.1/",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
        assert!(Target::parse(&format!("https://a.vn/{}", "x".repeat(1_024))).is_err());
    }

    #[test]
    fn a_path_stays_out_of_logs() {
        let target = Target::parse("https://hooks.example.vn/secret?token=abc").expect("a URL");
        assert_eq!(format!("{target:?}"), "Target(hooks.example.vn:443)");
    }
}
