#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "churn.hpp"
#include "execution.hpp"
#include "tenure/churn/concordance.hpp"
#include "tenure/churn/cox.hpp"
#include "tenure/churn/cox_exact.hpp"
#include "tenure/churn/cox_predict.hpp"
#include "tenure/churn/cox_residuals.hpp"

namespace tenure::python {
namespace {

using namespace py::literals;
using churn::CoxData;
using Floats = Column<double>;
using Codes = Column<std::int32_t>;
using Flags = Column<std::uint8_t>;

/// The name is checked by the Python layer.
churn::CoxMethod method_of(const std::string& ties) {
  return ties == "breslow" ? churn::CoxMethod::breslow
         : ties == "efron" ? churn::CoxMethod::efron
                           : churn::CoxMethod::exact;
}

/// Exact ties have the baseline and the residuals of Breslow's estimator at their own coefficients.
churn::Ties ties_of(const std::string& ties) {
  return ties == "efron" ? churn::Ties::efron : churn::Ties::breslow;
}

/// Copies: another thread may write to the arrays while the GIL is released, and what was checked
/// or counted becomes a position in an array. Only X, which is data and nothing else, is a view.
template <class T>
std::vector<T> copy(const Column<T>& values, const char* argument) {
  const auto from = view(values, argument);
  return {from.begin(), from.end()};
}
template <class T>
std::vector<T> copy(const std::optional<Column<T>>& values, const char* argument) {
  return values ? copy(*values, argument) : std::vector<T>{};
}
template <class T>
std::optional<std::span<const T>> given(const std::optional<Column<T>>& values,
                                        const std::vector<T>& kept) {
  if (!values) return std::nullopt;
  return std::span<const T>(kept);
}

std::unique_ptr<CoxData> prepare(const Floats& x, const Floats& duration, const Flags& churned,
                                 const std::optional<Floats>& entry,
                                 const std::optional<Floats>& weight,
                                 const std::optional<Floats>& offset,
                                 const std::optional<Codes>& stratum, int threads) {
  if (x.ndim() != 2) throw py::value_error("X must be 2-D");
  const auto t = copy(duration, "duration");
  const auto c = copy(churned, "churned");
  const auto e = copy(entry, "entry"), w = copy(weight, "sample_weight"),
             o = copy(offset, "offset");
  const auto k = copy(stratum, "strata");
  churn::CoxSample sample{{x.data(), static_cast<std::size_t>(x.size())}, x.shape(1), t, c};
  sample.entry = given(entry, e);
  sample.weight = given(weight, w);
  sample.offset = given(offset, o);
  sample.stratum = given(stratum, k);
  return without_gil(threads, [&](const Execution& execution) {
    return std::make_unique<CoxData>(churn::prepare_cox(sample, execution));
  });
}

py::dict fit(const CoxData& data, const std::string& ties, bool firth, std::int64_t max_iterations,
             double tolerance, int threads) {
  const churn::CoxSettings settings{method_of(ties), firth, max_iterations, tolerance};
  auto found = without_gil(threads, [&](const Execution& execution) {
    return churn::fit_cox(data, settings, execution);
  });
  return py::dict("status"_a = churn::cox_status_name(found.status),
                  "beta"_a = release_to_numpy(std::move(found.beta)),
                  "covariance"_a = release_to_numpy(std::move(found.covariance)),
                  "log_likelihood"_a = found.log_likelihood,
                  "null_log_likelihood"_a = found.null_log_likelihood,
                  "penalised"_a = found.penalised, "null_penalised"_a = found.null_penalised,
                  "score_test"_a = found.score_test, "iterations"_a = found.iterations,
                  "gradient_norm"_a = found.gradient_norm,
                  "direction"_a = release_to_numpy(std::move(found.direction)),
                  "unidentified"_a = release_to_numpy(std::move(found.unidentified)));
}

/// Runs `ask` on the likelihood at beta.
template <class Ask>
auto at(const CoxData& data, const Floats& beta, const std::string& ties, int threads,
        const Ask& ask) {
  const auto b = view(beta, "beta");
  if (std::ssize(b) != data.columns) throw py::value_error("beta must have one value a column");
  return without_gil(threads, [&](const Execution& execution) {
    churn::CoxLikelihood likelihood(data, ties_of(ties));
    const double value = likelihood.move(b, execution);
    return ask(likelihood, value, execution);
  });
}

py::tuple point(const CoxData& data, const Floats& beta, const std::string& ties, int threads) {
  churn::CoxPoint found;
  if (ties == "exact") {
    found = without_gil(threads, [&](const Execution& execution) {
      return churn::exact_cox(data, view(beta, "beta"), execution);
    });
  } else {
    found = at(data, beta, ties, threads,
               [](const churn::CoxLikelihood& l, double value, const Execution& execution) {
                 auto here = l.point(execution);
                 here.log_likelihood = value;
                 return here;
               });
  }
  return py::make_tuple(found.log_likelihood, release_to_numpy(std::move(found.score)),
                        release_to_numpy(std::move(found.information)));
}

py::array_t<double> information(const CoxData& data, const Floats& beta, const std::string& ties,
                                const Floats& multiplier, int threads) {
  const auto m = view(multiplier, "multiplier");
  if (std::ssize(m) != data.slots()) throw py::value_error("multiplier must have one value a slot");
  return release_to_numpy(
      at(data, beta, ties, threads,
         [&](const churn::CoxLikelihood& l, double, const Execution& execution) {
           return l.information(m, execution);
         }));
}

py::tuple schoenfeld(const CoxData& data, const Floats& beta, const std::string& ties,
                     int threads) {
  auto found = at(data, beta, ties, threads,
                  [](const churn::CoxLikelihood& l, double, const Execution& execution) {
                    return churn::schoenfeld_residuals(l, execution);
                  });
  return py::make_tuple(release_to_numpy(std::move(found.residual)),
                        release_to_numpy(std::move(found.source)),
                        release_to_numpy(std::move(found.slot)));
}

py::dict baseline(const CoxData& data, const Floats& beta, const std::string& ties, int threads) {
  auto found = at(data, beta, ties, threads,
                  [](const churn::CoxLikelihood& l, double, const Execution& execution) {
                    return churn::baseline(l, execution);
                  });
  return py::dict("time"_a = release_to_numpy(std::move(found.time)),
                  "stratum"_a = release_to_numpy(std::move(found.stratum)),
                  "at_risk"_a = release_to_numpy(std::move(found.at_risk)),
                  "churned"_a = release_to_numpy(std::move(found.churned)),
                  "hazard"_a = release_to_numpy(std::move(found.hazard)),
                  "variance"_a = release_to_numpy(std::move(found.variance)),
                  "mean"_a = release_to_numpy(std::move(found.mean)));
}

/// Log-likelihood at each row of beta.
py::array_t<double> log_likelihoods(const CoxData& data, const Floats& beta,
                                    const std::string& ties, int threads) {
  if (beta.ndim() != 2 || beta.shape(1) != data.columns)
    throw py::value_error("beta must be 2-D with one column for each of X");
  const auto count = beta.shape(0);
  const double* const from = beta.data();
  return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
    churn::CoxLikelihood likelihood(data, ties_of(ties));
    std::vector<double> value;
    for (py::ssize_t k = 0; k < count; ++k)
      value.push_back(likelihood.move(
          {from + k * data.columns, static_cast<std::size_t>(data.columns)}, execution));
    return value;
  }));
}

