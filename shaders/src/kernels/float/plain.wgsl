// Output: the values, or what of them is positive.

@group(0) @binding(3) var<storage, read_write> output: array<f32>;

fn store(row: u32, o: u32, values: vec4<f32>) {
    var kept = values;
    if params.relu != 0u {
        kept = max(values, vec4<f32>());
    }
    for (var j = 0u; j < min(4u, params.outputs - o); j++) {
        output[row * params.outputs + o + j] = kept[j];
    }
}
