//! `--status`: the status lists that records are held against, from files and from URLs.
//!
//! A list that cannot be got or does not verify is as good as none: what would need it is INDETERMINATE UNAVAILABLE, and the check says why.

use std::io::Read as _;
use std::time::Duration;

use crate::base::Timestamp;
use crate::transparency::client::HttpClient;
use crate::trust::status_list::{Finding, StatusToken, TOKEN_CHARS_MAX};
use crate::trust::{Statement, TrustAnchor};

use super::super::ca::CaArgs;
use super::super::output::Failure;
use super::exit::EXIT_FILE;

/// How long a URL may take to answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The lists that were given.
#[derive(Debug, Default)]
pub(super) struct Lists {
    lists: Vec<StatusToken>,
    /// Why others are not among them.
    flaws: Vec<String>,
}

impl Lists {
    /// Gets each list and verifies it.
    pub(super) fn load(sources: &[String], ca: &CaArgs, anchor: &TrustAnchor) -> Result<Self, Failure> {
        let client = HttpClient::new(TIMEOUT, ca.roots()?.as_ref());
        let mut found = Self::default();
        for source in sources {
            let text = if source.starts_with("http://") || source.starts_with("https://") {
                fetch(&client, source)
            } else {
                Ok(read(source)?)
            };
            let token =
                text.and_then(|text| StatusToken::verify(token_of(&text)?, anchor).map_err(|error| error.to_string()));
            match token {
                Ok(token) => found.lists.push(token),
                Err(why) => found.flaws.push(format!("{source}: {why}")),
            }
        }
        Ok(found)
    }

    /// The finding about a statement by the newest list that covers it.
    pub(super) fn judge(&self, statement: &Statement, ledger_index: Option<u64>, now: Timestamp) -> Finding {
        let about = self.lists.iter().filter(|list| list.covers(statement));
        match about.max_by_key(|list| (list.claims.issued_at, list.claims.ledger_size)) {
            Some(list) => list.judge(statement, ledger_index, now),
            None => {
                let schema = &statement.schema;
                StatusToken::missing(match self.flaws.is_empty() {
                    true => format!("no status list was given for {schema}"),
                    false => format!("no status list for {schema} was accepted: {}", self.flaws.join("; ")),
                })
            }
        }
    }
}

fn read(path: &str) -> Result<String, Failure> {
    let failed = |error: std::io::Error| {
        let why = format!("cannot be read: {error}");
        Failure::with_code(format!("{path}: {why}"), EXIT_FILE)
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    // A little more than a token: the JSON of an answer stands around it.
    file.take(TOKEN_CHARS_MAX as u64 + (64 << 10)).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn fetch(client: &HttpClient, url: &str) -> Result<String, String> {
    let answer = client.get(url, "application/statuslist+jwt", TOKEN_CHARS_MAX as u64)?;
    if answer.status != 200 {
        return Err(format!("HTTP status {}", answer.status));
    }
    String::from_utf8(answer.body.into()).map_err(|error| error.to_string())
}

/// The token of a file: alone, or in an answer of `GetStatusList`.
fn token_of(text: &str) -> Result<&str, String> {
    let text = text.trim_ascii();
    if !text.starts_with('{') {
        return Ok(text);
    }
    #[derive(serde::Deserialize)]
    struct Answer<'a> {
        #[serde(borrow)]
        token: &'a str, // base64url and dots: never escaped
    }
    serde_json::from_str::<Answer<'_>>(text)
        .map(|answer| answer.token)
        .map_err(|error| format!("not an answer of GetStatusList: {error}"))
}
