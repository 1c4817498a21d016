//! The province layer over registries in this process.
