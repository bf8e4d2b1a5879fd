#include <string>
#include <tuple>
#include <utility>

#include "clv_transaction.hpp"
#include "tenure/clv/bootstrap.hpp"

namespace tenure::python {
namespace {

/// replicates, seed, max_iterations, tolerance, l2.
using BootstrapTuple = std::tuple<std::int64_t, std::uint64_t, std::int64_t, double, double>;

clv::BootstrapOptions options_of(const BootstrapTuple& t, std::span<const double> start) {
  const auto& [replicates, seed, max_iterations, tolerance, l2] = t;
  return {replicates, seed, {max_iterations, tolerance, l2, 0.0, {start.begin(), start.end()}}};
}

py::dict to_python(clv::Replicates&& r) {
  py::dict d;
  d["parameters"] = release_to_numpy(std::move(r.parameters));
  d["log_likelihood"] = release_to_numpy(std::move(r.log_likelihood));
  d["score"] = release_to_numpy(std::move(r.score));
  py::list outcome;
  for (const std::uint8_t o : r.outcome)
    outcome.append(o == clv::kRefused ? "refused"
                                      : optim::status_name(static_cast<optim::Status>(o)));
  d["outcome"] = outcome;
  return d;
}

template <class Parameters>
Parameters at_values(std::span<const double> values) {
  Parameters p;
  if (values.size_bytes() != sizeof p) throw py::value_error("parameters are too many or too few");
  std::memcpy(&p, values.data(), sizeof p);
  return p;
}

/// `history(purchases)` is what fit and likelihood read.
template <class Parameters, class Draw, class History, class FitOf, class Likelihood>
void add_purchases(py::module_& m, const char* name, const Draw& draw, const History& history,
                   const FitOf& fit, const Likelihood& likelihood) {
  m.def(
      name,
      [=](const Column<double>& parameters, const Column<double>& age,
          const std::optional<Column<double>>& weight, const BootstrapTuple& options,
          const py::object& tell, int threads) {
        const auto values = view(parameters, "parameters");
        const auto at = at_values<Parameters>(values);
        const clv::PurchaseModel model{
            [=](double t, RandomStream& random) { return draw(at, t, random); },
            [=](const clv::RepeatPurchases& c, const clv::FitOptions& o, const Execution& e) {
              return fit(history(c), o, e);
            },
            [=](const clv::RepeatPurchases& c, const Execution& e) {
              return likelihood(at, history(c), e).times(1.0).gradient;
            }};
        const auto ages = view(age, "T");
        const auto weights = view(weight, "weight");
        const auto told = options_of(options, values);
        return to_python(without_gil(
            threads,
            [&](const Execution& execution) {
              return clv::bootstrap_purchases(model, ages, weights, told, execution);
            },
            tell));
      },
      py::arg("parameters").noconvert(), py::arg("T").noconvert(), py::arg("weight").noconvert(),
      py::arg("options"), py::arg("tell"), py::arg("threads"));
}

template <class Model, class Draw>
void add_transactions(py::module_& m, const Draw& draw) {
  add_purchases<typename Model::Parameters>(
      m, (std::string(Model::kName) + "_bootstrap").c_str(), draw,
      [](const clv::RepeatPurchases& c) { return c; }, Model::fit, Model::log_likelihood);
}

template <class Model>
void add_contracts(py::module_& m, const char* name) {
  m.def(
      name,
      [](const Column<double>& parameters, const Column<double>& observed,
         const std::optional<Column<double>>& weight, const BootstrapTuple& options,
         const py::object& tell, int threads) {
        const auto values = view(parameters, "parameters");
        const auto at = at_values<Model>(values);
        const auto ages = view(observed, "observed");
        const auto weights = view(weight, "weight");
        const auto told = options_of(options, values);
        return to_python(without_gil(
            threads,
            [&](const Execution& execution) {
              return clv::bootstrap_contracts(at, ages, weights, told, execution);
            },
            tell));
      },
      py::arg("parameters").noconvert(), py::arg("observed").noconvert(),
      py::arg("weight").noconvert(), py::arg("options"), py::arg("tell"), py::arg("threads"));
}

}  // namespace

void add_bootstraps(py::module_& m) {
  add_transactions<clv::BgNbd>(m, clv::draw_bg_nbd);
  add_transactions<clv::GGompertzNbd>(m, clv::draw_ggompertz_nbd);
  add_transactions<clv::MbgNbd>(m, clv::draw_mbg_nbd);
  add_transactions<clv::Nbd>(m, clv::draw_nbd);
  add_transactions<clv::ParetoNbd>(m, clv::draw_pareto_nbd);
  add_purchases<clv::BgBbParameters>(
      m, "bg_bb_bootstrap", clv::draw_bg_bb,
      [](const clv::RepeatPurchases& c) {
        return clv::PurchaseOpportunities{c.frequency, c.recency, c.age, c.weight};
      },
      clv::fit_bg_bb, clv::bg_bb_log_likelihood);
  add_contracts<survival::BetaGeometric>(m, "shifted_beta_geometric_bootstrap");
  add_contracts<survival::BetaWeibull>(m, "beta_discrete_weibull_bootstrap");
  m.def(
      "gamma_gamma_bootstrap",
      [](const Column<double>& parameters, const Column<double>& frequency,
         const Column<double>& mean, const std::optional<Column<double>>& weight,
         const BootstrapTuple& options, const py::object& tell, int threads) {
        const auto values = view(parameters, "parameters");
        const auto at = at_values<clv::GammaGammaParameters>(values);
        const clv::ObservedSpend spend{view(frequency, "frequency"), view(mean, "monetary_value"),
                                       view(weight, "weight")};
        const auto told = options_of(options, values);
        return to_python(without_gil(
            threads,
            [&](const Execution& execution) {
              return clv::bootstrap_spend(at, spend, told, execution);
            },
            tell));
      },
      py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("monetary_value").noconvert(), py::arg("weight").noconvert(), py::arg("options"),
      py::arg("tell"), py::arg("threads"));
}

}  // namespace tenure::python
