//! A presentation: single use, one agency, chosen documents, a short time. Pure.

use crate::base::{AgencyId, PersonalId, Timestamp};
use crate::trust::Object;

use super::document::DocumentType;

/// What is stored of where a presentation stands; expiry follows from the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Not used.
    Open,
    /// An agency is being served.
    Claimed,
    /// Used.
    Used,
    /// The citizen cancelled it.
    Cancelled,
}

/// Where a presentation stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentationState {
    /// May be redeemed.
    Open,
    /// Was redeemed, or is being redeemed.
    Used,
    /// Its time is over.
    Expired,
    /// Cancelled.
    Cancelled,
}

/// A presentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presentation {
    /// Its id.
    pub id: uuid::Uuid,
    /// Whose documents.
    pub person: PersonalId,
    /// Who may redeem it.
    pub agency: AgencyId,
    /// Which documents.
    pub document_types: Vec<DocumentType>,
    /// The links at its making.
    pub links: Vec<uuid::Uuid>,
    /// Where it stands.
    pub stored: Stored,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it may be redeemed, not included.
    pub expires_at: Timestamp,
    /// When it was redeemed.
    pub used_at: Option<Timestamp>,
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
    /// Where it stands at `now`.
    pub fn state_at(&self, now: Timestamp) -> PresentationState {
        match self.stored {
            Stored::Used | Stored::Claimed => PresentationState::Used,
            Stored::Cancelled => PresentationState::Cancelled,
            Stored::Open if self.expires_at <= now => PresentationState::Expired,
            Stored::Open => PresentationState::Open,
        }
    }

    /// The row.
    pub fn to_row(&self) -> Object {
        let kinds: Vec<i64> = self.document_types.iter().map(|kind| i64::from(kind.code())).collect();
        let links: Vec<String> = self.links.iter().map(ToString::to_string).collect();
        Object::new()
            .with("agency", self.agency.as_str())
            .with("created_at", self.created_at.0)
            .with("document_types", kinds)
            .with("expires_at", self.expires_at.0)
            .with("links", links)
            .with("state", self.stored.as_str())
            .with_optional("used_at", self.used_at.map(|at| at.0))
    }

    /// Reads a row.
    pub fn from_row(person: PersonalId, id: uuid::Uuid, row: &Object) -> Option<Self> {
        let kinds = row.array("document_types")?.iter();
        let links = row.array("links")?.iter();
        Some(Self {
            id,
            person,
            agency: AgencyId::parse(row.text("agency")?)?,
            document_types: kinds.map(|kind| DocumentType::from_code(kind.as_integer()?)).collect::<Option<_>>()?,
            links: links.map(|link| link.as_text()?.parse().ok()).collect::<Option<_>>()?,
            stored: Stored::parse(row.text("state")?)?,
            created_at: Timestamp(row.integer("created_at")?),
            expires_at: Timestamp(row.integer("expires_at")?),
            used_at: row.integer("used_at").map(Timestamp),
        })
    }
}

/// Letters of a code: Crockford's base 32, which has no letter that looks like another.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Bytes of chance in a code: 160 bits.
pub const CODE_BYTES: usize = 20;

/// A code of 32 letters in groups of four.
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

/// The bare letters of a code as people type it, or of its QR payload; `None` when it cannot be one.
pub fn read_code(text: &str) -> Option<String> {
    let text = text.strip_prefix(QR_PREFIX).unwrap_or(text);
    let mut letters = String::with_capacity(32);
    for letter in text.chars().filter(|letter| !matches!(letter, '-' | ' ')) {
        let letter = match letter.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            letter => letter,
        };
        if letters.len() == 32 || !letter.is_ascii() || !LETTERS.contains(&(letter as u8)) {
            return None;
        }
        letters.push(letter);
    }
    (letters.len() == 32).then_some(letters)
}

/// What a QR code holds before the code.
pub const QR_PREFIX: &str = "lienthong:present:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_reads_as_it_was_written_or_typed() {
        let mut bytes = [0; CODE_BYTES];
        (0..).zip(&mut bytes).for_each(|(n, byte)| *byte = n * 13);
        let code = write_code(&bytes);
        assert_eq!(code.len(), 39);
        let bare = read_code(&code).expect("reads");
        assert_eq!(bare.len(), 32);
        assert_eq!(read_code(&format!("{QR_PREFIX}{code}")).as_deref(), Some(bare.as_str()));
        assert_eq!(read_code(&code.to_lowercase().replace('0', "o").replace('1', "l")), Some(bare));
        for bad in ["", "ABC", &format!("{code}0"), &code.replace('0', "U")] {
            assert_eq!(read_code(bad), None, "{bad}");
        }
    }

    #[test]
    fn time_and_use_end_a_presentation() {
        let presentation = Presentation {
            id: uuid::Uuid::nil(),
            person: PersonalId::parse("042185990002").expect("id"),
            agency: AgencyId::parse("one-stop").expect("key"),
            document_types: vec![DocumentType::HealthInsuranceCard],
            links: vec![uuid::Uuid::nil()],
            stored: Stored::Open,
            created_at: Timestamp(0),
            expires_at: Timestamp(10),
            used_at: None,
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
            let row = presentation.to_row();
            assert_eq!(Presentation::from_row(presentation.person, presentation.id, &row), Some(presentation));
        }
    }
}
