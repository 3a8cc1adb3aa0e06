//! Time as the engine sees it: handed in with every input, in milliseconds.

/// One moment on two clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic; decides every deadline. It may stand still while a device sleeps.
    pub mono: u64,
    /// Unix time; only for what people read and for noticing that the device slept.
    pub wall: u64,
}

impl Now {
    /// A moment.
    #[must_use]
    pub fn new(mono: u64, wall: u64) -> Self {
        Self { mono, wall }
    }
}

/// A small, seedable generator (splitmix64): jitter needs spread, not secrecy, and tests need the same again.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..=limit`.
    pub fn up_to(&mut self, limit: u64) -> u64 {
        self.next() % limit.saturating_add(1).max(1)
    }
}
