// 3x3 convolution of the first quarter of the channels; writes that quarter alone, because other workgroups still read
// the stream. Reads beyond the edge of a position's own tile give 0. Joined with arithmetic.wgsl and matmul.wgsl.

@group(0) @binding(3) var<storage, read_write> output: array<i32>;
@group(0) @binding(4) var<storage, read> first: array<i32>;
// Row, column in the tile, height and width of the tile, for every position.
@group(0) @binding(5) var<storage, read> places: array<vec4<u32>>;

fn row_count(z: u32) -> u32 {
    return params.positions;
}

fn weight_row(z: u32) -> u32 {
    return 0u;
}

fn input_at(z: u32, row: u32, k: u32) -> i32 {
    let place = places[row];
    let part = params.outputs;
    let tap = k / part;
    // Shifted by one, so that the row and column before the tile are 0.
    let y = place.x + tap / 3u;
    let x = place.y + tap % 3u;
    if y < 1u || y > place.z || x < 1u || x > place.w {
        return 0;
    }
    let neighbour = row + tap / 3u * place.w + tap % 3u - place.w - 1u;
    return first[neighbour * params.first_stride + k % part];
}

fn store(z: u32, row: u32, o: u32, value: i32) {
    output[row * params.outputs + o] = clamp_activation(value);
}
