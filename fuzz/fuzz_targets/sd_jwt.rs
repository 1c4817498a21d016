//! Fuzzes the property `sd_jwt`: see `src/properties.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lienthong_fuzz::{properties, seeds};

fuzz_target!(init: seeds::plant("sd_jwt"), |data: &[u8]| properties::sd_jwt(data));
