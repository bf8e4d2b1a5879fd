#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "execution.hpp"
#include "segment.hpp"
#include "tenure/segment/k_prototypes.hpp"
#include "tenure/segment/latent_class.hpp"
#include "tenure/segment/patterns.hpp"
#include "tenure/segment/ward.hpp"

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

segment::AnswerPatterns answers(const Codes& code, const std::vector<std::int64_t>& levels,
                                const Column<double>& weight, const Column<double>& design) {
  if (code.ndim() != 2 || design.ndim() != 2 || code.shape(1) != std::ssize(levels) ||
      design.shape(0) != code.shape(0))
    throw py::value_error("codes and design must be 2-D, of as many rows each");
  return {code.shape(0),
          {code.data(), static_cast<std::size_t>(code.size())},
          levels,
          view(weight, "sample_weight"),
          {design.data(), static_cast<std::size_t>(design.size())},
          design.shape(1)};
}

py::dict latent_class(const Codes& code, const std::vector<std::int64_t>& levels,
                      const Column<double>& weight, const Column<double>& design,
                      std::int64_t classes, std::int64_t starts, std::int64_t max_iterations,
                      double tolerance, std::uint64_t seed, int threads) {
  const segment::AnswerPatterns patterns = answers(code, levels, weight, design);
  const segment::LatentClassSettings settings{classes, starts, max_iterations, tolerance, seed};
  auto fit = without_gil(threads, [&](const Execution& execution) {
    return segment::latent_class(patterns, settings, execution);
  });
  using namespace py::literals;
  return py::dict(
      "beta"_a = release_to_numpy(std::move(fit.at.beta)),
      "answer"_a = release_to_numpy(std::move(fit.at.answer)),
      "status"_a = segment::latent_class_status_name(fit.status),
      "log_likelihood"_a = fit.log_likelihood, "entropy"_a = fit.entropy,
      "iterations"_a = fit.iterations, "by_start"_a = release_to_numpy(std::move(fit.by_start)),
      "share"_a = release_to_numpy(std::move(fit.share)),
      "share_se"_a = release_to_numpy(std::move(fit.share_se)),
      "beta_covariance"_a = release_to_numpy(std::move(fit.beta_covariance)),
      "answer_se"_a = release_to_numpy(std::move(fit.answer_se)),
      "boundary"_a = release_to_numpy(std::move(fit.boundary)), "parameters"_a = fit.parameters,
      "free_parameters"_a = fit.free_parameters, "rank"_a = fit.rank);
}

py::tuple class_posterior(const Codes& code, const std::vector<std::int64_t>& levels,
                          const Column<double>& weight, const Column<double>& design,
                          const Column<double>& beta, const Column<double>& answer, int threads) {
  const segment::AnswerPatterns patterns = answers(code, levels, weight, design);
  const segment::ClassParameters at{{beta.data(), beta.data() + beta.size()},
                                    {answer.data(), answer.data() + answer.size()}};
  auto found = without_gil(threads, [&](const Execution& execution) {
    return segment::class_posterior(patterns, at, execution);
  });
  return py::make_tuple(release_to_numpy(std::move(found.probability)), found.log_likelihood);
}

py::tuple distinct_rows(const Codes& code, const std::vector<std::int64_t>& levels) {
  const std::span<const std::int32_t> codes{code.data(), static_cast<std::size_t>(code.size())};
  auto found = without_gil(1, [&](const Execution& execution) {
    return segment::distinct_rows(codes, levels, execution);
  });
  return py::make_tuple(release_to_numpy(std::move(found.first)),
                        release_to_numpy(std::move(found.of_row)));
}

py::array_t<std::int32_t> numbered(const Column<double>& values) {
  const auto v = view(values, "values");
  return release_to_numpy(
      without_gil(1, [&](const Execution& execution) { return segment::numbered(v, execution); }));
}

py::tuple ward(const Column<double>& x, const std::optional<Column<double>>& weight) {
  if (x.ndim() != 2) throw py::value_error("X must be 2-D");
  segment::Points<double> points{{x.data(), static_cast<std::size_t>(x.size())}, x.shape(1)};
  points.weight = view(weight, "sample_weight");
  auto found =
      without_gil(1, [&](const Execution& execution) { return segment::ward(points, execution); });
  return py::make_tuple(
      release_to_numpy(std::move(found.left)), release_to_numpy(std::move(found.right)),
      release_to_numpy(std::move(found.height)), release_to_numpy(std::move(found.rows)),
      release_to_numpy(std::move(found.weight)));
}

py::array_t<std::int32_t> cut_tree(const Column<std::int64_t>& left,
                                   const Column<std::int64_t>& right, std::int64_t clusters) {
  return release_to_numpy(segment::cut_tree(view(left, "left"), view(right, "right"), clusters));
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
  m.def("latent_class", &latent_class, arg("code").noconvert(), arg("levels"),
        arg("weight").noconvert(), arg("design").noconvert(), arg("classes"), arg("starts"),
        arg("max_iterations"), arg("tolerance"), arg("seed"), arg("threads"));
  m.def("class_posterior", &class_posterior, arg("code").noconvert(), arg("levels"),
        arg("weight").noconvert(), arg("design").noconvert(), arg("beta").noconvert(),
        arg("answer").noconvert(), arg("threads"));
  m.def("distinct_rows", &distinct_rows, arg("code").noconvert(), arg("levels"));
  m.def("numbered", &numbered, arg("values").noconvert());
  m.def("ward", &ward, arg("x").noconvert(), arg("weight").noconvert());
  m.def("cut_tree", &cut_tree, arg("left").noconvert(), arg("right").noconvert(), arg("clusters"));
}

}  // namespace tenure::python