void bind_cox_data(py::module_& m) {
  using py::arg;
  const auto vector = [](std::vector<double> CoxData::* member) {
    return [member](const CoxData& d) { return release_to_numpy(std::vector<double>(d.*member)); };
  };
  py::class_<CoxData>(m, "CoxData")
      .def(py::init(&prepare), arg("x").noconvert(), arg("duration").noconvert(),
           arg("churned").noconvert(), arg("entry").noconvert(), arg("weight").noconvert(),
           arg("offset").noconvert(), arg("stratum").noconvert(), arg("threads"))
      .def_property_readonly("mean", vector(&CoxData::mean))
      .def_property_readonly("scale", vector(&CoxData::scale))
      .def_property_readonly("least", vector(&CoxData::least))
      .def_property_readonly("most", vector(&CoxData::most))
      .def_property_readonly("slot_time", vector(&CoxData::time))
      .def_readonly("weighted", &CoxData::weighted)
      .def_readonly("truncated", &CoxData::truncated)
      .def_readonly("rows", &CoxData::sample_rows)
      .def_property_readonly("churned_rows",
                             [](const CoxData& d) {
                               std::int64_t sum = 0;
                               for (const std::int64_t deaths : d.deaths) sum += deaths;
                               return sum;
                             })
      .def("fit", &fit, arg("ties"), arg("firth"), arg("max_iterations"), arg("tolerance"),
           arg("threads"))
      .def(
          "linear_predictor",
          [](const CoxData& d, const Floats& beta) {
            return release_to_numpy(churn::linear_predictor(d, view(beta, "beta")));
          },
          arg("beta").noconvert())
      .def("log_likelihoods", &log_likelihoods, arg("beta").noconvert(), arg("ties"),
           arg("threads"))
      .def("point", &point, arg("beta").noconvert(), arg("ties"), arg("threads"))
      .def("information", &information, arg("beta").noconvert(), arg("ties"),
           arg("multiplier").noconvert(), arg("threads"))
      .def(
          "score_residuals",
          [](const CoxData& d, const Floats& beta, const std::string& ties, int threads) {
            return release_to_numpy(
                at(d, beta, ties, threads,
                   [](const churn::CoxLikelihood& l, double, const Execution& execution) {
                     return churn::score_residuals(l, execution);
                   }));
          },
          arg("beta").noconvert(), arg("ties"), arg("threads"))
      .def(
          "martingale_residuals",
          [](const CoxData& d, const Floats& beta, const std::string& ties, int threads) {
            return release_to_numpy(at(d, beta, ties, threads,
                                       [](const churn::CoxLikelihood& l, double, const Execution&) {
                                         return churn::martingale_residuals(l);
                                       }));
          },
          arg("beta").noconvert(), arg("ties"), arg("threads"))
      .def("schoenfeld_residuals", &schoenfeld, arg("beta").noconvert(), arg("ties"),
           arg("threads"))
      .def("baseline", &baseline, arg("beta").noconvert(), arg("ties"), arg("threads"));
}

}  // namespace

