//! A presentation: one use by one agency, of chosen documents, within a short time. Pure.
//!
//! A redemption whose answer was lost is a use all the same, and the agency cannot know whether it happened. So the same agency may repeat it for
//! [`REPEAT_MS`] and gets the same answer: the versions delivered, under the evidence of the first redemption.

use crate::access::Actor;
use crate::base::{AgencyId, PersonalId, Timestamp};
use crate::trust::Object;

use super::document::DocumentType;

/// The stored state of a presentation; expiry follows from the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Not used.
    Open,
    /// A redemption is in progress.
    Claimed,
    /// Used.
    Used,
    /// The citizen cancelled it.
    Cancelled,
}

/// The state of a presentation at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentationState {
    /// May be redeemed.
    Open,
    /// Was redeemed, or a redemption is in progress.
    Used,
    /// Its time is over.
    Expired,
    /// Cancelled.
    Cancelled,
}

/// How long after a redemption the same agency may repeat it, in milliseconds.
pub const REPEAT_MS: i64 = 60_000;

/// The answer of a redemption, kept for repetitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedemptionAnswer {
    /// Index of its evidence entry.
    pub evidence_index: u64,
    /// The version delivered of each linked record, in the order of the links.
    pub versions: Vec<u64>,
}

/// The outcome of a redemption by the agency that the code names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// The documents are delivered.
    First,
    /// The earlier answer is repeated.
    Again(RedemptionAnswer),
    /// Refused: the code was used.
    Used,
    /// Refused: the code has expired.
    Expired,
    /// Refused: the citizen cancelled the code.
    Cancelled,
}

/// A presentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presentation {
    /// Its id.
    pub id: uuid::Uuid,
    /// The citizen whose documents are presented.
    pub person: PersonalId,
    /// The agency that may redeem it.
    pub agency: AgencyId,
    /// The kinds of the documents.
    pub document_types: Vec<DocumentType>,
    /// The links of those documents when it was made.
    pub links: Vec<uuid::Uuid>,
    /// The stored state.
    pub stored: Stored,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires, not included.
    pub expires_at: Timestamp,
    /// When it was redeemed.
    pub used_at: Option<Timestamp>,
    /// The citizen, or their guardian.
    pub created_by: Actor,
    /// Whether the redemption accepted records that fail verification.
    pub unverified: bool,
    /// The answer of the redemption, if it was redeemed.
    pub answer: Option<RedemptionAnswer>,
}

impl Stored {
    const NAMES: [(Self, &'static str); 4] =
        [(Self::Open, "open"), (Self::Claimed, "claimed"), (Self::Used, "used"), (Self::Cancelled, "cancelled")];

    fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    fn parse(text: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, name)| *name == text).map(|(state, _)| *state)
    }
}

impl Presentation {
    /// The state at `now`.
    pub fn state_at(&self, now: Timestamp) -> PresentationState {
        match self.stored {
            Stored::Used | Stored::Claimed => PresentationState::Used,
            Stored::Cancelled => PresentationState::Cancelled,
            Stored::Open if self.expires_at <= now => PresentationState::Expired,
            Stored::Open => PresentationState::Open,
        }
    }

    /// The outcome of a redemption at `now` by the agency that the code names. Redemptions of one code run one after another, so a presentation that
    /// is still claimed was left by a process that died: whether its answer went out is unknown, and it is redeemed as if it had not.
    pub fn turn(&self, unverified: bool, now: Timestamp) -> Turn {
        let since = self.used_at.map(|used_at| now.0 - used_at.0);
        let repeats = since.is_some_and(|since| (0..REPEAT_MS).contains(&since)) && self.unverified == unverified;
        match (self.state_at(now), &self.answer) {
            (PresentationState::Open, _) => Turn::First,
            (PresentationState::Used, Some(answer)) if repeats => Turn::Again(answer.clone()),
            (PresentationState::Used, None) if repeats && self.stored == Stored::Claimed => Turn::First,
            (PresentationState::Used, _) => Turn::Used,
            (PresentationState::Expired, _) => Turn::Expired,
            (PresentationState::Cancelled, _) => Turn::Cancelled,
        }
    }

