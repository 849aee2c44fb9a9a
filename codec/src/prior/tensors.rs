//! Typed, shape-checked access to the tensors of a weight file; what they mean is `weights.rs`.

use std::cell::RefCell;
use std::collections::BTreeSet;

use lic_shaders::Rows;
use safetensors::{Dtype, SafeTensors};

use super::WeightsError;

/// An element type of the prior's tensors, little-endian in the file.
pub(super) trait Element: Sized {
    const DTYPE: Dtype;
    const NAME: &'static str;
    fn decode(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! element {
    ($type:ty, $dtype:ident) => {
        impl Element for $type {
            const DTYPE: Dtype = Dtype::$dtype;
            const NAME: &'static str = stringify!($type);
            fn decode(bytes: &[u8]) -> Vec<Self> {
                let (elements, _) = bytes.as_chunks();
                elements.iter().map(|&b| Self::from_le_bytes(b)).collect()
            }
        }
    };
}

element!(u8, U8);
element!(i16, I16);
element!(u16, U16);
element!(i32, I32);

/// The tensors of one weight file, and which of them were read.
pub(super) struct Tensors<'a> {
    file: &'a SafeTensors<'a>,
    read: RefCell<BTreeSet<String>>,
}

impl<'a> Tensors<'a> {
    pub(super) fn new(file: &'a SafeTensors<'a>) -> Self {
        Self { file, read: RefCell::default() }
    }

    /// Refuses a tensor of the prior that nobody has read: a later version's, without which symbols would be others.
    pub(super) fn all_read(&self) -> Result<(), WeightsError> {
        let read = self.read.borrow();
        let names = self.file.names().into_iter().filter(|name| name.starts_with("prior."));
        let unknown = names.filter(|name| !read.contains(*name)).min();
        unknown.map_or(Ok(()), |name| Err(WeightsError::Unknown { name: name.to_owned() }))
    }

    /// Shape of a tensor, which must have `N` dimensions.
    pub(super) fn shape<const N: usize>(&self, name: &str) -> Result<[usize; N], WeightsError> {
        let view = self.file.tensor(name).map_err(|_| WeightsError::Missing { name: name.into() })?;
        let wrong = |_| WeightsError::Shape { name: name.into(), found: view.shape().to_vec(), expected: vec![0; N] };
        view.shape().try_into().map_err(wrong)
    }

    /// Whether there is a tensor of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.file.tensor(name).is_ok()
    }

    /// Whether the name of any tensor begins with `prefix`.
    pub(super) fn any_below(&self, prefix: &str) -> bool {
        self.file.iter().any(|(name, _)| name.starts_with(prefix))
    }

    /// Elements of a tensor of exactly this type and shape.
    pub(super) fn get<T: Element>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>, WeightsError> {
        let elements = self.get_any(name)?;
        self.check_shape(name, shape).map(|()| elements)
    }

    /// Elements of a tensor of this type and of one dimension.
    pub(super) fn get_list<T: Element>(&self, name: &str) -> Result<Vec<T>, WeightsError> {
        let elements: Vec<T> = self.get_any(name)?;
        self.check_shape(name, &[elements.len()]).map(|()| elements)
    }

    fn check_shape(&self, name: &str, shape: &[usize]) -> Result<(), WeightsError> {
        let found = self.file.tensor(name).map(|view| view.shape().to_vec()).unwrap_or_default();
        if found != shape {
            return Err(WeightsError::Shape { name: name.into(), found, expected: shape.to_vec() });
        }
        Ok(())
    }

    /// Elements of a tensor of this type, of any shape.
    pub(super) fn get_any<T: Element>(&self, name: &str) -> Result<Vec<T>, WeightsError> {
        let view = self.file.tensor(name).map_err(|_| WeightsError::Missing { name: name.into() })?;
        self.read.borrow_mut().insert(name.to_owned());
        if view.dtype() != T::DTYPE {
            let found = format!("{:?}", view.dtype()).to_lowercase();
            return Err(WeightsError::Type { name: name.into(), found, expected: T::NAME });
        }
        Ok(T::decode(view.data()))
    }

    /// The five tensors of a layer: `outputs` is the shape of the per-output tensors, `inputs` what the weights have more,
    /// `knots` the leading dimension of the biases if they depend on the quality.
    pub(super) fn rows(
        &self,
        layer: &str,
        outputs: &[usize],
        inputs: &[usize],
        knots: Option<usize>,
    ) -> Result<Rows, WeightsError> {
        let bias: Vec<usize> = knots.iter().chain(outputs).copied().collect();
        Ok(Rows {
            weight: self.get(&format!("{layer}.weight"), &[outputs, inputs].concat())?,
            bias: self.get(&format!("{layer}.bias"), &bias)?,
            shift1: self.get(&format!("{layer}.shift1"), outputs)?,
            mult: self.get(&format!("{layer}.mult"), outputs)?,
            shift2: self.get(&format!("{layer}.shift2"), outputs)?,
        })
    }
}
