//! The origins whose pages may call from a browser (RFC 6454: scheme, host and port).

use crate::base::host;

/// The default: pages of this machine.
const LOOPBACK: &str = "loopback";

/// The schemes of pages that have a host.
const SCHEMES: [&str; 2] = ["http", "https"];

/// The origins whose pages may call, in addition to the console's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebOrigins {
    /// Whether every origin on a loopback name may.
    loopback: bool,
    /// Further ones, in lower case.
    named: Vec<String>,
}

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebOrigin {
    /// Every origin on a loopback name, at any port.
    Loopback,
    /// This one.
    Named(String),
}

impl WebOrigin {
    /// Reads `loopback`, or an origin as browsers write it: `https://portal.example.vn`, without a path. `*` and `null` name nobody.
    pub fn parse(text: &str) -> Option<Self> {
        if text == LOOPBACK {
            return Some(Self::Loopback);
        }
        let (scheme, authority) = text.split_once("://")?;
        let host = host::host_of(authority)?;
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':');
        let is_known = SCHEMES.contains(&scheme) && host.bytes().all(fits) && !authority.ends_with(':');
        // Browsers leave the scheme's own port out.
        let default = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.strip_suffix(default).unwrap_or(authority);
        is_known.then(|| Self::Named(format!("{scheme}://{authority}").to_ascii_lowercase()))
    }
}

impl WebOrigins {
    /// Pages of this machine.
    pub fn loopback() -> Self {
        Self { loopback: true, named: Vec::new() }
    }

    /// Whether a page of `origin` may call `host`, the name under which the console was asked: if it is on the list, or is the console's own.
    pub fn contain(&self, origin: &str, host: &str) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        // An extension or an application may have a host of any name.
        if !SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme)) {
            return false;
        }
        let is_loopback = || host::host_of(authority).is_some_and(host::is_loopback);
        // A proxy may have taken the TLS away in between, so that only the name is compared.
        let is_own = authority.eq_ignore_ascii_case(host);
        is_own || (self.loopback && is_loopback()) || self.named.iter().any(|named| named.eq_ignore_ascii_case(origin))
    }
}

impl FromIterator<WebOrigin> for WebOrigins {
    fn from_iter<I: IntoIterator<Item = WebOrigin>>(list: I) -> Self {
        let mut origins = Self::default();
        for origin in list {
            match origin {
                WebOrigin::Loopback => origins.loopback = true,
                WebOrigin::Named(name) => origins.named.push(name),
            }
        }
        origins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        let named = |text: &str| Some(WebOrigin::Named(text.into()));
        for (text, expected) in [
            ("loopback", Some(WebOrigin::Loopback)),
            ("https://portal.example.vn", named("https://portal.example.vn")),
            ("https://Portal.example.vn:8443", named("https://portal.example.vn:8443")),
            ("https://portal.example.vn:443", named("https://portal.example.vn")),
            ("http://[::1]:3000", named("http://[::1]:3000")),
            ("*", None),
            ("null", None),
            ("portal.example.vn", None),
            ("https://portal.example.vn/", None),
            ("https://portal.example.vn/app", None),
            ("https://*.example.vn", None),
            ("https://user@portal.example.vn", None),
            ("https://portal.example.vn:", None),
            ("ftp://portal.example.vn", None),
            ("https://", None),
        ] {
            assert_eq!(WebOrigin::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn pages_of_this_machine_of_the_list_and_of_the_console_itself_may_call() {
        let of = |list: &[&str]| list.iter().filter_map(|text| WebOrigin::parse(text)).collect::<WebOrigins>();
        let (loopback, named) = (WebOrigins::loopback(), of(&["https://portal.example.vn"]));
        let both = of(&["loopback", "https://portal.example.vn"]);
        for (origin, by_loopback, by_name) in [
            ("http://localhost:3000", true, false),
            ("https://127.0.0.1", true, false),
            ("http://[::1]:8080", true, false),
            ("https://portal.example.vn", false, true),
            ("https://PORTAL.example.vn", false, true),
            ("http://portal.example.vn", false, false),
            ("https://portal.example.vn:8443", false, false),
            ("https://portal.example.vn.evil.example", false, false),
            ("http://localhost.evil.example", false, false),
            ("null", false, false),
            ("", false, false),
            ("chrome-extension://abcdef", false, false),
            ("chrome-extension://localhost", false, false),
            ("tauri://localhost", false, false),
            ("capacitor://127.0.0.1:50052", false, false),
        ] {
            let host = "127.0.0.1:50052";
            assert_eq!(loopback.contain(origin, host), by_loopback, "{origin}");
            assert_eq!(named.contain(origin, host), by_name, "{origin}");
            assert_eq!(both.contain(origin, host), by_loopback || by_name, "{origin}");
        }
        assert!(named.contain("http://127.0.0.1:50052", "127.0.0.1:50052"), "the console's own pages");
        assert!(named.contain("https://lienthong.example.vn", "lienthong.example.vn"), "behind a proxy with TLS");
        assert!(!named.contain("http://127.0.0.1:50053", "127.0.0.1:50052"));
    }
}
