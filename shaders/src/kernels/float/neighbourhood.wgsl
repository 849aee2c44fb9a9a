// Input: 2x2 positions of a plane of twice the size in the order row, column, channel.

@group(0) @binding(4) var<storage, read> first: array<f32>;

fn input_at(row: u32, k: u32) -> f32 {
    let quadrant = k / params.stride;
    let y = 2u * (row / params.columns) + quadrant / 2u;
    let x = 2u * (row % params.columns) + quadrant % 2u;
    return first[(y * 2u * params.columns + x) * params.stride + k % params.stride];
}
