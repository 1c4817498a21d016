//! Fuzzes the property `token`: see `src/properties.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lienthong_fuzz::{properties, seeds};

fuzz_target!(init: seeds::plant("token"), |data: &[u8]| properties::token(data));
