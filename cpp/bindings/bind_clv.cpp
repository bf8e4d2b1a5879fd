#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "tenure/clv/order_days.hpp"

namespace tenure::python {

// One clv_<what>.cpp each.
void add_covariate_models(py::module_&);
void add_covariate_outlooks(py::module_&);
void add_contracts(py::module_&);
void add_correlated_pareto_nbd(py::module_&);
void add_bg_bb(py::module_&);
void add_cnbd(py::module_&);
void add_bootstraps(py::module_&);
void add_gamma_gamma(py::module_&);
void add_individual_models(py::module_&);
void add_outlooks(py::module_&);
void add_posterior(py::module_&);
void add_prospects(py::module_&);
void add_spend_and_contract_covariates(py::module_&);
void add_time_varying(py::module_&);
void add_transaction_models(py::module_&);

void bind_clv(py::module_& m) {
  m.def(
      "order_days",
      [](const events::EventLog& log, std::optional<Period> collapse, std::int64_t acquired_until,
         std::int64_t until, int threads) {
        auto days = without_gil(threads, [&](const Execution& execution) {
          return clv::order_days(log, collapse, acquired_until, until, execution);
        });
        return py::make_tuple(days.first_day, release_to_numpy(std::move(days.first_orders)),
                              release_to_numpy(std::move(days.repeat_orders)));
      },
      py::arg("log"), py::arg("collapse"), py::arg("acquired_until"), py::arg("until"),
      py::arg("threads"));
  add_covariate_models(m);
  add_covariate_outlooks(m);
  add_contracts(m);
  add_correlated_pareto_nbd(m);
  add_bg_bb(m);
  add_bootstraps(m);
  add_cnbd(m);
  add_gamma_gamma(m);
  add_individual_models(m);
  add_outlooks(m);
  add_posterior(m);
  add_prospects(m);
  add_spend_and_contract_covariates(m);
  add_time_varying(m);
  add_transaction_models(m);
}

}  // namespace tenure::python
