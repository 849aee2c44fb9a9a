// Head of a pass: every position is multiplied with the weights of the one channel group that is coded there, and the
// results are turned into means and scale indices by the gain tables. Slice z of the dispatch is a phase.
// Joined with arithmetic.wgsl and matmul.wgsl.

// [positions, M / 2]: M / 4 means in 1/64 of a step, then M / 4 scale indices.
@group(0) @binding(3) var<storage, read_write> output: array<i32>;
@group(0) @binding(4) var<storage, read> first: array<i32>;
// All positions, sorted by phase.
@group(0) @binding(5) var<storage, read> by_phase: array<u32>;
// Multiplier and shift of the mean, offset of the log-scale, for every latent channel.
@group(0) @binding(6) var<storage, read> gains: array<vec4<i32>>;

fn row_count(z: u32) -> u32 {
    return params.phase_count[z];
}

fn weight_row(z: u32) -> u32 {
    return params.phase_group[z] * params.outputs;
}

fn position(z: u32, row: u32) -> u32 {
    return by_phase[params.phase_start[z] + row];
}

fn input_at(z: u32, row: u32, k: u32) -> i32 {
    return first[position(z, row) * params.first_stride + k];
}

fn store(z: u32, row: u32, o: u32, value: i32) {
    let part = params.outputs / 2u;
    let gain = gains[params.phase_group[z] * part + o % part];
    let wide = clamp(value, -WIDE_MAX, WIDE_MAX);
    var result = 0;
    if o < part {
        result = round_shift(wide * gain.x, u32(gain.y));
    } else {
        result = clamp(round_shift(wide + gain.z, 4u), 0, 63);
    }
    output[position(z, row) * params.outputs + o] = result;
}
