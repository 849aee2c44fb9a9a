//! A channels-last plane of activations.

/// Activations `[height, width, channels]`, channels of one position beside each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plane {
    height: usize,
    width: usize,
    channels: usize,
    data: Vec<i16>,
}

impl Plane {
    /// A plane of zeros.
    pub fn zeros(height: usize, width: usize, channels: usize) -> Self {
        Self { height, width, channels, data: vec![0; height * width * channels] }
    }

    /// A plane over given data, or `None` when its length is not `height * width * channels`.
    pub fn from_data(height: usize, width: usize, channels: usize, data: Vec<i16>) -> Option<Self> {
        let expected = height.checked_mul(width)?.checked_mul(channels)?;
        (data.len() == expected).then_some(Self { height, width, channels, data })
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Channels per position.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// All values, `[height, width, channels]`.
    pub fn data(&self) -> &[i16] {
        &self.data
    }

    /// All values, to be changed.
    pub fn data_mut(&mut self) -> &mut [i16] {
        &mut self.data
    }

    /// The channels of one position inside the plane.
    pub fn at(&self, row: usize, column: usize) -> &[i16] {
        let start = (row * self.width + column) * self.channels;
        &self.data[start..start + self.channels]
    }

    /// The channels of one position inside the plane, to be changed.
    pub fn at_mut(&mut self, row: usize, column: usize) -> &mut [i16] {
        let start = (row * self.width + column) * self.channels;
        &mut self.data[start..start + self.channels]
    }

    /// The upper left part of the plane, at most `height` rows and `width` columns.
    pub fn crop(&self, height: usize, width: usize) -> Self {
        let (height, width) = (height.min(self.height), width.min(self.width));
        let mut out = Self::zeros(height, width, self.channels);
        for row in 0..height {
            for column in 0..width {
                out.at_mut(row, column).copy_from_slice(self.at(row, column));
            }
        }
        out
    }
}
