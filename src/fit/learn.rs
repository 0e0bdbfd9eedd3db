//! Finds the weights with the smallest loss (L-BFGS, of the argmin crate).

use argmin::core::{CostFunction, Executor, Gradient, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;

/// Steps that L-BFGS remembers.
const MEMORY: usize = 6;

/// Always so many steps at most, from zero: the same labels give the same weights. The last steps change little, and
/// stopping early keeps weights small that few mails speak for.
const STEPS: u64 = 60;

/// So many weights with the smallest loss.
pub fn learn<O>(objective: O, parameters: usize) -> anyhow::Result<Vec<f64>>
where
    O: CostFunction<Param = Vec<f64>, Output = f64> + Gradient<Param = Vec<f64>, Gradient = Vec<f64>>,
{
    let start = vec![0.0; parameters];
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY);
    let run = Executor::new(objective, solver).configure(|state| state.param(start).max_iters(STEPS)).run()?;
    run.state().get_best_param().cloned().ok_or_else(|| anyhow::anyhow!("no weights were found"))
}
