//! The origins of a world's logs: the first line of their checkpoints, and the name under which their keys sign.

use super::{ProvinceCode, SessionId};

/// The name of the record ledger among a world's logs; a registry's log has the registry's name.
pub const RECORD_LEDGER: &str = "records";
/// The name of the evidence ledger among a world's logs.
pub const EVIDENCE_LEDGER: &str = "evidence";

/// The names of one world's logs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins {
    province: ProvinceCode,
    /// The session, and how often it began anew.
    session: Option<(SessionId, u32)>,
}

impl Origins {
    /// Those of a province.
    pub fn of(province: ProvinceCode) -> Self {
        Self { province, session: None }
    }

    /// Those of a session of the same province. A session that was reset has another `round`: its logs are others.
    #[must_use]
    pub fn within(&self, session: SessionId, round: u32) -> Self {
        Self { province: self.province.clone(), session: Some((session, round)) }
    }

    /// The province.
    pub fn province(&self) -> &ProvinceCode {
        &self.province
    }

    /// The origin of a log: `lienthong/H27/records`, in a session `lienthong/H27/session/<id>/records`, after its first reset
    /// `lienthong/H27/session/<id>.1/records`.
    pub fn origin(&self, log: &str) -> String {
        match &self.session {
            None => self.province.origin(log),
            Some((session, 0)) => self.province.origin(&format!("session/{session}/{log}")),
            Some((session, round)) => self.province.origin(&format!("session/{session}.{round}/{log}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_logs_have_names_of_their_own() {
        let of_province = Origins::default();
        let session = SessionId::parse("00112233445566778899aabbccddeeff").expect("an id");
        assert_eq!(of_province.origin("land"), "lienthong/H27/land");
        let expected = "lienthong/H27/session/00112233445566778899aabbccddeeff/land";
        assert_eq!(of_province.within(session, 0).origin("land"), expected);
        assert_eq!(of_province.within(session, 1).origin("land"), expected.replace("/land", ".1/land"));
    }
}
