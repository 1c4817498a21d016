//! Fuzzes the property `json`: see `src/json.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lienthong_fuzz::{properties, seeds};

fuzz_target!(init: seeds::plant("json"), |data: &[u8]| properties::json(data));
