#include <pybind11/stl.h>

#include "arrays.hpp"
#include "execution.hpp"
#include "tenure/segment/kmeans.hpp"

namespace tenure::python {
namespace {

template <class T>
segment::Points<T> points(const Column<T>& x, const std::optional<Column<double>>& weight) {
  if (x.ndim() != 2) throw py::value_error("X must be 2-D");
  segment::Points<T> p{{x.data(), static_cast<std::size_t>(x.size())}, x.shape(1)};
  if (weight) p.weight = view(*weight, "sample_weight");
  return p;
}

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

}  // namespace

void bind_segment(py::module_& m) {
  bind_kmeans<float>(m);
  bind_kmeans<double>(m);
}

}  // namespace tenure::python
