#include "arrays.hpp"
#include "churn.hpp"
#include "execution.hpp"
#include "tenure/churn/offers.hpp"
#include "tenure/churn/uplift_curve.hpp"

namespace tenure::python {
namespace {

using namespace py::literals;

/// Copies: another thread may write to the arrays while the GIL is released, and the kernels count
/// what they checked.
template <class T>
std::vector<T> copied(const Column<T>& values, const char* argument) {
  const auto from = view(values, argument);
  return {from.begin(), from.end()};
}

py::dict points(const Column<double>& score, const Column<std::uint8_t>& treated,
                const Column<double>& outcome) {
  const auto s = copied(score, "score"), y = copied(outcome, "outcome");
  const auto t = copied(treated, "treated");
  auto found = without_gil(
      1, [&](const Execution& execution) { return churn::uplift_points({s, t, y}, execution); });
  return py::dict("threshold"_a = release_to_numpy(std::move(found.threshold)),
                  "treated"_a = release_to_numpy(std::move(found.treated)),
                  "control"_a = release_to_numpy(std::move(found.control)),
                  "increment"_a = release_to_numpy(std::move(found.increment)),
                  "variance"_a = release_to_numpy(std::move(found.variance)));
}

py::dict area(const Column<double>& score, const Column<std::uint8_t>& treated,
              const Column<double>& outcome) {
  const auto s = copied(score, "score"), y = copied(outcome, "outcome");
  const auto t = copied(treated, "treated");
  auto found = without_gil(
      1, [&](const Execution& execution) { return churn::uplift_area({s, t, y}, execution); });
  return py::dict("auuc"_a = found.auuc, "qini"_a = found.qini,
                  "auuc_influence"_a = release_to_numpy(std::move(found.auuc_influence)),
                  "qini_influence"_a = release_to_numpy(std::move(found.qini_influence)));
}

py::dict offers(const Column<double>& gain, const Column<double>& cost, std::int64_t count,
                double budget) {
  const auto g = copied(gain, "gain"), c = copied(cost, "cost");
  auto found = without_gil(1, [&](const Execution& execution) {
    return churn::choose_offers({g, c, count}, budget, execution);
  });
  return py::dict("offer"_a = release_to_numpy(std::move(found.offer)), "gain"_a = found.gain,
                  "cost"_a = found.cost, "bound"_a = found.bound,
                  "multiplier"_a = found.multiplier);
}

}  // namespace

void bind_uplift(py::module_& m) {
  using py::arg;
  m.def("uplift_points", &points, arg("score").noconvert(), arg("treated").noconvert(),
        arg("outcome").noconvert());
  m.def("uplift_area", &area, arg("score").noconvert(), arg("treated").noconvert(),
        arg("outcome").noconvert());
  m.def("choose_offers", &offers, arg("gain").noconvert(), arg("cost").noconvert(), arg("offers"),
        arg("budget"));
}

}  // namespace tenure::python
