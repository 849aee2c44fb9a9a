// Output: 4C channels become C channels at 2x2 positions of a plane of twice the size, each times the gain of its channel.

@group(0) @binding(3) var<storage, read_write> output: array<f32>;
// [C]
@group(0) @binding(6) var<storage, read> gains: array<f32>;

fn store(row: u32, o: u32, values: vec4<f32>) {
    let channels = params.outputs / 4u;
    for (var j = 0u; j < min(4u, params.outputs - o); j++) {
        let quadrant = (o + j) / channels;
        let channel = (o + j) % channels;
        let y = 2u * (row / params.columns) + quadrant / 2u;
        let x = 2u * (row % params.columns) + quadrant % 2u;
        output[(y * 2u * params.columns + x) * channels + channel] = values[j] * gains[channel];
    }
}
