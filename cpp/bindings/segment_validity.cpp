#include "arrays.hpp"
#include "execution.hpp"
#include "segment.hpp"
#include "tenure/segment/silhouette.hpp"
#include "tenure/segment/validity.hpp"

namespace tenure::python {
namespace {

using namespace py::literals;

template <class T>
segment::Points<T> rows_of(const Column<T>& x) {
  if (x.ndim() != 2) throw py::value_error("X must be 2-D");
  return {{x.data(), static_cast<std::size_t>(x.size())}, x.shape(1)};
}

template <class T>
py::dict silhouette(const Column<T>& x, const Column<std::int32_t>& label, std::int64_t clusters,
                    bool simplified, bool error, int threads, const py::object& tell) {
  const segment::Points<T> points = rows_of(x);
  // Labels are indices: a copy, which no other thread can change after the check.
  const auto seen = view(label, "labels");
  const std::vector<std::int32_t> own(seen.begin(), seen.end());
  auto found = without_gil(
      threads,
      [&](const Execution& execution) {
        const segment::Labelling labelling{own, clusters};
        return simplified ? segment::simplified_silhouette(points, labelling, execution)
                          : segment::silhouette(points, labelling, error, execution);
      },
      tell);
  return py::dict(
      "value"_a = release_to_numpy(std::move(found.value)),
      "neighbour"_a = release_to_numpy(std::move(found.neighbour)), "mean"_a = found.mean,
      "cluster_mean"_a = release_to_numpy(std::move(found.cluster_mean)), "error"_a = found.error,
      "cluster_error"_a = release_to_numpy(std::move(found.cluster_error)));
}

template <class T>
py::dict validity(const Column<T>& x, const Column<std::int32_t>& label, std::int64_t clusters,
                  int threads) {
  const segment::Points<T> points = rows_of(x);
  const auto seen = view(label, "labels");
  const std::vector<std::int32_t> own(seen.begin(), seen.end());
  auto found = without_gil(threads, [&](const Execution& execution) {
    return segment::validity(points, {own, clusters}, execution);
  });
  return py::dict("centre"_a = release_to_numpy(std::move(found.centre)),
                  "size"_a = release_to_numpy(std::move(found.size)),
                  "mean_distance"_a = release_to_numpy(std::move(found.mean_distance)),
                  "log_within"_a = found.log_within,
                  "calinski_harabasz"_a = found.calinski_harabasz,
                  "davies_bouldin"_a = found.davies_bouldin);
}

template <class T>
void bind(py::module_& m) {
  using py::arg;
  m.def("silhouette", &silhouette<T>, arg("x").noconvert(), arg("label").noconvert(),
        arg("clusters"), arg("simplified"), arg("error"), arg("threads"), arg("tell"));
  m.def("validity", &validity<T>, arg("x").noconvert(), arg("label").noconvert(), arg("clusters"),
        arg("threads"));
}

}  // namespace

void bind_validity(py::module_& m) {
  bind<float>(m);
  bind<double>(m);
}

}  // namespace tenure::python
