//! The judicial record.

use crate::base::{Date, PartialDate, PersonalId};
use crate::trust::canonical::{Object, Value};

use super::{Document, Text, day, partial, put, put_list};

/// One sentence.
#[derive(Debug, Clone)]
pub struct Sentence {
    /// The court.
    pub court: Text,
    /// `12/2019/HS-ST`.
    pub judgment_number: String,
    /// Day of the judgment.
    pub judged_on: Date,
    /// The offence, with its article.
    pub offence: Text,
    /// Main penalty.
    pub penalty: Text,
    /// Additional penalty.
    pub additional_penalty: Option<Text>,
    /// Day on which the punishment had been served.
    pub served_on: Option<Date>,
    /// Day on which it was expunged.
    pub expunged_on: Option<Date>,
}

impl From<&Sentence> for Value {
    fn from(sentence: &Sentence) -> Self {
        let mut o = Object::new();
        put(&mut o, "additional_penalty", sentence.additional_penalty.as_deref());
        o.insert("court", sentence.court.as_ref());
        put(&mut o, "expunged_on", sentence.expunged_on.map(day));
        o.insert("judged_on", day(sentence.judged_on));
        o.insert("judgment_number", sentence.judgment_number.as_str());
        o.insert("offence", sentence.offence.as_ref());
        o.insert("penalty", sentence.penalty.as_ref());
        put(&mut o, "served_on", sentence.served_on.map(day));
        Value::Object(o)
    }
}

/// A ban on holding a post.
#[derive(Debug, Clone)]
pub struct Ban {
    /// The post.
    pub post: Text,
    /// First day.
    pub from_date: Date,
    /// Last day.
    pub until_date: Date,
}

impl From<&Ban> for Value {
    fn from(ban: &Ban) -> Self {
        let mut o = Object::new();
        o.insert("from_date", day(ban.from_date));
        o.insert("post", ban.post.as_ref());
        o.insert("until_date", day(ban.until_date));
        Value::Object(o)
    }
}

/// A person's judicial record.
#[derive(Debug, Clone)]
pub struct JudicialRecord {
    /// The person.
    pub personal_id: PersonalId,
    /// As on the judgments.
    pub full_name: String,
    /// Possibly of the year only.
    pub birth_date: PartialDate,
    /// Empty for those never convicted.
    pub sentences: Vec<Sentence>,
    /// Empty for nearly all.
    pub bans: Vec<Ban>,
}

impl Document for JudicialRecord {
    const TYPE: &'static str = crate::registry::judicial::RECORD;

    fn payload(&self) -> Object {
        let status = match self.sentences.as_slice() {
            [] => "no_conviction",
            all if all.iter().all(|sentence| sentence.expunged_on.is_some()) => "expunged",
            _ => "conviction",
        };
        let mut o = Object::new();
        put_list(&mut o, "bans", &self.bans);
        o.insert("birth_date", partial(self.birth_date));
        o.insert("full_name", self.full_name.as_str());
        o.insert("personal_id", self.personal_id.as_str());
        put_list(&mut o, "sentences", &self.sentences);
        o.insert("status", status);
        o
    }
}
