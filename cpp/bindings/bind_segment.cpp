#include <pybind11/stl.h>

#include <array>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "execution.hpp"
#include "segment.hpp"
#include "tenure/segment/concentration.hpp"
#include "tenure/segment/rfm.hpp"

namespace tenure::python {

namespace {

py::tuple rfm_scores(const Column<double>& days_since_last, const Column<double>& orders,
                     const std::optional<Column<double>>& monetary, const std::string& scoring,
                     int bins, const std::array<std::vector<double>, 3>& cuts, int threads) {
  using segment::RfmScoring;
  const segment::RfmInput input{view(days_since_last, "days_since_last"), view(orders, "orders"),
                                view(monetary, "monetary")};
  const RfmScoring how = scoring == "ntile"    ? RfmScoring::ntile
                         : scoring == "nested" ? RfmScoring::nested
                         : scoring == "fixed"  ? RfmScoring::fixed
                                               : RfmScoring::quantile;
  auto found = without_gil(threads, [&](const Execution& execution) {
    return segment::rfm_scores(input, how, bins, cuts, execution);
  });
  return py::make_tuple(
      release_to_numpy(std::move(found.score[0])), release_to_numpy(std::move(found.score[1])),
      release_to_numpy(std::move(found.score[2])), release_to_numpy(std::move(found.cut[0])),
      release_to_numpy(std::move(found.cut[1])), release_to_numpy(std::move(found.cut[2])));
}

py::dict concentration(const Column<double>& value, const std::optional<Column<double>>& orders,
                       const Column<double>& top, std::int64_t points, int threads) {
  const auto v = view(value, "values");
  const auto o = view(orders, "orders");
  const auto q = view(top, "top");
  auto found = without_gil(threads, [&](const Execution& execution) {
    return segment::concentration(v, o, q, points, execution);
  });
  std::vector<double> of_top;
  for (const auto& t : found.top) of_top.insert(of_top.end(), {t.customers, t.value, t.orders});
  using namespace py::literals;
  return py::dict("customers"_a = found.customers, "value"_a = found.value,
                  "orders"_a = found.orders, "gini"_a = found.gini,
                  "lorenz"_a = release_to_numpy(std::move(found.lorenz)),
                  "top"_a = release_to_numpy(std::move(of_top)));
}

}  // namespace

void bind_segment(py::module_& m) {
  bind_kmeans(m);
  bind_mixture(m);
  bind_validity(m);
  using py::arg;
  m.def("rfm_scores", &rfm_scores, arg("days_since_last").noconvert(), arg("orders").noconvert(),
        arg("monetary").noconvert(), arg("scoring"), arg("bins"), arg("cuts"), arg("threads"));
  m.def("concentration", &concentration, arg("value").noconvert(), arg("orders").noconvert(),
        arg("top").noconvert(), arg("points"), arg("threads"));
  bind_segment_categorical(m);
}

}  // namespace tenure::python
