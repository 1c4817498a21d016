//! The location of a log's tiles.

use crate::cli::ca::CaArgs;

/// The location of the tiles: a URL is used as it is; an address means the log under its console.
pub(in crate::cli) fn prefix(place: &str, log: &str, ca: &CaArgs) -> String {
    let scheme = ca.scheme();
    if place.contains("://") {
        place.trim_end_matches('/').to_owned()
    } else {
        format!("{scheme}://{place}/logs/{log}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_means_the_console() {
        let (none, private) = (CaArgs::default(), CaArgs { ca: Some("ca.pem".into()) });
        assert_eq!(prefix("127.0.0.1:50052", "land", &none), "http://127.0.0.1:50052/logs/land");
        assert_eq!(prefix("127.0.0.1:50052", "land", &private), "https://127.0.0.1:50052/logs/land");
        assert_eq!(prefix("https://logs.example/x/", "land", &none), "https://logs.example/x");
    }
}
