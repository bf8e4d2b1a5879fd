#include <pybind11/stl.h>

#include "arrays.hpp"
#include "cohort.hpp"
#include "execution.hpp"
#include "tenure/cohort/contracts.hpp"

namespace tenure::python {
namespace {

using cohort::ContractMoves;

ContractMoves contract_moves(const events::EventLog& log, Period period,
                             const std::vector<int>& role, std::int64_t term, int threads) {
  cohort::ContractOptions options{period, {}, term};
  for (const int r : role) options.role.push_back(static_cast<cohort::ContractRole>(r));
  return without_gil(threads, [&](const Execution& execution) {
    return cohort::contract_moves(log, options, execution);
  });
}

py::dict table(const ContractMoves& moves) {
  auto t = cohort::contract_table(moves);
  py::dict out;
  out["opening"] = release_to_numpy(std::move(t.opening));
  out["new"] = release_to_numpy(std::move(t.fresh));
  out["reactivated"] = release_to_numpy(std::move(t.reactivated));
  out["expanded"] = release_to_numpy(std::move(t.expanded));
  out["contracted"] = release_to_numpy(std::move(t.contracted));
  out["churned"] = release_to_numpy(std::move(t.churned));
  out["closing"] = release_to_numpy(std::move(t.closing));
  out["opening_revenue"] = release_to_numpy(std::move(t.opening_revenue));
  out["new_revenue"] = release_to_numpy(std::move(t.fresh_revenue));
  out["reactivated_revenue"] = release_to_numpy(std::move(t.reactivated_revenue));
  out["expansion"] = release_to_numpy(std::move(t.expansion));
  out["contraction"] = release_to_numpy(std::move(t.contraction));
  out["churned_revenue"] = release_to_numpy(std::move(t.churned_revenue));
  out["closing_revenue"] = release_to_numpy(std::move(t.closing_revenue));
  out["gross_churn"] = release_to_numpy(std::move(t.gross_churn));
  out["net_churn"] = release_to_numpy(std::move(t.net_churn));
  return out;
}

py::tuple bootstrap(const ContractMoves& moves, std::int64_t replicates, std::uint64_t seed,
                    double level, int threads) {
  auto limits = without_gil(threads, [&](const Execution& execution) {
    return cohort::contract_bootstrap(moves, {replicates, seed, level}, execution);
  });
  return py::make_tuple(release_to_numpy(std::move(limits.gross_lower)),
                        release_to_numpy(std::move(limits.gross_upper)),
                        release_to_numpy(std::move(limits.net_lower)),
                        release_to_numpy(std::move(limits.net_upper)));
}

}  // namespace

void bind_contracts(py::module_& m) {
  py::class_<ContractMoves>(m, "ContractMoves")
      .def_readonly("periods", &ContractMoves::periods)
      .def_readonly("without_contract", &ContractMoves::without_contract)
      .def_readonly("opened_without_start", &ContractMoves::opened_without_start)
      .def_readonly("cancelled_before", &ContractMoves::cancelled_before)
      .def("first_days",
           [](const ContractMoves& t, Period period) {
             std::vector<std::int64_t> days;
             for (std::int64_t p = 0; p < t.periods; ++p)
               days.push_back(first_day_of_period(t.first_period + p, period));
             return release_to_numpy(std::move(days));
           })
      .def("exposure",
           [](const ContractMoves& t) { return release_to_numpy(std::vector(t.exposure)); })
      .def("ended", [](const ContractMoves& t) { return release_to_numpy(std::vector(t.ended)); })
      .def("brief", [](const ContractMoves& t) { return release_to_numpy(std::vector(t.brief)); })
      .def("survivors",
           [](const ContractMoves& t) { return release_to_numpy(std::vector(t.survivors)); });
  m.def("contract_moves", &contract_moves, py::arg("log"), py::arg("period"), py::arg("role"),
        py::arg("term"), py::arg("threads"));
  m.def("contract_table", &table, py::arg("moves"));
  m.def("contract_bootstrap", &bootstrap, py::arg("moves"), py::arg("replicates"), py::arg("seed"),
        py::arg("level"), py::arg("threads"));
}

}  // namespace tenure::python
