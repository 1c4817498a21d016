//! Keys and what is published of them.

pub mod anchors;
