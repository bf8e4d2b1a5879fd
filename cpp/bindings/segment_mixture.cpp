#include <pybind11/stl.h>

#include <string>

#include "execution.hpp"
#include "segment.hpp"
#include "tenure/segment/gaussian_mixture.hpp"
#include "tenure/segment/gaussian_mixture_information.hpp"

namespace tenure::python {
namespace {

using namespace py::literals;
using Weights = std::optional<Column<double>>;

segment::CovarianceShape shape_of(const std::string& name) {
  using enum segment::CovarianceShape;
  return name == "full" ? full : name == "tied" ? tied : name == "diag" ? diagonal : spherical;
}

/// A fitted mixture: weights, means (components x features) and factors of the precisions.
segment::GaussianMixture mixture_of(const std::string& shape, const Column<double>& weight,
                                    const Column<double>& mean, const Column<double>& factor) {
  if (mean.ndim() != 2) throw py::value_error("means must be 2-D");
  const auto copy = [](const Column<double>& a) {
    return std::vector<double>(a.data(), a.data() + a.size());
  };
  return {mean.shape(0), mean.shape(1), shape_of(shape), copy(weight), copy(mean), {},
          copy(factor)};
}

std::optional<std::span<const double>> flat(const Weights& a) {
  if (!a) return std::nullopt;
  return std::span<const double>(a->data(), static_cast<std::size_t>(a->size()));
}

py::dict fit(const Column<double>& x, const Weights& weight, std::int64_t components,
             const std::string& shape, double regularisation, double tolerance,
             std::int64_t max_iterations, std::int64_t restarts, bool lloyd, std::uint64_t seed,
             const Weights& weights_init, const Weights& means_init, const Weights& factors_init,
             int threads) {
  const segment::Points<double> p = points(x, weight);
  const segment::GaussianMixtureSettings settings{
      components,     shape_of(shape), regularisation, tolerance,
      max_iterations, restarts,        lloyd,          seed};
  const segment::GaussianMixtureStart start{flat(weights_init), flat(means_init),
                                            flat(factors_init)};
  auto found = without_gil(threads, [&](const Execution& execution) {
    return segment::fit_gaussian_mixture(p, settings, start, execution);
  });
  return py::dict("weight"_a = release_to_numpy(std::move(found.mixture.weight)),
                  "mean"_a = release_to_numpy(std::move(found.mixture.mean)),
                  "covariance"_a = release_to_numpy(std::move(found.mixture.covariance)),
                  "factor"_a = release_to_numpy(std::move(found.mixture.precision_cholesky)),
                  "lower_bound"_a = release_to_numpy(std::move(found.lower_bound)),
                  "held"_a = release_to_numpy(std::move(found.held)),
                  "log_likelihood"_a = found.log_likelihood, "entropy"_a = found.entropy,
                  "converged"_a = found.converged, "collapsed"_a = found.collapsed);
}

py::dict rows(const Column<double>& x, const Weights& weight, const std::string& shape,
              const Column<double>& weights, const Column<double>& means,
              const Column<double>& factors, bool log_density, bool responsibility, bool label,
              int threads) {
  const segment::Points<double> p = points(x, weight);
  const segment::GaussianMixture mixture = mixture_of(shape, weights, means, factors);
  const segment::GaussianMixtureAsked asked{log_density, responsibility, label};
  auto found = without_gil(threads, [&](const Execution& execution) {
    return segment::gaussian_mixture_rows(p, mixture, asked, execution);
  });
  return py::dict("log_density"_a = release_to_numpy(std::move(found.log_density)),
                  "responsibility"_a = release_to_numpy(std::move(found.responsibility)),
                  "label"_a = release_to_numpy(std::move(found.label)),
                  "log_likelihood"_a = found.log_likelihood, "entropy"_a = found.entropy);
}

py::tuple errors(const Column<double>& x, const Weights& weight, const std::string& shape,
                 const Column<double>& weights, const Column<double>& means,
                 const Column<double>& factors, bool robust, int threads) {
  const segment::Points<double> p = points(x, weight);
  const segment::GaussianMixture mixture = mixture_of(shape, weights, means, factors);
  auto found = without_gil(threads, [&](const Execution& execution) {
    return segment::gaussian_mixture_errors(p, mixture, robust, execution);
  });
  return py::make_tuple(release_to_numpy(std::move(found.weight)),
                        release_to_numpy(std::move(found.mean)), found.identified);
}

py::tuple sample(const std::string& shape, const Column<double>& weights,
                 const Column<double>& means, const Column<double>& factors, std::int64_t count,
                 std::uint64_t seed, int threads) {
  const segment::GaussianMixture mixture = mixture_of(shape, weights, means, factors);
  auto drawn = without_gil(threads, [&](const Execution& execution) {
    return segment::sample_gaussian_mixture(mixture, count, seed, execution);
  });
  return py::make_tuple(release_to_numpy(std::move(drawn.values)),
                        release_to_numpy(std::move(drawn.label)));
}

}  // namespace

void bind_mixture(py::module_& m) {
  using py::arg;
  m.def("gaussian_mixture", &fit, arg("x").noconvert(), arg("weight").noconvert(),
        arg("components"), arg("shape"), arg("regularisation"), arg("tolerance"),
        arg("max_iterations"), arg("restarts"), arg("lloyd"), arg("seed"),
        arg("weights_init").noconvert(), arg("means_init").noconvert(),
        arg("factors_init").noconvert(), arg("threads"));
  m.def("gaussian_mixture_rows", &rows, arg("x").noconvert(), arg("weight").noconvert(),
        arg("shape"), arg("weights").noconvert(), arg("means").noconvert(),
        arg("factors").noconvert(), arg("log_density"), arg("responsibility"), arg("label"),
        arg("threads"));
  m.def("gaussian_mixture_errors", &errors, arg("x").noconvert(), arg("weight").noconvert(),
        arg("shape"), arg("weights").noconvert(), arg("means").noconvert(),
        arg("factors").noconvert(), arg("robust"), arg("threads"));
  m.def("sample_gaussian_mixture", &sample, arg("shape"), arg("weights").noconvert(),
        arg("means").noconvert(), arg("factors").noconvert(), arg("count"), arg("seed"),
        arg("threads"));
}

}  // namespace tenure::python
