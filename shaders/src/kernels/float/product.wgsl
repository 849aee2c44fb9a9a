// A tiled matrix product of floats, the body of every kernel of the transforms. It is joined with two files:
// one says where inputs come from,
//   input_at(row, k)           an activation, row < params.positions, k < params.inputs
// the other where results go,
//   store(row, o, values)      the outputs o..o + 4, bias added; lanes at params.outputs and beyond mean nothing
// A workgroup computes 64 rows x 64 outputs, a thread 4 x 4, 16 inputs at a time.

struct Params {
    // Rows of the product.
    positions: u32,
    inputs: u32,
    outputs: u32,
    // Positions in a row of the input plane; of its output plane where the product halves the plane (down).
    columns: u32,
    // Channels of the first input, and how many of them are replaced by all of the second.
    stride: u32,
    replaced: u32,
    // Whether plain.wgsl stores max(value, 0).
    relu: u32,
    unused: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
// [inputs, ceil(outputs / 4)]
@group(0) @binding(1) var<storage, read> weights: array<vec4<f32>>;
// [ceil(outputs / 4)]
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;

const TILE: u32 = 64u;
const DEPTH: u32 = 16u;

// [64 rows, 4 x 4 inputs]
var<workgroup> tile_inputs: array<vec4<f32>, 256>;
// [16 inputs, 16 x 4 outputs]
var<workgroup> tile_weights: array<vec4<f32>, 256>;

fn input_or_zero(row: u32, k: u32) -> f32 {
    if row < params.positions && k < params.inputs {
        return input_at(row, k);
    }
    return 0.0;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first_row = workgroup.x * TILE;
    let first_quad = workgroup.y * (TILE / 4u);
    let quads = (params.outputs + 3u) / 4u;
    let my_row = (thread / 16u) * 4u;
    let my_quad = thread % 16u;
    var sums: array<vec4<f32>, 4>;

    for (var start = 0u; start < params.inputs; start += DEPTH) {
        let row = first_row + thread / 4u;
        let k = start + 4u * (thread % 4u);
        tile_inputs[thread] = vec4<f32>(
            input_or_zero(row, k),
            input_or_zero(row, k + 1u),
            input_or_zero(row, k + 2u),
            input_or_zero(row, k + 3u),
        );
        let depth = start + thread / 16u;
        let quad = first_quad + my_quad;
        var weight = vec4<f32>();
        if depth < params.inputs && quad < quads {
            weight = weights[depth * quads + quad];
        }
        tile_weights[thread] = weight;
        workgroupBarrier();
        for (var k = 0u; k < DEPTH / 4u; k++) {
            let w0 = tile_weights[64u * k + my_quad];
            let w1 = tile_weights[64u * k + 16u + my_quad];
            let w2 = tile_weights[64u * k + 32u + my_quad];
            let w3 = tile_weights[64u * k + 48u + my_quad];
            for (var i = 0u; i < 4u; i++) {
                let x = tile_inputs[4u * (my_row + i) + k];
                sums[i] += x.x * w0 + x.y * w1 + x.z * w2 + x.w * w3;
            }
        }
        workgroupBarrier();
    }

    let quad = first_quad + my_quad;
    if quad < quads {
        for (var i = 0u; i < 4u; i++) {
            let row = first_row + my_row + i;
            if row < params.positions {
                store(row, 4u * quad, sums[i] + bias[quad]);
            }
        }
    }
}
