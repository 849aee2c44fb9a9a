// Input: the 3x3 neighbourhood of a position in the order row, column, channel, of its first quarter of the channels.
// Beyond the edge of the plane everything is 0.

@group(0) @binding(4) var<storage, read> first: array<f32>;

fn input_at(row: u32, k: u32) -> f32 {
    let part = params.outputs;
    let tap = k / part;
    // Shifted by one, so that the row and column before the plane are 0.
    let y = row / params.columns + tap / 3u;
    let x = row % params.columns + tap % 3u;
    if y < 1u || y > params.positions / params.columns || x < 1u || x > params.columns {
        return 0.0;
    }
    return first[((y - 1u) * params.columns + x - 1u) * params.stride + k % part];
}
