//! Fuzzes the property `anchor`: see `src/properties.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lienthong_fuzz::{properties, seeds};

fuzz_target!(init: seeds::plant("anchor"), |data: &[u8]| properties::anchor(data));
