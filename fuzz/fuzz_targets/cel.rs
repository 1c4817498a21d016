//! Fuzzes the property `cel`: see `src/properties.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lienthong_fuzz::{properties, seeds};

fuzz_target!(init: seeds::plant("cel"), |data: &[u8]| properties::cel(data));
