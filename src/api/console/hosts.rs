//! The names under which the console answers, against DNS rebinding: a page of another site, whose own name resolves to 127.0.0.1 for a
//! moment, may read everything that that address serves. Its name is still in `Host`, which no script can change.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;

use super::pages::Page;
use crate::api::forwarded::by_a_proxy;
use crate::api::http::answer::refusal_as_page;
use crate::base::{Error, Reason, host};

/// Loopback's names, the address that is listened on, and the host of the public URL.
#[derive(Debug, Clone)]
pub struct Hosts {
    listener: IpAddr,
    public: Option<String>,
}

impl Hosts {
    /// For a console that listens on `listener`; `public_url` is where others reach it.
    pub fn new(listener: SocketAddr, public_url: Option<&str>) -> Self {
        let authority = public_url.and_then(|url| url.split_once("://")).map(|(_, rest)| rest);
        let authority = authority.and_then(|rest| rest.split('/').next());
        Self { listener: listener.ip(), public: authority.and_then(host::host_of).map(str::to_owned) }
    }

    /// The name under which a request asks for the console, if it is one of ours and the only one.
    pub fn asked<'a>(&self, uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
        let mut given = headers.get_all(header::HOST).iter();
        let asked = uri.authority().map(|authority| authority.as_str());
        let asked = asked.or_else(|| given.next().and_then(|host| host.to_str().ok()))?;
        (self.contain(asked, by_a_proxy(headers)) && given.next().is_none()).then_some(asked)
    }

    /// Whether this `Host` is one of ours, at whatever port. Of a request that a proxy passed on only the public name is: this machine's own
    /// names were not what its user asked for.
    fn contain(&self, authority: &str, by_proxy: bool) -> bool {
        let Some(host) = host::host_of(authority) else { return false };
        let is_public = || self.public.as_ref().is_some_and(|public| public.eq_ignore_ascii_case(host));
        // A listener on all addresses has them all. An address is not a name that somebody could make resolve to us.
        let is_listener = |ip: IpAddr| self.listener.is_unspecified() || ip == self.listener;
        is_public() || (!by_proxy && (host::is_loopback(host) || host.parse().is_ok_and(is_listener)))
    }
}

/// Refuses requests for other hosts, as misdirected (RFC 9110, section 15.5.20).
pub(super) async fn check(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    if hosts.asked(request.uri(), request.headers()).is_some() {
        return next.run(request).await;
    }
    let page = Page::of(request.headers());
    let says = "pages are answered under loopback names, the address that the console listens on, and the host of --public-url";
    let write = move |error: &Error, id| page.misdirected(error.reason, id).into_string();
    let error = Error::new(Reason::InvalidRequest, says);
    refusal_as_page(StatusCode::MISDIRECTED_REQUEST, error, request.headers(), write)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_consoles_own_names_are_told_from_others() {
        let hosts = |listener: &str, url| Hosts::new(listener.parse().expect("an address"), url);
        let loopback = hosts("127.0.0.1:50052", Some("https://Lienthong.example.vn:8443/base"));
        let everywhere = hosts("0.0.0.0:50052", None);
        for ours in ["127.0.0.1:50052", "localhost", "[::1]:50052", "lienthong.example.vn", "lienthong.example.vn:80"] {
            assert!(loopback.contain(ours, false), "{ours}");
            assert_eq!(loopback.contain(ours, true), ours.starts_with("lienthong"), "{ours} by a proxy");
        }
        for other in ["evil.example:50052", "192.168.1.5:50052", "127.0.0.1.nip.io", "example.vn", "", "[::]"] {
            assert!(!loopback.contain(other, false), "{other}");
        }
        assert!(everywhere.contain("192.168.1.5:50052", false) && everywhere.contain("localhost:50052", false));
        assert!(!everywhere.contain("gateway:50052", false));
    }
}
