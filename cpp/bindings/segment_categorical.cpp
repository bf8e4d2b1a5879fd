#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "execution.hpp"
#include "segment.hpp"
#include "tenure/segment/k_prototypes.hpp"

namespace tenure::python {
namespace {

using Codes = Column<std::int32_t>;

/// Two tables with a row for each row of X: numbers, perhaps of no column, and codes.
segment::MixedRows mixed_rows(const Column<double>& number, const Codes& code,
                              const std::vector<std::int64_t>& levels,
                              const std::optional<Column<double>>& weight) {
  if (number.ndim() != 2 || code.ndim() != 2 || number.shape(0) != code.shape(0) ||
      code.shape(1) != std::ssize(levels))
    throw py::value_error("numbers and codes must be 2-D, of as many rows each");
  return {code.shape(0),
          number.shape(1),
          {number.data(), static_cast<std::size_t>(number.size())},
          {code.data(), static_cast<std::size_t>(code.size())},
          levels,
          view(weight, "sample_weight")};
}

segment::Prototypes prototypes(const Column<double>& centre, const Codes& mode) {
  return {{centre.data(), centre.data() + centre.size()}, {mode.data(), mode.data() + mode.size()}};
}

py::dict k_prototypes(const Column<double>& number, const Codes& code,
                      const std::vector<std::int64_t>& levels,
                      const std::optional<Column<double>>& weight,
                      const std::optional<Column<double>>& start_centre,
                      const std::optional<Codes>& start_mode, std::int64_t clusters,
                      std::int64_t restarts, std::int64_t max_iterations,
                      std::optional<double> gamma, const std::string& seeds, bool row_by_row,
                      std::uint64_t seed, int threads) {
  const segment::MixedRows rows = mixed_rows(number, code, levels, weight);
  segment::Prototypes start;
  const bool given = start_centre && start_mode;
  if (given) start = prototypes(*start_centre, *start_mode);
  const segment::KPrototypesSettings settings{
      clusters,
      restarts,
      max_iterations,
      gamma,
      seeds == "cao" ? segment::PrototypeSeeds::cao : segment::PrototypeSeeds::plus_plus,
      row_by_row,
      seed};
  auto found = without_gil(threads, [&](const Execution& execution) {
    return segment::k_prototypes(rows, settings, given ? &start : nullptr, execution);
  });
  using namespace py::literals;
  return py::dict("centre"_a = release_to_numpy(std::move(found.prototypes.centre)),
                  "mode"_a = release_to_numpy(std::move(found.prototypes.mode)),
                  "label"_a = release_to_numpy(std::move(found.label)), "cost"_a = found.cost,
                  "gamma"_a = found.gamma, "iterations"_a = found.iterations,
                  "converged"_a = found.converged, "distinct"_a = found.distinct);
}

py::tuple k_prototypes_assign(const Column<double>& number, const Codes& code,
                              const std::vector<std::int64_t>& levels,
                              const std::optional<Column<double>>& weight,
                              const Column<double>& centre, const Codes& mode, double gamma,
                              int threads) {
  const segment::MixedRows rows = mixed_rows(number, code, levels, weight);
  const segment::Prototypes at = prototypes(centre, mode);
  auto found = without_gil(threads, [&](const Execution& execution) {
    return segment::k_prototypes_assign(rows, at, gamma, execution);
  });
  return py::make_tuple(release_to_numpy(std::move(found.label)), found.cost);
}

}  // namespace

void bind_segment_categorical(py::module_& m) {
  using py::arg;
  m.def("k_prototypes", &k_prototypes, arg("number").noconvert(), arg("code").noconvert(),
        arg("levels"), arg("weight").noconvert(), arg("start_centre").noconvert(),
        arg("start_mode").noconvert(), arg("clusters"), arg("restarts"), arg("max_iterations"),
        arg("gamma"), arg("seeds"), arg("row_by_row"), arg("seed"), arg("threads"));
  m.def("k_prototypes_assign", &k_prototypes_assign, arg("number").noconvert(),
        arg("code").noconvert(), arg("levels"), arg("weight").noconvert(),
        arg("centre").noconvert(), arg("mode").noconvert(), arg("gamma"), arg("threads"));
}

}  // namespace tenure::python
