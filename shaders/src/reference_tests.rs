//! Small layers whose outputs were computed by hand, and extremes that must not overflow.

use super::*;
use crate::Rows;

fn rows(weight: Vec<i16>, bias: Vec<i32>, shift1: u8, mult: i16, shift2: u8) -> Rows {
    let n = bias.len();
    Rows { weight, bias, shift1: vec![shift1; n], mult: vec![mult; n], shift2: vec![shift2; n] }
}

fn plane(height: usize, width: usize, channels: usize, data: &[i16]) -> Plane {
    Plane::from_data(height, width, channels, data.to_vec()).unwrap()
}

#[test]
fn a_linear_layer_of_two_inputs_matches_the_calculation_by_hand() {
    let layer = Linear::new(2, 2, rows(vec![3, -5, -2, 1], vec![10, -7], 1, 3, 2)).unwrap();
    let quality = QualityIndex::MAX;
    let input = plane(1, 2, 2, &[7, 4, -9, 100]);
    // Position 0: 10 + 21 - 20 = 11 -> 6 -> 18 -> 5;     -7 - 14 + 4 = -17 -> -8 -> -24 -> -6.
    // Position 1: 10 - 27 - 500 = -517 -> -258 -> -774 -> -193;  -7 + 18 + 100 = 111 -> 56 -> 168 -> 42.
    assert_eq!(linear(&layer, quality, &input, Clamp::Activation).data(), [5, -6, -193, 42]);
    assert_eq!(linear(&layer, quality, &input, Clamp::Relu).data(), [5, 0, 0, 42]);
}

#[test]
fn the_partial_convolution_sees_zeros_beyond_the_edge_and_passes_the_rest() {
    let weight = vec![1, 10, 100, 2, 20, 200, 3, 30, 300];
    let layer = Partial3x3::new(4, rows(weight, vec![0], 0, 1, 0)).unwrap();
    let input = plane(2, 2, 4, &[1, 9, 8, 7, 2, 6, 5, 4, 3, 1, 1, 1, 4, 2, 2, 2]);
    // At (0, 0): centre 20 * 1, right 200 * 2, below 30 * 3, below right 300 * 4.
    let out = partial3x3(&layer, &input);
    assert_eq!(out.at(0, 0), [1710, 9, 8, 7]);
    assert_eq!(out.at(0, 1), [2 + 40 + 9 + 120, 6, 5, 4]);
    assert_eq!(out.at(1, 0), [10 + 200 + 60 + 800, 1, 1, 1]);
    assert_eq!(out.at(1, 1), [1 + 20 + 6 + 80, 2, 2, 2]);
}

#[test]
fn pixel_shuffle_puts_quadrants_beside_each_other() {
    let layer = Linear::new(1, 8, rows(vec![1, 2, 3, 4, 5, 6, 7, 8], vec![0; 8], 0, 1, 0)).unwrap();
    let out = up(&layer, QualityIndex::MAX, &plane(1, 2, 1, &[1, 100]));
    assert_eq!((out.height(), out.width(), out.channels()), (2, 4, 2));
    assert_eq!(out.data(), [1, 2, 3, 4, 100, 200, 300, 400, 5, 6, 7, 8, 500, 600, 700, 800]);
}

#[test]
fn a_block_adds_to_its_input_and_not_to_the_convolved_one() {
    let conv = Partial3x3::new(4, rows(vec![0, 0, 0, 0, 2, 0, 0, 0, 0], vec![0], 0, 1, 0)).unwrap();
    let mut weight = vec![0; 32];
    weight[0] = 1;
    let expand = Linear::new(4, 8, rows(weight.clone(), vec![-5, 0, 0, 0, 0, 0, 0, 0], 0, 1, 0)).unwrap();
    let project = Linear::new(8, 4, rows(weight, vec![0, 4095, -4095, 0], 0, 1, 0)).unwrap();
    let block_layer = Block::new(conv, expand, project).unwrap();
    // 10 -> 20 by the convolution -> 15 -> added to 10. The others run into the clamps.
    let out = block(&block_layer, &plane(1, 1, 4, &[10, 20, -20, 30]));
    assert_eq!(out.data(), [25, 4095, -4095, 30]);
}

#[test]
fn the_head_uses_the_group_of_the_phase() {
    let layer = Head::new(1, 2, rows(vec![1, 1, 10, 10, 100, 100, 1000, 1000], vec![0; 8], 0, 1, 0)).unwrap();
    let input = plane(2, 2, 1, &[1, 2, 3, 4]);
    // Pass 0: phases 0, 1, 2, 3 belong to groups 0, 2, 3, 1.
    assert_eq!(head(&layer, 0, &input).data(), [1, 1, 200, 200, 3000, 3000, 40, 40]);
    // Pass 1: groups 1, 3, 2, 0.
    assert_eq!(head(&layer, 1, &input).data(), [10, 10, 2000, 2000, 300, 300, 4, 4]);
}

#[test]
fn the_most_extreme_rows_do_not_overflow() {
    let weight: Vec<i16> = (0..16).map(|i| if i % 3 == 0 { -32767 } else { 32767 }).collect();
    let bias = (1i64 << 31) - 1 - 4095 * 16 * 32767 - (1 << 9);
    for (sign, expected) in [(1, i64::from(i32::MAX)), (-1, -i64::from(i32::MAX) + 1024)] {
        let bias = sign * bias as i32;
        let inputs: Vec<i16> = weight.iter().map(|w| w.signum() * 4095 * sign as i16).collect();
        let exact: i64 =
            weight.iter().zip(&inputs).map(|(&w, &x)| i64::from(w) * i64::from(x)).sum::<i64>() + i64::from(bias);
        assert_eq!(exact + 512, expected, "the row reaches the edge of i32");
        // 2^31 / 2^10 is clamped to 32767, 32767 * 32767 >> 15 is 32766.
        let layer = Linear::new(16, 1, rows(weight.clone(), vec![bias], 10, 32767, 15)).unwrap();
        let out = linear(&layer, QualityIndex::MAX, &plane(1, 1, 16, &inputs), Clamp::Wide);
        assert_eq!(out.data(), [sign as i16 * 32766]);
    }
}
