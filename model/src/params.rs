//! A module's parameters as named flat arrays: how weights enter and leave burn.
//!
//! Optimiser, checkpoints and weight files all work on these, so none of them depends on burn's record formats, which change between releases.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor, TensorData};

use crate::load::{Named, ParamError};

/// The parameter that the KLT start sets and training leaves alone.
const CONSTANT: &str = "prior.log_deviation";

/// Learning rate of tables with a row per quality knot, relative to the others'. A step's eight samples see eight of 64 rows; a row whose gradient
/// comes every eighth step gets from Adam (whose second moment is then an eighth, whose first moment passes it on once) `sqrt(8) / 8` of the
/// movement of a parameter that gets the same gradient at every step. (With more samples it is less: with 32, half of them see a row, and 3 is more than what makes up for it.)
const KNOT_TABLE_RATE: f32 = 3.0;

fn relative_rate(name: &str) -> f32 {
    match name {
        CONSTANT => 0.0,
        _ if name.ends_with(".knots") || name.ends_with(".log_gain") => KNOT_TABLE_RATE,
        _ => 1.0,
    }
}

/// Name and place of one parameter in the flat array.
#[derive(Clone, Debug, PartialEq)]
pub struct Slot {
    /// Path in the module, joined by dots.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// First element in the flat array.
    pub offset: usize,
    /// Its learning rate, relative to the run's; 0 for a constant.
    pub rate: f32,
}

impl Slot {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its elements' range in the flat array.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

/// The parameters of a module in visiting order.
pub fn slots<M: Module>(module: &M) -> Vec<Slot> {
    let mut visitor = SlotVisitor::default();
    module.visit(&mut visitor);
    visitor.slots
}

/// All values, in the order of [`slots`].
pub fn values<M: Module>(module: &M) -> Vec<f32> {
    let mut visitor = ValueVisitor { values: Vec::new() };
    module.visit(&mut visitor);
    visitor.values
}

/// All values by name.
pub fn named<M: Module>(module: &M) -> Named {
    let values = values(module);
    slots(module).into_iter().map(|s| (s.name.clone(), (s.shape.clone(), values[s.range()].to_vec()))).collect()
}

/// All gradients, in the order of [`slots`]; zero where the loss did not reach.
pub fn gradients<M: Module>(module: &M, gradients: &Gradients) -> Vec<f32> {
    let mut visitor = GradientVisitor { gradients, values: Vec::new() };
    module.visit(&mut visitor);
    visitor.values
}

/// The module with `values` (in the order of [`slots`]) as parameters; each keeps its device and whether it is trained.
pub fn with_values<M: Module>(module: M, values: &[f32]) -> M {
    module.map(&mut ValueMapper { values, offset: 0 })
}

/// The module with parameters from named tensors.
///
/// # Errors
/// A tensor of the module is missing or has another shape.
pub fn with_named<M: Module>(module: M, named: &Named) -> Result<M, ParamError> {
    let mut flat = Vec::new();
    for slot in slots(&module) {
        let (shape, values) = named.get(&slot.name).ok_or_else(|| ParamError::Missing(slot.name.clone()))?;
        if *shape != slot.shape || values.len() != slot.len() {
            return Err(ParamError::Shape { name: slot.name, found: shape.clone(), expected: slot.shape });
        }
        flat.extend_from_slice(values);
    }
    Ok(with_values(module, &flat))
}

#[derive(Default)]
struct SlotVisitor {
    path: Vec<String>,
    slots: Vec<Slot>,
    offset: usize,
}

impl ModuleVisitor for SlotVisitor {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.join(".");
        let rate = relative_rate(&name);
        let slot = Slot { name, shape: param.dims().to_vec(), offset: self.offset, rate };
        self.offset += slot.len();
        self.slots.push(slot);
    }
}

struct ValueVisitor {
    values: Vec<f32>,
}

impl ModuleVisitor for ValueVisitor {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.values.extend(read(param.val().without_autodiff()));
    }
}

struct GradientVisitor<'a> {
    gradients: &'a Gradients,
    values: Vec<f32>,
}

impl ModuleVisitor for GradientVisitor<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        match tensor.grad(self.gradients) {
            Some(gradient) => self.values.extend(read(gradient)),
            None => self.values.resize(self.values.len() + tensor.shape().num_elements(), 0.0),
        }
    }
}

struct ValueMapper<'a> {
    values: &'a [f32],
    offset: usize,
}

impl ModuleMapper for ValueMapper<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.dims();
        let count = shape.iter().product::<usize>();
        let values = self.values[self.offset..self.offset + count].to_vec();
        self.offset += count;
        param.map(|old| {
            let trained = old.is_require_grad();
            Tensor::from_data(TensorData::new(values, shape), &old.device()).set_require_grad(trained)
        })
    }
}

/// A tensor's values in row-major order.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    match tensor.into_data().try_into_vec::<f32>() {
        Ok(values) => values,
        Err(error) => unreachable!("every float tensor of the model is f32: {error:?}"),
    }
}
