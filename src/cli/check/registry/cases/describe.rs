//! Cases about a registry's description of itself.

use serde_json::Value;
use tonic::Code;

use crate::cli::check::registry::subject::{Judged, Subject, answered, refused, wrong};

pub(super) async fn itself(subject: &mut Subject) -> Judged {
    let name = subject.registry.clone();
    let answer = answered("a description", subject.describe(&name).await?)?;
    let [found] = &answer.registries[..] else {
        return Err(wrong("one registry", &format!("{}", answer.registries.len())));
    };
    if found.registry != name || found.agency.is_empty() || found.log_origin.is_empty() {
        return Err(wrong("registry, agency and log_origin", "an empty field"));
    }
    let lacking = found.record_types.iter().find(|of| of.natural_key.is_empty() || of.json_schema.is_empty());
    match lacking {
        None if found.record_types.is_empty() => Err(wrong("record types", "none")),
        None => Ok(String::new()),
        Some(of) => Err(wrong("natural_key and json_schema", &format!("{} lacks one", of.record_type))),
    }
}

pub(super) async fn schema(subject: &mut Subject) -> Judged {
    let schema = &subject.sampler.schema;
    if schema["type"] != "object" {
        return Err(wrong("a schema of an object", &schema["type"].to_string()));
    }
    let has = |path: &str| {
        let mut at = schema;
        for name in path.split('.') {
            at = &at["properties"][name];
        }
        at != &Value::Null
    };
    match subject.natural_key.iter().find(|path| !has(path)) {
        Some(path) => Err(wrong(&format!("the key's field {path} in the schema"), "it is not there")),
        None => Ok(String::new()),
    }
}

pub(super) async fn unknown(subject: &mut Subject) -> Judged {
    refused(subject.describe("no_such_registry").await?, Code::InvalidArgument, "")
}

pub(super) async fn without_credential(subject: &mut Subject) -> Judged {
    refused(subject.describe_as_nobody().await, Code::Unauthenticated, "CREDENTIAL_MISSING")
}
