//! Fuzzes the property `canonical`: see `src/properties.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lienthong_fuzz::{properties, seeds};

fuzz_target!(init: seeds::plant("canonical"), |data: &[u8]| properties::canonical(data));