    /// The row.
    pub fn to_row(&self) -> Object {
        let kinds: Vec<i64> = self.document_types.iter().map(|kind| i64::from(kind.0)).collect();
        let links: Vec<String> = self.links.iter().map(ToString::to_string).collect();
        let answer = self.answer.as_ref();
        let versions =
            |answer: &RedemptionAnswer| answer.versions.iter().map(|version| *version as i64).collect::<Vec<_>>();
        let guardian = self.created_by.guardian();
        Object::new()
            .with("agency", self.agency.as_str())
            .with("created_at", self.created_at.0)
            .with("document_types", kinds)
            .with_optional("evidence_index", answer.map(|answer| answer.evidence_index as i64))
            .with("expires_at", self.expires_at.0)
            .with_optional("guardian", guardian.map(|guardian| guardian.as_str().to_owned()))
            .with("links", links)
            .with("state", self.stored.as_str())
            .with_optional("unverified", self.unverified.then_some(true))
            .with_optional("used_at", self.used_at.map(|at| at.0))
            .with_optional("versions", answer.map(versions))
    }

    /// Reads a row.
    pub fn from_row(person: PersonalId, id: uuid::Uuid, row: &Object) -> Option<Self> {
        let kinds = row.array("document_types")?.iter();
        let links = row.array("links")?.iter();
        let number = |number: i64| u64::try_from(number).ok();
        let answer = match (row.integer("evidence_index"), row.array("versions")) {
            (Some(index), Some(versions)) => Some(RedemptionAnswer {
                evidence_index: number(index)?,
                versions: versions.iter().map(|version| number(version.as_integer()?)).collect::<Option<_>>()?,
            }),
            _ => None,
        };
        let created_by = match row.text("guardian") {
            Some(guardian) => Actor::Guardian(PersonalId::parse(guardian)?),
            None => Actor::Citizen,
        };
        Some(Self {
            id,
            person,
            agency: AgencyId::parse(row.text("agency")?)?,
            document_types: kinds
                .map(|kind| kind.as_integer()?.try_into().ok().map(DocumentType))
                .collect::<Option<_>>()?,
            links: links.map(|link| link.as_text()?.parse().ok()).collect::<Option<_>>()?,
            stored: Stored::parse(row.text("state")?)?,
            created_at: Timestamp(row.integer("created_at")?),
            expires_at: Timestamp(row.integer("expires_at")?),
            used_at: row.integer("used_at").map(Timestamp),
            created_by,
            unverified: row.contains("unverified"),
            answer,
        })
    }
}

/// The alphabet of a code: Crockford's base 32, without letters that look alike.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Random bytes in a code: 160 bits.
pub const CODE_BYTES: usize = 20;

/// A code: 32 letters in groups of four.
pub fn write_code(bytes: &[u8; CODE_BYTES]) -> String {
    let mut code = String::with_capacity(39);
    let (mut bits, mut held) = (0u32, 0);
    for byte in bytes {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            if code.len() % 5 == 4 {
                code.push('-');
            }
            code.push(LETTERS[(bits >> held & 31) as usize] as char);
        }
    }
    code
}

/// The letters of a code; `None` if the text is not one. Only the form in which codes are issued is accepted: eight groups of four capital letters
/// and digits, joined by hyphens, alone or after [`QR_PREFIX`]. A client that lets people type codes brings them into this form.
pub fn read_code(text: &str) -> Option<String> {
    let text = text.strip_prefix(QR_PREFIX).unwrap_or(text);
    let groups: Vec<&str> = text.split('-').collect();
    let is_group = |group: &&str| group.len() == 4 && group.bytes().all(|letter| LETTERS.contains(&letter));
    (groups.len() == 8 && groups.iter().all(is_group)).then(|| groups.concat())
}

