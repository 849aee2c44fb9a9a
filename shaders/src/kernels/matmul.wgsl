// A tiled integer matrix product, the body of the kernels linear, partial, up and head. The file it is joined with says
// where inputs come from and where results go, for the slice z of the dispatch:
//   row_count(z)               rows of the product (positions)
//   weight_row(z)              first row of the weights
//   input_at(z, row, k)        one activation, row < row_count(z), k < params.inputs
//   store(z, row, o, value)    takes the requantised value of output o
// A workgroup computes 64 rows x 64 outputs, a thread 4 x 4. Every sum is exact in i32 (layer.rs checks it), so the
// order of summation, here 16 inputs at a time, does not matter.

@group(0) @binding(0) var<uniform> params: Params;
// Two i16 in a word, [outputs, ceil(inputs / 2)].
@group(0) @binding(1) var<storage, read> weights: array<u32>;
// Bias, first shift, multiplier, second shift of every output.
@group(0) @binding(2) var<storage, read> rows: array<vec4<i32>>;

const TILE: u32 = 64u;
const DEPTH: u32 = 16u;

var<workgroup> tile_inputs: array<i32, 1024>;
var<workgroup> tile_weights: array<i32, 1024>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let z = workgroup.z;
    let count = row_count(z);
    let first_row = workgroup.x * TILE;
    let first_output = workgroup.y * TILE;
    let words = (params.inputs + 1u) / 2u;
    let base = weight_row(z);
    let my_row = (thread / 16u) * 4u;
    let my_output = (thread % 16u) * 4u;
    var sums: array<vec4<i32>, 4>;

    for (var start = 0u; start < params.inputs; start += DEPTH) {
        for (var i = 0u; i < 4u; i++) {
            let element = thread + i * 256u;
            let row = first_row + element / DEPTH;
            let k = start + element % DEPTH;
            var value = 0;
            if row < count && k < params.inputs {
                value = input_at(z, row, k);
            }
            // [k, row], so that a thread's four rows are neighbours.
            tile_inputs[(element % DEPTH) * TILE + element / DEPTH] = value;
        }
        for (var i = 0u; i < 2u; i++) {
            let element = thread + i * 256u;
            let output = element / (DEPTH / 2u);
            let word = start / 2u + element % (DEPTH / 2u);
            var pair = 0u;
            if first_output + output < params.outputs && word < words {
                pair = weights[(base + first_output + output) * words + word];
            }
            let slot = 2u * (element % (DEPTH / 2u)) * TILE + output;
            tile_weights[slot] = bitcast<i32>(pair << 16u) >> 16u;
            tile_weights[slot + TILE] = bitcast<i32>(pair) >> 16u;
        }
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
            let slot = k * TILE + my_output;
            let w = vec4<i32>(tile_weights[slot], tile_weights[slot + 1u], tile_weights[slot + 2u], tile_weights[slot + 3u]);
            for (var i = 0u; i < 4u; i++) {
                sums[i] += w * tile_inputs[k * TILE + my_row + i];
            }
        }
        workgroupBarrier();
    }

    for (var i = 0u; i < 4u; i++) {
        for (var j = 0u; j < 4u; j++) {
            let row = first_row + my_row + i;
            let output = first_output + my_output + j;
            if row < count && output < params.outputs {
                let constants = rows[base + output];
                store(z, row, output, requantise(constants.x + sums[i][j], constants));
            }
        }
    }
}
