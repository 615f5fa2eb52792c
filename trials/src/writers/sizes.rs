//! Sizes of data around every limit that a write can meet. Pure.

use rand::Rng;
use rand::seq::IndexedRandom;

/// `jute.maxbuffer` where nobody has set it: servers take no longer request.
pub const DEFAULT: usize = 0xf_ffff;

/// Bytes of a request beside path and data: its numbers, the lengths, and the open list of a create.
const AROUND_CREATE: usize = 47;
const AROUND_SET: usize = 20;

/// How much less than a limit leaves no room for what an engine has to write along with a change, or just enough.
const NEAR: [usize; 5] = [1, 60, 200, 500, 9_000];

/// One of the sizes that the data of a node may have: nothing, little, or near the limit of a side. `limits`: of the side that
/// is written and of the other one. It may be one byte more than the writer's side takes.
pub(super) fn any(path: &str, is_new: bool, limits: [usize; 2], rng: &mut impl Rng) -> usize {
    let around = path.len() + if is_new { AROUND_CREATE } else { AROUND_SET };
    let longest = |limit: usize| limit.saturating_sub(around);
    let here = longest(limits[0]);
    let mut sizes = vec![0, 1, 1_000];
    for limit in limits.map(longest) {
        sizes.extend([limit, limit + 1]);
        sizes.extend(NEAR.map(|less| limit.saturating_sub(less)));
    }
    // A writer loses its connection for one that is too long, so that is rare.
    sizes.retain(|size| *size <= here || (*size == here + 1 && rng.random_bool(0.3)));
    sizes.choose(rng).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    #[test]
    fn every_limit_is_met_and_passed_by_one() {
        let mut rng = StdRng::seed_from_u64(1);
        let limits = [4 << 20, DEFAULT];
        let path = "/t/l0";
        let met: Vec<_> = (0..5_000).map(|_| any(path, true, limits, &mut rng)).collect();
        let longest = limits.map(|limit| limit - AROUND_CREATE - path.len());
        for size in [0, 1, longest[0], longest[0] + 1, longest[1], longest[1] + 1] {
            assert!(met.contains(&size), "{size}");
        }
        assert!(met.iter().all(|size| *size <= longest[0] + 1));
        // What the writer's own side takes is the most, whatever the other one does.
        let met: Vec<_> = (0..5_000)
            .map(|_| any(path, false, [DEFAULT, 4 << 20], &mut rng))
            .collect();
        assert_eq!(met.iter().max(), Some(&(DEFAULT - AROUND_SET - path.len() + 1)));
    }
}
