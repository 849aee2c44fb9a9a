// What the next passes see of the latents decoded in this one. Joined with arithmetic.wgsl.
// One thread for each position (x) and channel of its group (y).

@group(0) @binding(0) var<uniform> params: Params;
// Symbols of the pass in coding order, two i16 in a word.
@group(0) @binding(1) var<storage, read> symbols: array<u32>;
// The output of head.wgsl.
@group(0) @binding(2) var<storage, read> parameters: array<i32>;
// [positions, M]
@group(0) @binding(3) var<storage, read_write> output: array<i32>;
// Row, column in the tile, height and width of the tile, for every position.
@group(0) @binding(4) var<storage, read> places: array<vec4<u32>>;
// Multiplier, shift before and shift after it, for every latent channel.
@group(0) @binding(5) var<storage, read> gains: array<vec4<i32>>;

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let position = id.x;
    let part = params.outputs;
    if position >= params.positions || id.y >= part {
        return;
    }
    let place = places[position];
    let phase = 2u * (place.x % 2u) + place.y % 2u;
    let channel = params.phase_group[phase] * part + id.y;
    let slot = position * part + id.y;
    let symbol = bitcast<i32>(symbols[slot / 2u] << (16u - 16u * (slot % 2u))) >> 16u;
    let latent = symbol * 64 + parameters[position * 2u * part + id.y];
    let gain = gains[channel];
    let narrow = clamp(round_shift(latent, u32(gain.y)), -WIDE_MAX, WIDE_MAX);
    output[position * 4u * part + channel] = clamp_activation(round_shift(narrow * gain.x, u32(gain.z)));
}
