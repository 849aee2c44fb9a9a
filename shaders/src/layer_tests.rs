//! Which layers are accepted and which refused.

use super::*;

fn rows(weight: Vec<i16>, bias: Vec<i32>, shift1: u8) -> Rows {
    Rows { weight, bias, shift1: vec![shift1], mult: vec![1], shift2: vec![0] }
}

/// 16 full weights and one of 7 make 524279 * 4095 = 2146922505; 561143 are left below 2^31.
const WEIGHTS: [i16; 17] = [
    i16::MAX,
    -32767,
    32767,
    32767,
    32767,
    32767,
    -32767,
    32767,
    32767,
    32767,
    32767,
    32767,
    32767,
    32767,
    32767,
    -32767,
    7,
];
const LEFT: i32 = ((1i64 << 31) - 1 - 4095 * (16 * 32767 + 7)) as i32;

#[test]
fn the_largest_row_that_cannot_overflow_is_accepted_and_one_more_is_refused() {
    for sign in [1, -1] {
        assert!(Linear::new(17, 1, rows(WEIGHTS.to_vec(), vec![sign * LEFT], 0)).is_ok());
        let refused = Linear::new(17, 1, rows(WEIGHTS.to_vec(), vec![sign * (LEFT + 1)], 0));
        assert!(matches!(refused, Err(LayerError::Overflow { row: 0, .. })), "{refused:?}");
    }
}

#[test]
fn the_rounding_of_the_first_shift_counts() {
    assert!(Linear::new(17, 1, rows(WEIGHTS.to_vec(), vec![LEFT - 8], 4)).is_ok());
    assert!(Linear::new(17, 1, rows(WEIGHTS.to_vec(), vec![LEFT - 7], 4)).is_err());
    assert!(Linear::new(1, 1, rows(vec![0], vec![(1 << 30) - 1], 31)).is_ok());
    assert!(Linear::new(1, 1, rows(vec![0], vec![1 << 30], 31)).is_err());
    assert!(Linear::new(1, 1, rows(vec![0], vec![i32::MIN], 0)).is_err());
}

#[test]
fn the_largest_knot_decides_and_knots_stay_below_2_to_the_28() {
    let mut bias = vec![0; 64];
    bias[41] = -(1 << 28) + 1;
    assert!(Linear::new(1, 1, rows(vec![1], bias.clone(), 0)).is_ok());
    assert!(Linear::new(17, 1, rows(WEIGHTS.to_vec(), bias.clone(), 0)).is_err());
    bias[41] -= 1;
    let refused = Linear::new(1, 1, rows(vec![1], bias, 0));
    assert_eq!(refused, Err(LayerError::Range { tensor: "bias", row: 0, value: 1 << 28, min: 0, max: (1 << 28) - 1 }));
}

#[test]
fn shifts_multipliers_and_lengths_out_of_range_are_named() {
    let refused = Linear::new(1, 1, rows(vec![1], vec![0], 32));
    assert_eq!(refused, Err(LayerError::Range { tensor: "shift1", row: 0, value: 32, min: 0, max: 31 }));
    let refused = Linear::new(1, 1, Rows { mult: vec![-1], ..rows(vec![1], vec![0], 0) });
    assert_eq!(refused, Err(LayerError::Range { tensor: "mult", row: 0, value: -1, min: 0, max: 32767 }));
    let refused = Linear::new(2, 1, rows(vec![1], vec![0], 0));
    assert_eq!(refused, Err(LayerError::Length { tensor: "weight", expected: 2, found: 1 }));
    let refused = Linear::new(1, 1, rows(vec![1], vec![0, 0], 0));
    assert_eq!(refused, Err(LayerError::Length { tensor: "bias", expected: 64, found: 2 }));
    assert_eq!(Linear::new(0, 1, Rows::default()), Err(LayerError::Size { inputs: 0, outputs: 1 }));
}

#[test]
fn partial_convolutions_need_a_multiple_of_four_channels_and_a_plain_bias() {
    assert_eq!(Partial3x3::new(6, Rows::default()), Err(LayerError::Channels { channels: 6 }));
    assert!(Partial3x3::new(4, rows(vec![1; 9], vec![5], 0)).is_ok());
    assert!(Partial3x3::new(4, rows(vec![1; 9], vec![5; 64], 0)).is_err());
}

#[test]
fn a_head_is_split_by_group() {
    let all = Rows {
        weight: (0..8).collect(),
        bias: vec![1, 2, 3, 4],
        shift1: vec![0; 4],
        mult: vec![1; 4],
        shift2: vec![0; 4],
    };
    let head = Head::new(2, 1, all.clone()).unwrap();
    assert_eq!(head.groups()[2].rows().weight, [4, 5]);
    assert_eq!(head.groups()[3].rows().bias, [4]);
    assert!(Head::new(2, 1, Rows { shift1: vec![0; 5], ..all }).is_err());
}
