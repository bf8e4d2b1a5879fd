#include <pybind11/stl.h>

#include <map>
#include <string>

#include "arrays.hpp"
#include "execution.hpp"
#include "survival.hpp"
#include "tenure/survival/aft.hpp"
#include "tenure/survival/aft_predict.hpp"
#include "tenure/survival/discrete_time.hpp"
#include "tenure/survival/fine_gray.hpp"

namespace tenure::python {
namespace {

using Matrix = py::array_t<double, py::array::c_style>;

survival::Design design(const Matrix& x) {
  if (x.ndim() != 2) throw py::value_error("X must be 2-D");
  return {{x.data(), static_cast<std::size_t>(x.size())}, x.shape(0), x.shape(1)};
}

survival::Lifetime law_of(const std::string& name) {
  using survival::Lifetime;
  static const std::map<std::string, Lifetime> kLaws{
      {"exponential", Lifetime::exponential},
      {"weibull", Lifetime::weibull},
      {"log_normal", Lifetime::log_normal},
      {"log_logistic", Lifetime::log_logistic},
      {"generalized_gamma", Lifetime::generalized_gamma}};
  return kLaws.at(name);
}

py::array_t<double> square(std::vector<double>&& values) {
  py::ssize_t side = 0;
  while (side * side < static_cast<py::ssize_t>(values.size())) ++side;
  return release_to_numpy(std::move(values)).reshape({side, side});
}

using Optional = std::optional<Column<double>>;

survival::AftSample aft_sample(const Column<double>& lower, const Column<double>& upper,
                               const Matrix& x, const Optional& entry, const Optional& weight,
                               const Optional& offset) {
  return {view(lower, "lower"), view(upper, "upper"),          design(x),
          view(entry, "entry"), view(weight, "sample_weight"), view(offset, "offset")};
}

py::dict aft_fit(const Column<double>& lower, const Column<double>& upper, const Matrix& x,
                 const Optional& entry, const Optional& weight, const Optional& offset,
                 const std::string& law, bool intercept, std::int64_t max_iterations,
                 double tolerance, int threads) {
  const auto sample = aft_sample(lower, upper, x, entry, weight, offset);
  const survival::AftOptions options{law_of(law), intercept, max_iterations, tolerance};
  auto fit = without_gil(
      threads, [&](const Execution& run) { return survival::aft_fit(sample, options, run); });
  py::dict out;
  out["coefficients"] = release_to_numpy(std::move(fit.coefficients));
  out["log_scale"] = fit.log_scale;
  out["shape"] = fit.shape;
  out["log_likelihood"] = fit.log_likelihood;
  out["covariance"] = square(std::move(fit.covariance));
  out["status"] = optim::status_name(fit.status);
  out["iterations"] = fit.iterations;
  out["gradient_norm"] = fit.gradient_norm;
  return out;
}

py::array_t<double> aft_rows(const Column<double>& lower, const Column<double>& upper,
                             const Matrix& x, const Optional& entry, const std::string& law,
                             const Column<double>& linear_predictor, double log_scale, double shape,
                             int threads) {
  const auto sample = aft_sample(lower, upper, x, entry, std::nullopt, std::nullopt);
  const auto eta = view(linear_predictor, "linear_predictor");
  auto rows = without_gil(threads, [&](const Execution& run) {
    return survival::aft_rows(sample, law_of(law), eta, log_scale, shape, run);
  });
  const auto n = static_cast<py::ssize_t>(rows.size() / 4);
  return release_to_numpy(std::move(rows)).reshape({n, py::ssize_t{4}});
}

/// The four predictions have one form: customers, and a list of times or shares.
using Prediction = std::vector<double> (*)(const survival::AftCustomers&, std::span<const double>,
                                           const Execution&);

template <Prediction predict>
py::array_t<double> aft_predict(const std::string& law, double scale, double shape,
                                const Column<double>& linear_predictor, const Optional& tenure,
                                const Column<double>& at, int threads) {
  const survival::AftCustomers customers{law_of(law), scale, shape,
                                         view(linear_predictor, "linear_predictor"),
                                         view(tenure, "tenure")};
  const auto asked = view(at, "at");
  auto values =
      without_gil(threads, [&](const Execution& run) { return predict(customers, asked, run); });
  return release_to_numpy(std::move(values))
      .reshape({linear_predictor.size(), static_cast<py::ssize_t>(asked.size())});
}

template <Prediction predict>
void bind_prediction(py::module_& m, const char* name) {
  m.def(name, &aft_predict<predict>, py::arg("law"), py::arg("scale"), py::arg("shape"),
        py::arg("linear_predictor").noconvert(), py::arg("tenure").noconvert(),
        py::arg("at").noconvert(), py::arg("threads"));
}

py::dict fine_gray(const Column<double>& duration, const Column<std::uint8_t>& cause,
                   const Matrix& x, const Optional& entry, const Optional& weight,
                   std::int64_t max_iterations, double tolerance) {
  // Copies: times, entries and causes decide on positions in arrays.
  const auto t = view(duration, "duration");
  const auto c = view(cause, "cause");
  const std::vector<double> times(t.begin(), t.end());
  const std::vector<std::uint8_t> causes(c.begin(), c.end());
  survival::FineGraySample sample{times, causes, design(x)};
  std::vector<double> entries;
  if (entry) {
    const auto e = view(*entry, "entry");
    entries.assign(e.begin(), e.end());
    sample.entry = entries;
  }
  if (weight) sample.weight = view(*weight, "sample_weight");
  auto fit = without_gil(1, [&](const Execution& run) {
    return survival::fine_gray(sample, {max_iterations, tolerance}, run);
  });
  py::dict out;
  out["coefficients"] = release_to_numpy(std::move(fit.coefficients));
  out["log_likelihood"] = fit.log_likelihood;
  out["null_log_likelihood"] = fit.null_log_likelihood;
  out["covariance"] = square(std::move(fit.covariance));
  out["naive_covariance"] = square(std::move(fit.naive_covariance));
  out["time"] = release_to_numpy(std::move(fit.time));
  out["baseline"] = release_to_numpy(std::move(fit.baseline));
  out["status"] = optim::status_name(fit.status);
  out["iterations"] = fit.iterations;
  out["gradient_norm"] = fit.gradient_norm;
  return out;
}

py::dict discrete_time_fit(const Column<std::int32_t>& periods, const Column<std::uint8_t>& churned,
                           const Matrix& x, const Matrix& time,
                           const std::optional<Column<std::int32_t>>& entry, const Optional& weight,
                           bool cloglog, std::int64_t max_iterations, double tolerance,
                           int threads) {
  // Copies: periods become positions in an array after they were checked.
  const auto p = view(periods, "periods");
  const auto c = view(churned, "churned");
  const std::vector<std::int32_t> asked(p.begin(), p.end());
  const std::vector<std::uint8_t> left(c.begin(), c.end());
  std::vector<std::int32_t> from;
  survival::PeriodSample sample{asked, left, design(x), design(time)};
  if (entry) {
    const auto e = view(*entry, "entry");
    from.assign(e.begin(), e.end());
    sample.entry = from;
  }
  sample.weight = view(weight, "sample_weight");
  const survival::DiscreteTimeOptions options{
      cloglog ? survival::HazardLink::cloglog : survival::HazardLink::logit, max_iterations,
      tolerance};
  auto fit = without_gil(threads, [&](const Execution& run) {
    return survival::discrete_time_fit(sample, options, run);
  });
  py::dict out;
  out["coefficients"] = release_to_numpy(std::move(fit.coefficients));
  out["covariance"] = square(std::move(fit.covariance));
  out["log_likelihood"] = fit.log_likelihood;
  out["person_periods"] = fit.person_periods;
  out["status"] = optim::status_name(fit.status);
  out["iterations"] = fit.iterations;
  out["gradient_norm"] = fit.gradient_norm;
  return out;
}

}  // namespace

void bind_survival_regression(py::module_& m) {
  m.def("aft_fit", &aft_fit, py::arg("lower").noconvert(), py::arg("upper").noconvert(),
        py::arg("X").noconvert(), py::arg("entry").noconvert(),
        py::arg("sample_weight").noconvert(), py::arg("offset").noconvert(), py::arg("law"),
        py::arg("intercept"), py::arg("max_iterations"), py::arg("tolerance"), py::arg("threads"));
  m.def("aft_rows", &aft_rows, py::arg("lower").noconvert(), py::arg("upper").noconvert(),
        py::arg("X").noconvert(), py::arg("entry").noconvert(), py::arg("law"),
        py::arg("linear_predictor").noconvert(), py::arg("log_scale"), py::arg("shape"),
        py::arg("threads"));
  bind_prediction<survival::aft_survival>(m, "aft_survival");
  bind_prediction<survival::aft_hazard>(m, "aft_hazard");
  bind_prediction<survival::aft_quantile>(m, "aft_quantile");
  bind_prediction<survival::aft_restricted_mean>(m, "aft_restricted_mean");
  m.def("discrete_time_fit", &discrete_time_fit, py::arg("periods").noconvert(),
        py::arg("churned").noconvert(), py::arg("X").noconvert(), py::arg("time").noconvert(),
        py::arg("entry").noconvert(), py::arg("sample_weight").noconvert(), py::arg("cloglog"),
        py::arg("max_iterations"), py::arg("tolerance"), py::arg("threads"));
  m.def("fine_gray", &fine_gray, py::arg("duration").noconvert(), py::arg("cause").noconvert(),
        py::arg("X").noconvert(), py::arg("entry").noconvert(),
        py::arg("sample_weight").noconvert(), py::arg("max_iterations"), py::arg("tolerance"));
}

}  // namespace tenure::python
