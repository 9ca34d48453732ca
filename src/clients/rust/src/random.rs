use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// A number nobody else has, good enough for waiting times and names; no secret.
pub(crate) fn number() -> u64 {
    // Each RandomState has keys of its own, from the system's source of randomness.
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u64(0);
    hasher.finish()
}

/// A number from 0 up to, and without, 1.
pub(crate) fn fraction() -> f64 {
    (number() >> 11) as f64 / (1_u64 << 53) as f64
}
