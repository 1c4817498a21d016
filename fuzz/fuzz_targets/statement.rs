//! Fuzzes the property `statement`: see `src/properties.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lienthong_fuzz::{properties, seeds};

fuzz_target!(init: seeds::plant("statement"), |data: &[u8]| properties::statement(data));
