#include <pybind11/stl.h>

#include <string>

#include "arrays.hpp"
#include "execution.hpp"
#include "segment.hpp"
#include "tenure/segment/kmeans_stream.hpp"

namespace tenure::python {
namespace {

segment::KMeansSeeding seeding_of(const std::string& name) {
  return name == "k-means||" ? segment::KMeansSeeding::parallel : segment::KMeansSeeding::plus_plus;
}

segment::KMeansAlgorithm algorithm_of(const std::string& name) {
  using segment::KMeansAlgorithm;
  return name == "lloyd"      ? KMeansAlgorithm::lloyd
         : name == "hamerly"  ? KMeansAlgorithm::hamerly
         : name == "exponion" ? KMeansAlgorithm::exponion
                              : KMeansAlgorithm::automatic;
}

template <class T>
std::span<const T> centres(const Column<T>& centre, const Column<T>& x) {
  if (centre.ndim() != 2 || centre.shape(1) != x.shape(1))
    throw py::value_error("centres must be 2-D with as many columns as X");
  return {centre.data(), static_cast<std::size_t>(centre.size())};
}

template <class T>
py::dict kmeans(const Column<T>& x, const std::optional<Column<double>>& weight,
                const std::optional<Column<T>>& init, const std::string& seeding,
                const std::string& algorithm, std::int64_t clusters, std::int64_t restarts,
                std::int64_t max_iterations, double tolerance, std::uint64_t seed,
                std::int64_t least_rows, int threads) {
  const segment::Points<T> p = points(x, weight);
  const segment::KMeansSettings settings{clusters,
                                         restarts,
                                         max_iterations,
                                         tolerance,
                                         seed,
                                         seeding_of(seeding),
                                         algorithm_of(algorithm),
                                         least_rows};
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
void bind_kmeans_of(py::module_& m) {
  using py::arg;
  m.def("kmeans", &kmeans<T>, arg("x").noconvert(), arg("weight").noconvert(),
        arg("init").noconvert(), arg("seeding"), arg("algorithm"), arg("clusters"), arg("restarts"),
        arg("max_iterations"), arg("tolerance"), arg("seed"), arg("least_rows"), arg("threads"));
  m.def(
      "kmeans_seeds",
      [](const Column<T>& x, const std::optional<Column<double>>& weight,
         const std::string& seeding, std::int64_t clusters, std::uint64_t seed, std::uint64_t run,
         int threads) {
        const segment::Points<T> p = points(x, weight);
        const auto draw = seeding_of(seeding) == segment::KMeansSeeding::parallel
                              ? segment::kmeans_parallel<T>
                              : segment::kmeans_plus_plus<T>;
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return draw(p, clusters, seed, run, execution);
        }));
      },
      arg("x").noconvert(), arg("weight").noconvert(), arg("seeding"), arg("clusters"), arg("seed"),
      arg("run"), arg("threads"));
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

template <class T>
void bind_stream_of(py::module_& m) {
  using py::arg;
  m.def(
      "kmeans_absorb",
      [](const Column<T>& x, const std::optional<Column<double>>& weight,
         const Column<double>& centre, const Column<double>& mass, int threads) {
        const segment::Points<T> p = points(x, weight);
        if (centre.ndim() != 2 || centre.shape(1) != x.shape(1))
          throw py::value_error("centres must be 2-D with as many columns as X");
        segment::KMeansStream state{{centre.data(), centre.data() + centre.size()},
                                    {mass.data(), mass.data() + mass.size()}};
        auto label = without_gil(threads, [&](const Execution& execution) {
          return segment::kmeans_absorb(p, state, execution);
        });
        return py::make_tuple(release_to_numpy(std::move(state.centre)),
                              release_to_numpy(std::move(state.weight)),
                              release_to_numpy(std::move(label.label)), label.inertia);
      },
      arg("x").noconvert(), arg("weight").noconvert(), arg("centre").noconvert(),
      arg("mass").noconvert(), arg("threads"));
}

}  // namespace

void bind_kmeans(py::module_& m) {
  bind_kmeans_of<float>(m);
  bind_kmeans_of<double>(m);
  bind_stream_of<float>(m);
  bind_stream_of<double>(m);
}

}  // namespace tenure::python
