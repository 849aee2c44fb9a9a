//! Where a smaller network's channels lie in a larger one's: one map for each kind of dimension a tensor can have.
//!
//! A channel's place matters where the network treats places differently. The first quarter of a residual stream goes through the 3x3 convolution, so a
//! stream's quarter is embedded in the larger quarter and its rest in the larger rest; the latent is cut in four groups that are decoded in different
//! passes, so each group is embedded in its own.

/// Places of a smaller dimension's elements in a larger dimension.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    /// Place of every element of the smaller dimension, rising.
    pub(super) places: Vec<usize>,
    /// Size of the larger dimension.
    pub(super) size: usize,
}

impl Axis {
    /// The first elements: hidden units, convolution channels, hyper-latents.
    pub(super) fn first(small: usize, large: usize) -> Self {
        Self { places: (0..small).collect(), size: large }
    }

    /// A dimension that does not grow.
    pub(super) fn same(size: usize) -> Self {
        Self::first(size, size)
    }

    /// The channels of a residual stream: its first quarter in the first quarter, the rest behind that.
    pub(super) fn stream(small: usize, large: usize) -> Self {
        let places = (0..small).map(|c| if c < small / 4 { c } else { large / 4 + c - small / 4 });
        Self { places: places.collect(), size: large }
    }

    /// `count` copies of an axis behind each other: corners of a 2x2 neighbourhood, values and gates, channel groups.
    pub(super) fn repeated(&self, count: usize) -> Self {
        let places = (0..count).flat_map(|i| self.places.iter().map(move |place| i * self.size + place));
        Self { places: places.collect(), size: count * self.size }
    }

    /// Another axis behind this one: a layer that reads two tensors.
    pub(super) fn then(&self, next: &Self) -> Self {
        let behind = next.places.iter().map(|place| self.size + place);
        Self { places: self.places.iter().copied().chain(behind).collect(), size: self.size + next.size }
    }

    /// For every element of the larger dimension its element in the smaller one, if it has one.
    pub(super) fn origins(&self) -> Vec<Option<usize>> {
        let mut origins = vec![None; self.size];
        for (small, &place) in self.places.iter().enumerate() {
            if let Some(origin) = origins.get_mut(place) {
                *origin = Some(small);
            }
        }
        origins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_streams_quarter_lies_in_the_larger_quarter_and_its_rest_behind() {
        assert_eq!(Axis::stream(8, 16).places, [0, 1, 4, 5, 6, 7, 8, 9]);
        assert_eq!(Axis::stream(8, 8), Axis::same(8));
    }

    #[test]
    fn every_group_of_the_latent_lies_in_its_own_larger_group() {
        let latent = Axis::first(2, 3).repeated(4);
        assert_eq!(latent.places, [0, 1, 3, 4, 6, 7, 9, 10]);
        assert_eq!(latent.origins()[..4], [Some(0), Some(1), None, Some(2)]);
    }

    #[test]
    fn a_layer_that_reads_two_tensors_finds_the_second_behind_the_larger_first() {
        let both = Axis::first(2, 4).then(&Axis::first(1, 2));
        assert_eq!((both.places, both.size), (vec![0, 1, 4], 6));
    }
}
