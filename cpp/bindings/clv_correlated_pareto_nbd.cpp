#include <vector>

#include "clv_results.hpp"
#include "clv_transaction.hpp"
#include "tenure/clv/correlated_pareto_nbd.hpp"

namespace tenure::python {
namespace {

clv::RateCorrelation correlation_at(std::span<const double> parameters) {
  return clv::rate_correlation(parameters_of<clv::CorrelatedParetoNbd>(parameters));
}

}  // namespace

void add_correlated_pareto_nbd(py::module_& m) {
  add_transaction_model<clv::CorrelatedParetoNbd>(m);
  m.def(
      "correlated_pareto_nbd_correlation",
      [](const Column<double>& parameters, const Column<double>& log_covariance) {
        return predict(parameters, std::optional(log_covariance), clv::Scale::identity, 1,
                       [](std::span<const double> at, const Execution&) {
                         const clv::RateCorrelation c = correlation_at(at);
                         Buffer<double> values(2);
                         values[0] = c.m;
                         values[1] = c.correlation;
                         return values;
                       });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert());
  m.def(
      "correlated_pareto_nbd_limits",
      [](const Column<double>& parameters) {
        const clv::RateCorrelation c = correlation_at(view(parameters, "parameters"));
        return py::make_tuple(release_to_numpy(std::vector{c.lowest_m, c.lowest}),
                              release_to_numpy(std::vector{c.highest_m, c.highest}));
      },
      py::arg("parameters").noconvert());
}

}  // namespace tenure::python