/// Prefix of the code in a QR code.
pub const QR_PREFIX: &str = "lienthong:present:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_form() {
        let mut bytes = [0; CODE_BYTES];
        (0..).zip(&mut bytes).for_each(|(n, byte)| *byte = n * 13);
        let code = write_code(&bytes);
        assert_eq!(code.len(), 39);
        let bare = read_code(&code).expect("reads");
        assert_eq!(bare.len(), 32);
        assert_eq!(read_code(&format!("{QR_PREFIX}{code}")).as_deref(), Some(bare.as_str()));
        let upper = QR_PREFIX.to_uppercase();
        for bad in [
            "",
            "ABC",
            &bare,
            &code.to_lowercase(),
            &code.replace('-', " "),
            &code.replacen('-', "", 1),
            &code.replace('0', "O"),
            &code.replace('0', "U"),
            &format!("{code}\n"),
            &format!("\t{code}"),
            &format!(" {code}"),
            &format!("{code}0"),
            &format!("{code}-"),
            &format!("{upper}{code}"),
            &format!("{QR_PREFIX} {code}"),
            &format!("{QR_PREFIX}{QR_PREFIX}{code}"),
        ] {
            assert_eq!(read_code(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn time_and_use_end_a_presentation() {
        let presentation = Presentation {
            id: uuid::Uuid::nil(),
            person: PersonalId::parse("042185990002").expect("id"),
            agency: AgencyId::parse("one-stop").expect("key"),
            document_types: vec![DocumentType(1)],
            links: vec![uuid::Uuid::nil()],
            stored: Stored::Open,
            created_at: Timestamp(0),
            expires_at: Timestamp(10),
            used_at: None,
            created_by: Actor::Citizen,
            unverified: false,
            answer: None,
        };
        assert_eq!(presentation.state_at(Timestamp(9)), PresentationState::Open);
        assert_eq!(presentation.state_at(Timestamp(10)), PresentationState::Expired);
        for (stored, state) in [
            (Stored::Claimed, PresentationState::Used),
            (Stored::Used, PresentationState::Used),
            (Stored::Cancelled, PresentationState::Cancelled),
        ] {
            let presentation = Presentation { stored, used_at: Some(Timestamp(4)), ..presentation.clone() };
            assert_eq!(presentation.state_at(Timestamp(20)), state);
            let guardian = PersonalId::parse("042190000001").expect("id");
            let answered = Presentation {
                created_by: Actor::Guardian(guardian),
                unverified: true,
                answer: Some(RedemptionAnswer { evidence_index: 7, versions: vec![1, 3] }),
                ..presentation.clone()
            };
            for presentation in [presentation, answered] {
                let row = presentation.to_row();
                assert_eq!(Presentation::from_row(presentation.person, presentation.id, &row), Some(presentation));
            }
        }
        // stored, answered, asked for unverified, when → what comes of it
        let answer = RedemptionAnswer { evidence_index: 7, versions: vec![1] };
        let again = || Turn::Again(answer.clone());
        let cases = [
            (Stored::Open, false, false, 9, Turn::First),
            (Stored::Open, false, true, 9, Turn::First),
            (Stored::Open, false, false, 10, Turn::Expired),
            (Stored::Cancelled, false, false, 9, Turn::Cancelled),
            // expiry does not end a presentation that was begun in time
            (Stored::Used, true, false, 5, again()),
            (Stored::Used, true, false, REPEAT_MS + 3, again()),
            (Stored::Used, true, false, REPEAT_MS + 4, Turn::Used),
            (Stored::Used, true, true, 5, Turn::Used),
            (Stored::Used, true, false, 3, Turn::Used),
            // by a version that kept no answers
            (Stored::Used, false, false, 5, Turn::Used),
            // by a process that died
            (Stored::Claimed, false, false, 5, Turn::First),
            (Stored::Claimed, false, false, REPEAT_MS + 4, Turn::Used),
        ];
        for (at, (stored, is_answered, unverified, now, expected)) in cases.into_iter().enumerate() {
            let used_at = matches!(stored, Stored::Used | Stored::Claimed).then_some(Timestamp(4));
            let answer = is_answered.then(|| answer.clone());
            let presentation = Presentation { stored, used_at, answer, ..presentation.clone() };
            assert_eq!(presentation.turn(unverified, Timestamp(now)), expected, "case {at}");
        }
    }
}
