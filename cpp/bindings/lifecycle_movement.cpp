#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "lifecycle.hpp"
#include "tenure/lifecycle/chain.hpp"
#include "tenure/lifecycle/movement.hpp"

namespace tenure::python {
namespace {

using Codes = Column<std::uint8_t>;
using Numbers = Column<double>;

py::dict count_moves(const Codes& codes, std::int64_t customers, std::int64_t stages, int threads) {
  const lifecycle::PanelCodes panel{view(codes, "codes"), customers, stages};
  auto moves = without_gil(threads, [&](const Execution& execution) {
    return lifecycle::count_moves(panel, execution);
  });
  py::dict out;
  out["counts"] = release_to_numpy(std::move(moves.counts));
  out["movers"] = release_to_numpy(std::move(moves.movers));
  out["squares"] = release_to_numpy(std::move(moves.squares));
  out["products"] = release_to_numpy(std::move(moves.products));
  out["row_squares"] = release_to_numpy(std::move(moves.row_squares));
  out["runs"] = release_to_numpy(std::move(moves.runs));
  out["run_periods"] = release_to_numpy(std::move(moves.run_periods));
  return out;
}

py::dict stage_values(const Codes& codes, std::int64_t customers, std::int64_t stages,
                      const Numbers& revenue, int threads) {
  const lifecycle::PanelCodes panel{view(codes, "codes"), customers, stages};
  const auto money = view(revenue, "revenue");
  auto values = without_gil(threads, [&](const Execution& execution) {
    return lifecycle::stage_values(panel, money, execution);
  });
  py::dict out;
  out["rows"] = release_to_numpy(std::move(values.rows));
  out["members"] = release_to_numpy(std::move(values.members));
  out["mean"] = release_to_numpy(std::move(values.mean));
  out["error"] = release_to_numpy(std::move(values.error));
  out["spread"] = release_to_numpy(std::move(values.spread));
  return out;
}

py::tuple absorb(const Numbers& transition, const Codes& target) {
  auto a = lifecycle::absorb(view(transition, "transition"), view(target, "target"));
  std::vector<std::uint8_t> status;
  for (const lifecycle::Reach r : a.status) status.push_back(static_cast<std::uint8_t>(r));
  return py::make_tuple(release_to_numpy(std::move(status)),
                        release_to_numpy(std::move(a.probability)),
                        release_to_numpy(std::move(a.periods)));
}

py::array draw_matrices(const Numbers& weight, std::int64_t rows, std::int64_t columns,
                        std::int64_t draws, std::uint64_t seed, int threads) {
  const auto weights = view(weight, "weight");
  return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
    return lifecycle::draw_matrices(weights, rows, columns, {draws, seed}, execution);
  }));
}

py::tuple forecast(const Column<std::int64_t>& sizes, const Numbers& weight,
                   const Numbers& concentration, const Numbers& births, bool births_given,
                   const Numbers& value, const Numbers& value_error, const Numbers& value_spread,
                   std::int64_t periods, std::int64_t draws, std::uint64_t seed, int threads) {
  const lifecycle::ForecastStart start{view(sizes, "sizes"),
                                       view(weight, "weight"),
                                       view(concentration, "concentration"),
                                       view(births, "births"),
                                       births_given,
                                       view(value, "value"),
                                       view(value_error, "value_error"),
                                       view(value_spread, "value_spread")};
  auto out = without_gil(threads, [&](const Execution& execution) {
    return lifecycle::forecast_chain(start, periods, {draws, seed}, execution);
  });
  return py::make_tuple(release_to_numpy(std::move(out.sizes)),
                        release_to_numpy(std::move(out.births)),
                        release_to_numpy(std::move(out.revenue)));
}

}  // namespace

void bind_movement(py::module_& m) {
  m.def("count_moves", &count_moves, py::arg("codes").noconvert(), py::arg("customers"),
        py::arg("stages"), py::arg("threads"));
  m.def("stage_values", &stage_values, py::arg("codes").noconvert(), py::arg("customers"),
        py::arg("stages"), py::arg("revenue").noconvert(), py::arg("threads"));
  m.def("absorb", &absorb, py::arg("transition").noconvert(), py::arg("target").noconvert());
  m.def("draw_matrices", &draw_matrices, py::arg("weight").noconvert(), py::arg("rows"),
        py::arg("columns"), py::arg("draws"), py::arg("seed"), py::arg("threads"));
  m.def("forecast", &forecast, py::arg("sizes").noconvert(), py::arg("weight").noconvert(),
        py::arg("concentration").noconvert(), py::arg("births").noconvert(),
        py::arg("births_given"), py::arg("value").noconvert(), py::arg("value_error").noconvert(),
        py::arg("value_spread").noconvert(), py::arg("periods"), py::arg("draws"), py::arg("seed"),
        py::arg("threads"));
}

}  // namespace tenure::python
