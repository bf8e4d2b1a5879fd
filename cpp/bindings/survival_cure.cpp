#include <pybind11/stl.h>

#include <map>
#include <string>

#include "arrays.hpp"
#include "execution.hpp"
#include "survival.hpp"
#include "tenure/survival/cure.hpp"

namespace tenure::python {
namespace {

using Matrix = py::array_t<double, py::array::c_style>;
using Optional = std::optional<Column<double>>;

survival::Design design(const Matrix& x) {
  if (x.ndim() != 2) throw py::value_error("X must be 2-D");
  return {{x.data(), static_cast<std::size_t>(x.size())}, x.shape(0), x.shape(1)};
}

survival::Lifetime law_of(const std::string& name) {
  using survival::Lifetime;
  static const std::map<std::string, Lifetime> kLaws{{"exponential", Lifetime::exponential},
                                                     {"weibull", Lifetime::weibull},
                                                     {"log_normal", Lifetime::log_normal},
                                                     {"log_logistic", Lifetime::log_logistic}};
  return kLaws.at(name);
}

survival::CureSample sample_of(const Column<double>& duration, const Column<std::uint8_t>& churned,
                               const Matrix& incidence, const Matrix& latency,
                               const Optional& entry, const Optional& weight) {
  return {view(duration, "duration"), view(churned, "churned"),
          design(incidence),          design(latency),
          view(entry, "entry"),       view(weight, "sample_weight")};
}

py::dict fit(const Column<double>& duration, const Column<std::uint8_t>& churned,
             const Matrix& incidence, const Matrix& latency, const Optional& entry,
             const Optional& weight, const std::string& law, std::optional<double> intercept,
             std::int64_t max_iterations, double tolerance, int threads) {
  const auto sample = sample_of(duration, churned, incidence, latency, entry, weight);
  const survival::CureOptions options{law_of(law), intercept, max_iterations, tolerance};
  auto found = without_gil(
      threads, [&](const Execution& run) { return survival::cure_fit(sample, options, run); });
  py::ssize_t side = 0;
  while (side * side < static_cast<py::ssize_t>(found.covariance.size())) ++side;
  py::dict out;
  out["incidence"] = release_to_numpy(std::move(found.incidence));
  out["latency"] = release_to_numpy(std::move(found.latency));
  out["log_scale"] = found.log_scale;
  out["log_likelihood"] = found.log_likelihood;
  out["covariance"] = release_to_numpy(std::move(found.covariance)).reshape({side, side});
  out["status"] = optim::status_name(found.status);
  out["iterations"] = found.iterations;
  out["gradient_norm"] = found.gradient_norm;
  return out;
}

py::array_t<double> rows(const Column<double>& duration, const Column<std::uint8_t>& churned,
                         const Optional& entry, const std::string& law,
                         const Column<double>& incidence_predictor,
                         const Column<double>& latency_predictor, double log_scale, int threads) {
  const survival::Design none{{}, duration.size(), 0};
  const survival::CureSample sample{view(duration, "duration"), view(churned, "churned"), none,
                                    none, view(entry, "entry")};
  const auto a = view(incidence_predictor, "incidence_predictor");
  const auto e = view(latency_predictor, "latency_predictor");
  auto found = without_gil(threads, [&](const Execution& run) {
    return survival::cure_rows(sample, law_of(law), a, e, log_scale, run);
  });
  const auto n = static_cast<py::ssize_t>(found.size() / 4);
  return release_to_numpy(std::move(found)).reshape({n, py::ssize_t{4}});
}

survival::CureCustomers customers_of(const std::string& law, double scale,
                                     const Column<double>& incidence_predictor,
                                     const Column<double>& latency_predictor,
                                     const Optional& tenure) {
  return {law_of(law), scale, view(incidence_predictor, "incidence_predictor"),
          view(latency_predictor, "latency_predictor"), view(tenure, "tenure")};
}

py::array leaving(const std::string& law, double scale, const Column<double>& incidence_predictor,
                  const Column<double>& latency_predictor, const Optional& tenure, int threads) {
  const auto customers = customers_of(law, scale, incidence_predictor, latency_predictor, tenure);
  return release_to_numpy(without_gil(
      threads, [&](const Execution& run) { return survival::cure_leaving(customers, run); }));
}

using Prediction = std::vector<double> (*)(const survival::CureCustomers&, std::span<const double>,
                                           const Execution&);

template <Prediction predict>
py::array_t<double> ask(const std::string& law, double scale,
                        const Column<double>& incidence_predictor,
                        const Column<double>& latency_predictor, const Optional& tenure,
                        const Column<double>& at, int threads) {
  const auto customers = customers_of(law, scale, incidence_predictor, latency_predictor, tenure);
  const auto asked = view(at, "at");
  auto values =
      without_gil(threads, [&](const Execution& run) { return predict(customers, asked, run); });
  return release_to_numpy(std::move(values))
      .reshape({incidence_predictor.size(), static_cast<py::ssize_t>(asked.size())});
}

template <Prediction predict>
void bind_prediction(py::module_& m, const char* name) {
  m.def(name, &ask<predict>, py::arg("law"), py::arg("scale"),
        py::arg("incidence_predictor").noconvert(), py::arg("latency_predictor").noconvert(),
        py::arg("tenure").noconvert(), py::arg("at").noconvert(), py::arg("threads"));
}

}  // namespace

void bind_cure(py::module_& m) {
  m.def("cure_fit", &fit, py::arg("duration").noconvert(), py::arg("churned").noconvert(),
        py::arg("incidence").noconvert(), py::arg("latency").noconvert(),
        py::arg("entry").noconvert(), py::arg("sample_weight").noconvert(), py::arg("law"),
        py::arg("intercept"), py::arg("max_iterations"), py::arg("tolerance"), py::arg("threads"));
  m.def("cure_rows", &rows, py::arg("duration").noconvert(), py::arg("churned").noconvert(),
        py::arg("entry").noconvert(), py::arg("law"), py::arg("incidence_predictor").noconvert(),
        py::arg("latency_predictor").noconvert(), py::arg("log_scale"), py::arg("threads"));
  m.def("cure_leaving", &leaving, py::arg("law"), py::arg("scale"),
        py::arg("incidence_predictor").noconvert(), py::arg("latency_predictor").noconvert(),
        py::arg("tenure").noconvert(), py::arg("threads"));
  bind_prediction<survival::cure_survival>(m, "cure_survival");
  bind_prediction<survival::cure_quantile>(m, "cure_quantile");
}

}  // namespace tenure::python
