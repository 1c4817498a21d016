//! Linking and presenting over registries in this process: every outcome, the registries' news, and races.

mod linking;
mod numbers;
mod presenting;
mod world;
