//! The code lists as `ListCodes` shows them.

use std::sync::Arc;

use crate::api::{PageTokens, page};
use crate::base::{Call, Date, Error, Result, name};
use crate::registry::Catalogue;
use crate::registry::codes::{Carries, Code, CodeList};
use crate::registry::rule::date;
use crate::wire::proto::registry::v1;

/// The lists, or a page of the codes of one.
pub fn list_codes(
    pages: &PageTokens,
    catalogue: &Catalogue,
    call: &Call,
    request: &v1::ListCodesRequest,
) -> Result<v1::ListCodesResponse> {
    if request.list.is_empty() {
        let lists = catalogue.code_lists().into_iter().map(describe_list).collect();
        return Ok(v1::ListCodesResponse { lists, ..Default::default() });
    }
    let lists = catalogue.code_lists();
    let list = lists.iter().find(|list| list.name == request.list).ok_or_else(|| unknown(&request.list, &lists))?;
    let on = day(&request.on)?;
    let limit = page::size(request.page_size)?;
    let binding = [request.list.as_bytes(), request.on.as_bytes(), request.code.as_bytes()];
    let first = match pages.read(call, &binding, &request.page_token)? {
        Some(position) => {
            let position = position.try_into().map_err(|_| Error::bug("a page token of ours has another length"))?;
            u32::from_be_bytes(position) as usize
        }
        None => 0,
    };
    let is_asked_for =
        |code: &Code| on.is_none_or(|day| code.holds_on(day)) && (request.code.is_empty() || code.code == request.code);
    let mut found = list.codes().iter().enumerate().skip(first).filter(|(_, code)| is_asked_for(code));
    let codes = found.by_ref().take(limit).map(|(_, code)| describe_code(code)).collect();
    let next = found.next().map(|(at, _)| pages.issue(call, &binding, &(at as u32).to_be_bytes()));
    Ok(v1::ListCodesResponse { lists: vec![], codes, next_page_token: next.unwrap_or_default() })
}

fn unknown(given: &str, lists: &[&Arc<CodeList>]) -> Error {
    let known = lists.iter().map(|list| list.name.as_str());
    Error::invalid(name::unknown("list", "code list", given, known, "RegistryService/ListCodes without a list"))
}

fn day(text: &str) -> Result<Option<Date>> {
    match date(text) {
        None if !text.is_empty() => {
            Err(Error::invalid_field("on", "FORMAT", "must be a date, YYYY-MM-DD, in the years 1800 to 2200"))
        }
        day => Ok(day),
    }
}

fn describe_list(list: &Arc<CodeList>) -> v1::CodeListDescription {
    let carries = match list.carries {
        Carries::Code => "code",
        Carries::Name => "name",
    };
    v1::CodeListDescription {
        name: list.name.clone(),
        label_vi: list.label.vi.clone(),
        label_en: list.label.en.clone(),
        source: list.source.clone(),
        complete: list.is_complete,
        carries: carries.into(),
        codes: list.codes().len() as u32,
    }
}

fn describe_code(code: &Code) -> v1::CodeDescription {
    let day = |day: Option<Date>| day.map(|day| day.to_string()).unwrap_or_default();
    v1::CodeDescription {
        code: code.code.clone(),
        name_vi: code.name.vi.clone(),
        name_en: code.name.en.clone(),
        valid_from: day(code.valid_from),
        valid_until: day(code.valid_until),
        successor: code.successor.clone().unwrap_or_default(),
        property: code.property.clone(),
    }
}
