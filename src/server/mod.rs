//! Assembly: one process that opens the store, seeds the world, wires every part and serves.

pub mod world;
