#include "clv_covariates.hpp"
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/ggompertz_nbd.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/nbd.hpp"
#include "tenure/clv/outlook.hpp"
#include "tenure/clv/pareto_nbd.hpp"

namespace tenure::python {
namespace {

/// What each customer will do, as a distribution, with covariates; each as
/// <model>_covariate_<kernel>.
template <class Model>
void add_outlook(py::module_& m) {
  using Parameters = typename Model::Parameters;
  using Point = JointPoint<clv::kParameters<Model>>;
  using Rows = clv::RepeatPurchases;
  using Numbers = std::span<const double>;
  const auto name = [](const char* kernel) {
    return std::string(Model::kName) + "_covariate_" + kernel;
  };
  // A kernel of rows and one number; with standard errors where a covariance is given.
  const auto add = [&](const char* kernel, const char* argument, clv::Scale scale, auto compute) {
    m.def(
        name(kernel).c_str(),
        [=](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
            const Column<double>& frequency, const Column<double>& recency,
            const Column<double>& age, const Column<double>& design, std::int64_t columns,
            const Column<std::int64_t>& column, const Column<double>& sign, double value,
            int threads) {
          return predict_with_covariates<Model>(
              Point(parameters), log_covariance, scale, view_effects(design, columns, column, sign),
              view_purchases(frequency, recency, age), threads,
              [=](const Parameters& p, const Rows& rows, const Execution& e) {
                return compute(p, rows, value, e);
              });
        },
        py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
        py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
        py::arg("design").noconvert(), py::arg("columns"), py::arg("column").noconvert(),
        py::arg("sign").noconvert(), py::arg(argument), py::arg("threads"));
  };
  // A kernel of rows and more numbers: one a customer, or `wide` as many predictions a customer.
  const auto add_with = [&](const char* kernel, const char* argument, bool wide, auto compute) {
    m.def(
        name(kernel).c_str(),
        [=](const Column<double>& parameters, const py::none&, const Column<double>& frequency,
            const Column<double>& recency, const Column<double>& age, const Column<double>& design,
            std::int64_t columns, const Column<std::int64_t>& column, const Column<double>& sign,
            const Column<double>& numbers, double horizon, int threads) {
          const Point at(parameters);
          const auto effects = view_effects(design, columns, column, sign);
          const auto purchases = view_purchases(frequency, recency, age);
          const Numbers values = view(numbers, "numbers");
          if (!wide && std::ssize(values) != purchases.rows())
            throw py::value_error("numbers must be one a customer");
          return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
            const clv::CustomerGroups groups(effects, clv::kParameters<Model>, purchases.rows(),
                                             execution);
            return clv::predict_customers<Model>(
                groups, at.parameters, at.coefficients, purchases, wide ? Numbers{} : values,
                wide ? std::ssize(values) : 1, execution,
                [&](const Parameters& p, const Rows& rows, Numbers own, const Execution& e) {
                  return compute(p, rows, wide ? values : own, horizon, e);
                });
          }));
        },
        py::arg("parameters").noconvert(), py::arg("log_covariance"),
        py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
        py::arg("design").noconvert(), py::arg("columns"), py::arg("column").noconvert(),
        py::arg("sign").noconvert(), py::arg(argument).noconvert(), py::arg("horizon"),
        py::arg("threads"));
  };

  add_with("purchase_pmf", "n", false,
           [](const Parameters& p, const Rows& rows, Numbers n, double horizon,
              const Execution& e) { return clv::purchase_pmf<Model>(p, rows, n, horizon, e); });
  add_with("purchase_quantiles", "levels", true,
           [](const Parameters& p, const Rows& rows, Numbers levels, double horizon,
              const Execution& e) {
             return clv::purchase_quantiles<Model>(p, rows, horizon, levels, e);
           });
  add("purchase_probability", "horizon", clv::Scale::log,
      [](const Parameters& p, const Rows& rows, double horizon, const Execution& e) {
        return clv::purchase_probability<Model>(p, rows, horizon, e);
      });
  add("log_odds_alive_later", "ahead", clv::Scale::identity,
      [](const Parameters& p, const Rows& rows, double ahead, const Execution& e) {
        return clv::log_odds_alive_later<Model>(p, rows, ahead, e);
      });
  add("time_to_purchase", "level", clv::Scale::identity,
      [](const Parameters& p, const Rows& rows, double level, const Execution& e) {
        return clv::time_to_purchase<Model>(p, rows, level, e);
      });
  add("time_to_lapse", "probability", clv::Scale::identity,
      [](const Parameters& p, const Rows& rows, double probability, const Execution& e) {
        return clv::time_to_lapse<Model>(p, rows, probability, e);
      });
}

}  // namespace

void add_covariate_outlooks(py::module_& m) {
  add_outlook<clv::BgNbd>(m);
  add_outlook<clv::GGompertzNbd>(m);
  add_outlook<clv::MbgNbd>(m);
  add_outlook<clv::Nbd>(m);
  add_outlook<clv::ParetoNbd>(m);
}

}  // namespace tenure::python
