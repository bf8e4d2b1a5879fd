#include <pybind11/stl.h>

#include "arrays.hpp"
#include "churn.hpp"
#include "execution.hpp"
#include "tenure/churn/cox_net.hpp"
#include "tenure/churn/logistic_net.hpp"

namespace tenure::python {
namespace {

using namespace py::literals;
using churn::ElasticNetSettings;
using Floats = Column<double>;

std::vector<double> copy(const Floats& values, const char* argument) {
  const auto from = view(values, argument);
  return {from.begin(), from.end()};
}

ElasticNetSettings settings_of(double l1_ratio, const Floats& lasso, const Floats& ridge,
                               const Floats& penalty, std::int64_t penalties, double least,
                               std::int64_t max_iterations, double tolerance, bool screen) {
  return {.l1_ratio = l1_ratio,
          .lasso = copy(lasso, "lasso"),
          .ridge = copy(ridge, "ridge"),
          .penalty = copy(penalty, "penalty"),
          .penalties = penalties,
          .least = least,
          .max_iterations = max_iterations,
          .tolerance = tolerance,
          .screen = screen};
}

template <class Net>
py::dict path_of(const ElasticNetSettings& settings, std::int64_t terms, int threads,
                 const Net& net) {
  if (std::ssize(settings.lasso) != terms || std::ssize(settings.ridge) != terms)
    throw py::value_error("lasso and ridge must have one value a term");
  auto found = without_gil(threads, net);
  return py::dict("penalty"_a = release_to_numpy(std::move(found.penalty)),
                  "beta"_a = release_to_numpy(std::move(found.beta)),
                  "log_likelihood"_a = release_to_numpy(std::move(found.log_likelihood)),
                  "converged"_a = release_to_numpy(std::move(found.converged)),
                  "start_log_likelihood"_a = found.start_log_likelihood,
                  "evaluations"_a = found.evaluations, "widest"_a = found.widest);
}

}  // namespace

void bind_elastic_net(py::module_& m) {
  py::class_<ElasticNetSettings>(m, "ElasticNetSettings")
      .def(py::init(&settings_of), "l1_ratio"_a, "lasso"_a.noconvert(), "ridge"_a.noconvert(),
           "penalty"_a.noconvert(), "penalties"_a, "least"_a, "max_iterations"_a, "tolerance"_a,
           "screen"_a = true);
  m.def(
      "cox_net",
      [](const churn::CoxData& data, const std::string& ties, const ElasticNetSettings& settings,
         int threads) {
        const auto kind = ties == "efron" ? churn::Ties::efron : churn::Ties::breslow;
        return path_of(settings, data.columns, threads, [&](const Execution& execution) {
          return churn::cox_net(data, kind, settings, execution);
        });
      },
      "data"_a, "ties"_a, "settings"_a, "threads"_a);
  m.def(
      "logistic_net",
      [](const churn::LogisticData& data, const ElasticNetSettings& settings, int threads) {
        return path_of(settings, data.terms, threads, [&](const Execution& execution) {
          return churn::logistic_net(data, settings, execution);
        });
      },
      "data"_a, "settings"_a, "threads"_a);
}

}  // namespace tenure::python
