//! Records for agencies.
