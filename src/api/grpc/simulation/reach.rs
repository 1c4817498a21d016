//! How a gateway is reached: the address and credentials in the commands that people copy.

use crate::api::admission::SESSION;

/// The address in the personas' commands, the default of `serve`; it is replaced by the gateway's own.
pub const ADDRESS_DEFAULT: &str = "127.0.0.1:50051";

/// The certificate authority in commands, where nobody said which file it is.
const CA_DEFAULT: &str = "CA.pem";

/// How a gateway is reached, as the personas' commands need it in addition to the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Where gRPC listens.
    pub address: String,
    /// Whether it speaks TLS.
    pub has_tls: bool,
    /// The certificate authority's file, if it is known.
    pub ca: Option<String>,
    /// The data folder whose key mints tokens, where demo credentials are refused.
    pub tokens_from: Option<String>,
    /// The session in which the calls are made; `None`: none.
    pub session: Option<String>,
}

impl Reach {
    /// How a citizen signs in here: a demo credential, or the command that issues a token.
    pub fn credential(&self, personal_id: &str) -> String {
        match &self.tokens_from {
            None => format!("demo-citizen-{personal_id}"),
            Some(folder) => format!("lienthong token issue --data-dir {folder} --citizen {personal_id}"),
        }
    }

    /// A persona's command, which is written for plaintext, demo credentials and [`ADDRESS_DEFAULT`], as it works here.
    pub fn command(&self, written: &str) -> String {
        const CREDENTIAL: &str = "-H 'authorization: Bearer demo-";
        let mut command = written.replace(ADDRESS_DEFAULT, &self.address);
        if self.has_tls {
            command = command.replace("-plaintext", &format!("-cacert {}", self.ca.as_deref().unwrap_or(CA_DEFAULT)));
        }
        if let Some(session) = &self.session {
            let within = format!("-H '{SESSION}: {session}' {CREDENTIAL}");
            command = command.replacen(CREDENTIAL, &within, 1);
        }
        if let Some(folder) = &self.tokens_from
            && let Some((before, rest)) = command.split_once(CREDENTIAL)
            && let Some((who, after)) = rest.split_once('\'')
        {
            let whom = match who.strip_prefix("citizen-") {
                Some(number) => format!("--citizen {number}"),
                None => format!("--agency {who}"),
            };
            let token = format!("$(lienthong token issue --data-dir {folder} {whom})");
            command = format!("{before}-H \"authorization: Bearer {token}\"{after}");
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_works_where_it_is_printed() {
        let written = "grpcurl -plaintext -H 'authorization: Bearer demo-WHO' -H 'x: y' -d '{}' 127.0.0.1:50051 a/B";
        let reach = |has_tls, ca: Option<&str>, tokens: Option<&str>| Reach {
            address: "[::1]:7".into(),
            has_tls,
            ca: ca.map(Into::into),
            tokens_from: tokens.map(Into::into),
            session: None,
        };
        let within = |reach| Reach { session: Some("0f".into()), ..reach };
        let demo = "-H 'authorization: Bearer demo-one-stop'";
        let token = |whom: &str| format!("-H \"authorization: Bearer $(lienthong token issue --data-dir DIR {whom})\"");
        let cases = [
            (reach(false, None, None), "one-stop", format!("-plaintext {demo}")),
            (reach(true, None, None), "one-stop", format!("-cacert CA.pem {demo}")),
            (
                reach(true, Some("c.pem"), Some("DIR")),
                "one-stop",
                format!("-cacert c.pem {}", token("--agency one-stop")),
            ),
            (
                reach(false, None, Some("DIR")),
                "citizen-042185990002",
                format!("-plaintext {}", token("--citizen 042185990002")),
            ),
            (within(reach(false, None, None)), "one-stop", format!("-plaintext -H 'x-lienthong-session: 0f' {demo}")),
            (
                within(reach(false, None, Some("DIR"))),
                "one-stop",
                format!("-plaintext -H 'x-lienthong-session: 0f' {}", token("--agency one-stop")),
            ),
        ];
        for (reach, who, expected) in cases {
            let command = reach.command(&written.replace("WHO", who));
            assert_eq!(command, format!("grpcurl {expected} -H 'x: y' -d '{{}}' [::1]:7 a/B"));
        }
    }
}
