//! The descriptors of all messages.

use std::sync::OnceLock;

use prost_reflect::DescriptorPool;

/// The descriptors of all messages.
pub fn pool() -> &'static DescriptorPool {
    static POOL: OnceLock<DescriptorPool> = OnceLock::new();
    POOL.get_or_init(|| DescriptorPool::decode(crate::wire::DESCRIPTORS).expect("the build compiled these descriptors"))
}