void bind_churn(py::module_& m) {
  using py::arg;
  bind_cox_data(m);
  m.def(
      "survival_rows",
      [](const Floats& hazard, const Floats& risk, int threads) {
        const auto h = view(hazard, "hazard"), r = view(risk, "risk");
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return churn::survival_rows(h, r, execution);
        }));
      },
      arg("hazard").noconvert(), arg("risk").noconvert(), arg("threads"));
  m.def(
      "concordance",
      [](const Floats& duration, const Flags& churned, const Floats& score,
         const std::optional<Floats>& entry, const std::optional<Floats>& weight,
         const std::optional<Codes>& stratum) {
        const auto t = copy(duration, "duration"), z = copy(score, "score");
        const auto gone = copy(churned, "churned");
        const auto e = copy(entry, "entry"), w = copy(weight, "sample_weight");
        const auto k = copy(stratum, "strata");
        const churn::ScoredSample sample{
            t, gone, z, given(entry, e), given(weight, w), given(stratum, k)};
        const auto c = without_gil(
            1, [&](const Execution& execution) { return churn::concordance(sample, execution); });
        return py::dict("concordant"_a = c.concordant, "discordant"_a = c.discordant,
                        "tied_score"_a = c.tied_score, "tied_time"_a = c.tied_time,
                        "tied_both"_a = c.tied_both, "value"_a = c.value,
                        "standard_error"_a = c.standard_error);
      },
      arg("duration").noconvert(), arg("churned").noconvert(), arg("score").noconvert(),
      arg("entry").noconvert(), arg("weight").noconvert(), arg("stratum").noconvert());
  bind_causes(m);
  bind_logistic(m);
  bind_elastic_net(m);
  bind_calibration(m);
  bind_roc(m);
  bind_uplift(m);
  bind_survival_measures(m);
}

}  // namespace tenure::python
