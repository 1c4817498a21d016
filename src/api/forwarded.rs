//! Whether a proxy, a tunnel or a delivery network passed a request on: the headers that it adds reveal it.
//!
//! Such a request comes from this machine only as far as its last hop. Nothing obliges a proxy to show itself; those that do use one of
//! these names, of which no client sends any by itself.

use tonic::codegen::http::{HeaderMap, header, request};

use crate::base::{Peer, host};

/// The names of standards (RFC 7239, RFC 9110, RFC 8586), and those of products.
const NAMES: &[&str] = &[
    "forwarded",
    "via",
    "cdn-loop",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-remote-ip",
    "x-remote-addr",
    "x-proxyuser-ip",
    "true-client-ip",
    "client-ip",
    "proxy-client-ip",
    "wl-proxy-client-ip",
    "ali-cdn-real-ip",
    "do-connecting-ip",
    "x-nf-client-connection-ip",
    "x-amzn-trace-id",
];

/// Prefixes of the headers of products.
const FAMILIES: &[&str] = &[
    "x-forwarded-",
    "x-original-",
    "cf-",
    "fastly-",
    "fly-",
    "x-envoy-",
    "x-azure-",
    "x-amz-cf-",
    "x-appengine-",
    "x-goog-",
    "x-vercel-",
    "x-arr-",
    "x-ms-",
    "akamai-",
    "tailscale-",
];

/// Whether the headers show that a request was passed on.
pub fn by_a_proxy(headers: &HeaderMap) -> bool {
    let shows = |name: &str| {
        // Clients ask for faults by these themselves (gRPC proposal A33).
        !name.starts_with("x-envoy-fault-")
            && (NAMES.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family)))
    };
    headers.keys().any(|name| shows(name.as_str()))
}

/// Whether a call comes from this machine and was made to it; if not, why not. A proxy or tunnel on this machine connects from loopback
/// too, and acts for others: the name that was called reveals it, or the headers that it adds.
///
/// In-memory transports of tests have no peer, and count as local.
pub fn is_direct(request: &request::Parts) -> Result<(), &'static str> {
    let Some(peer) = request.extensions.get::<Peer>() else { return Ok(()) };
    if !peer.is_loopback {
        return Err("this client is on another machine");
    }
    let is_local = |authority: &str| host::host_of(authority).is_some_and(host::is_loopback);
    let authority = request.uri.authority().map(|authority| is_local(authority.as_str()));
    let hosts = request.headers.get_all(header::HOST).iter().map(|host| host.to_str().is_ok_and(is_local));
    let mut names = authority.into_iter().chain(hosts).peekable();
    if names.peek().is_none() || !names.all(|is_local| is_local) {
        return Err("this call was made to a name other than loopback");
    }
    if by_a_proxy(&request.headers) {
        return Err("a proxy forwarded this call");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_proxies_add_is_known_and_what_clients_send_is_not_taken_for_it() {
        let shows = |name: &'static str| {
            by_a_proxy(&HeaderMap::from_iter([(name.parse().expect("a name"), "192.0.2.1".parse().expect("a value"))]))
        };
        for name in [
            "forwarded",
            "via",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-real-ip",
            "cf-connecting-ip",
            "cf-ray",
            "true-client-ip",
            "x-client-ip",
            "fastly-client-ip",
            "x-cluster-client-ip",
            "x-original-forwarded-for",
            "x-envoy-external-address",
            "fly-client-ip",
            "x-azure-clientip",
        ] {
            assert!(shows(name), "{name}");
        }
        for name in [
            "authorization",
            "user-agent",
            "te",
            "grpc-timeout",
            "grpc-accept-encoding",
            "x-request-id",
            "traceparent",
            "tracestate",
            "x-lienthong-unverified",
            "accept-language",
        ] {
            assert!(!shows(name), "{name}");
        }
    }
}
