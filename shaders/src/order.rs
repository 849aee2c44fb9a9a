//! The four-step order in which latents are coded: which channel group of which 2x2 phase comes in which pass.

/// Number of context passes, of channel groups and of phases.
pub const PASSES: usize = 4;

/// `ORDER[group][pass]` is the phase of the positions whose channels of that group are coded in that pass.
pub const ORDER: [[usize; PASSES]; PASSES] = [[0, 3, 1, 2], [3, 0, 2, 1], [1, 2, 0, 3], [2, 1, 3, 0]];

/// `GROUP[pass][phase]` is the channel group that is coded in that pass at positions of that phase.
pub const GROUP: [[usize; PASSES]; PASSES] = groups();

const fn groups() -> [[usize; PASSES]; PASSES] {
    let mut table = [[0; PASSES]; PASSES];
    let mut group = 0;
    while group < PASSES {
        let mut pass = 0;
        while pass < PASSES {
            table[pass][ORDER[group][pass]] = group;
            pass += 1;
        }
        group += 1;
    }
    table
}

/// The 2x2 phase of a position of a tile's latent plane, 0..=3.
#[inline(always)]
pub const fn phase(row: usize, column: usize) -> usize {
    2 * (row % 2) + column % 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_of_every_position_is_coded_in_exactly_one_pass() {
        for phase in 0..PASSES {
            let mut groups: Vec<_> = (0..PASSES).map(|pass| GROUP[pass][phase]).collect();
            groups.sort_unstable();
            assert_eq!(groups, [0, 1, 2, 3]);
            for pass in 0..PASSES {
                assert_eq!(ORDER[GROUP[pass][phase]][pass], phase);
            }
        }
    }
}
