// The integer arithmetic of codec/PRIOR.md; the same as arithmetic.rs and gain.rs. Prepended to every kernel.

const ACTIVATION_MAX: i32 = 4095;
const WIDE_MAX: i32 = 32767;

struct Params {
    positions: u32,
    inputs: u32,
    outputs: u32,
    // What store() does: 0 clamp to activations, 1 ReLU, 2 add to what is there.
    epilogue: u32,
    // Channels read from the first input, and its channels per position; the rest comes from the second.
    first_count: u32,
    first_stride: u32,
    second_start: u32,
    second_stride: u32,
    // By phase: where its positions start in the list, how many they are, and which channel group they are coded with.
    phase_start: vec4<u32>,
    phase_count: vec4<u32>,
    phase_group: vec4<u32>,
}

fn round_shift(value: i32, shift: u32) -> i32 {
    return (value + bitcast<i32>((1u << shift) >> 1u)) >> shift;
}

// row: bias, first shift, multiplier, second shift
fn requantise(accumulator: i32, row: vec4<i32>) -> i32 {
    let narrow = clamp(round_shift(accumulator, u32(row.y)), -WIDE_MAX, WIDE_MAX);
    return round_shift(narrow * row.z, u32(row.w));
}

fn clamp_activation(value: i32) -> i32 {
    return clamp(value, -ACTIVATION_MAX, ACTIVATION_MAX);
}
