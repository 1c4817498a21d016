//! Registries: the sectoral databases that issue signed records, behind one contract.
//!
//! A sector is data: its record types are in a file of their own, and the [`catalogue`] of a world lists them. Everything else
//! here is one mechanism for all: [`rule`] and [`schema`] define the allowed content of a record, [`port`] is the contract that every registry
//! keeps, wherever it runs, [`reader`] asks and verifies through it, [`embedded`] keeps it over a store and a log, and the API serves it.

pub mod address;
pub mod allocation;
pub mod answer;
pub mod basis;
pub mod business;
pub mod calendar;
pub mod catalogue;
pub mod cel;
pub mod civil_status;
pub mod code_names;
pub mod codes;
pub mod common;
pub mod definition;
pub mod driver_licence;
mod due;
pub mod due_work;
pub mod embedded;
mod fact;
mod findings;
mod form;
pub mod forms;
pub mod health_insurance;
mod index;
pub mod judicial;
pub mod label;
mod labels;
pub mod land;
pub mod lifecycle;
mod name;
mod named_types;
pub mod normal;
pub mod numbers;
mod page_cache;
pub mod pattern;
mod plan;
pub mod port;
pub mod prepare;
mod put;
mod read;
pub mod reader;
mod recent;
mod reference;
mod repetition;
pub mod resident;
mod row;
pub mod rule;
pub mod samples;
pub mod schema;
pub mod schema_file;
mod sector;
pub mod signing;
pub mod social_insurance;
mod spelling;
pub mod stored;
pub mod vehicle;
pub mod viewed;
mod writer;

pub use catalogue::Catalogue;
pub use embedded::EmbeddedRegistry;
pub use name::Name;
pub use named_types::named_types;
pub use reader::Reader;
pub use schema::{DocumentType, Heading, RecordType, State};
pub use sector::Sector;
pub use viewed::SubjectKind;
