// Up-sampling: a linear layer to 4C channels whose results go straight to their place after the pixel shuffle, unless
// that lies beyond the (cropped) tile. Joined with arithmetic.wgsl and matmul.wgsl.

@group(0) @binding(3) var<storage, read_write> output: array<i32>;
@group(0) @binding(4) var<storage, read> first: array<i32>;
// Row, column in the tile, height and width of the tile, for every input position.
@group(0) @binding(5) var<storage, read> places: array<vec4<u32>>;
// First position, height and width of the tile that the results go to, for every input position.
@group(0) @binding(6) var<storage, read> targets: array<vec4<u32>>;

fn row_count(z: u32) -> u32 {
    return params.positions;
}

fn weight_row(z: u32) -> u32 {
    return 0u;
}

fn input_at(z: u32, row: u32, k: u32) -> i32 {
    return first[row * params.first_stride + k];
}

fn store(z: u32, row: u32, o: u32, value: i32) {
    let channels = params.outputs / 4u;
    let quadrant = o / channels;
    let y = 2u * places[row].x + quadrant / 2u;
    let x = 2u * places[row].y + quadrant % 2u;
    let to = targets[row];
    if y < to.y && x < to.z {
        output[(to.x + y * to.z + x) * channels + o % channels] = clamp_activation(value);
    }
}
