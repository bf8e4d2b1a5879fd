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

template <class T>
std::span<const T> centres(const Column<T>& centre, const Column<T>& x) {
  if (centre.ndim() != 2 || centre.shape(1) != x.shape(1))
    throw py::value_error("centres must be 2-D with as many columns as X");
  return {centre.data(), static_cast<std::size_t>(centre.size())};
}

template <class T>
py::dict kmeans(const Column<T>& x, const std::optional<Column<double>>& weight,
                const std::optional<Column<T>>& init, std::int64_t clusters, std::int64_t restarts,
                std::int64_t max_iterations, double tolerance, std::uint64_t seed, int threads) {
  const segment::Points<T> p = points(x, weight);
  const segment::KMeansSettings settings{clusters, restarts, max_iterations, tolerance, seed};
  std::optional<std::span<const T>> start;
  if (init) start = centres(*init, x);
  auto found = without_gil(threads, [&](const Execution& execution) {
    return segment::kmeans(p, settings, start, execution);
  });
  using namespace py::literals;
  return py::dict("centre"_a = release_to_numpy(std::move(found.centre)),
                  "label"_a = release_to_numpy(std::move(found.label)), "inertia"_a = found.inertia,
                  "iterations"_a = found.iterations, "converged"_a = found.converged,
                  "distinct"_a = found.distinct);
}

template <class T>
void bind_kmeans(py::module_& m) {
  using py::arg;
  m.def("kmeans", &kmeans<T>, arg("x").noconvert(), arg("weight").noconvert(),
        arg("init").noconvert(), arg("clusters"), arg("restarts"), arg("max_iterations"),
        arg("tolerance"), arg("seed"), arg("threads"));
  m.def(
      "kmeans_plus_plus",
      [](const Column<T>& x, const std::optional<Column<double>>& weight, std::int64_t clusters,
         std::uint64_t seed, std::uint64_t run, int threads) {
        const segment::Points<T> p = points(x, weight);
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return segment::kmeans_plus_plus(p, clusters, seed, run, execution);
        }));
      },
      arg("x").noconvert(), arg("weight").noconvert(), arg("clusters"), arg("seed"), arg("run"),
      arg("threads"));
  m.def(
      "kmeans_assign",
      [](const Column<T>& x, const std::optional<Column<double>>& weight, const Column<T>& centre,
         int threads) {
        const segment::Points<T> p = points(x, weight);
        const auto c = centres(centre, x);
        auto found = without_gil(threads, [&](const Execution& execution) {
          return segment::kmeans_assign(p, c, execution);
        });
        return py::make_tuple(release_to_numpy(std::move(found.label)), found.inertia);
      },
      arg("x").noconvert(), arg("weight").noconvert(), arg("centre").noconvert(), arg("threads"));
  m.def(
      "kmeans_distances",
      [](const Column<T>& x, const Column<T>& centre, int threads) {
        const segment::Points<T> p = points(x, std::nullopt);
        const auto c = centres(centre, x);
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return segment::kmeans_distances(p, c, execution);
        }));
      },
      arg("x").noconvert(), arg("centre").noconvert(), arg("threads"));
}

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
  bind_kmeans<float>(m);
  bind_kmeans<double>(m);
  bind_mixture(m);
  using py::arg;
  m.def("rfm_scores", &rfm_scores, arg("days_since_last").noconvert(), arg("orders").noconvert(),
        arg("monetary").noconvert(), arg("scoring"), arg("bins"), arg("cuts"), arg("threads"));
  m.def("concentration", &concentration, arg("value").noconvert(), arg("orders").noconvert(),
        arg("top").noconvert(), arg("points"), arg("threads"));
  bind_segment_categorical(m);
}

}  // namespace tenure::python
