//! Damages bytes, by seed.

/// A small random number generator; equal seeds give equal numbers.
#[derive(Debug)]
pub(super) struct Mutator(u64);

/// Lengths and counts at the limits of a decoder.
const TEMPTING: [i32; 9] = [-1, -2, 0, 1, 4, 0xffff, 1 << 28, i32::MAX, i32::MIN];

impl Mutator {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `n`; 0 if `n` is 0.
    fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n.max(1)).unwrap();
        usize::try_from(self.next() % n).unwrap()
    }

    /// Random bytes, or valid ones with some damage.
    pub(super) fn bytes(&mut self, valid: &[Vec<u8>]) -> Vec<u8> {
        if self.below(8) == 0 {
            let length = self.below(300);
            return (0..length).map(|_| self.next().to_be_bytes()[3]).collect();
        }
        let mut bytes = valid[self.below(valid.len())].clone();
        for _ in 0..=self.below(4) {
            self.damage(&mut bytes, valid);
        }
        bytes
    }

    fn damage(&mut self, bytes: &mut Vec<u8>, valid: &[Vec<u8>]) {
        let at = self.below(bytes.len());
        match self.below(6) {
            0 => bytes.truncate(at),
            1 if !bytes.is_empty() => bytes[at] = self.next().to_be_bytes()[5],
            2 | 3 if at + 4 <= bytes.len() => {
                let tempting = TEMPTING[self.below(TEMPTING.len())];
                bytes[at..at + 4].copy_from_slice(&tempting.to_be_bytes());
            }
            4 => {
                let part = bytes[at..(at + self.below(64)).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let other = &valid[self.below(valid.len())];
                bytes.truncate(at);
                bytes.extend_from_slice(&other[self.below(other.len())..]);
            }
        }
    }
}
