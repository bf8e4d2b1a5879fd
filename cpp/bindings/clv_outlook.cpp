#include <cstring>
#include <string>

#include "clv_results.hpp"
#include "clv_transaction.hpp"
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/outlook.hpp"
#include "tenure/clv/pareto_nbd.hpp"

namespace tenure::python {
namespace {

/// What each customer will do, as a distribution; each as <model>_<kernel>.
template <class Model>
void add_outlook(py::module_& m) {
  const auto name = [](const char* kernel) { return std::string(Model::kName) + "_" + kernel; };
  // A kernel of rows and one number, without standard errors.
  const auto add = [&](const char* kernel, const char* argument, auto compute) {
    m.def(
        name(kernel).c_str(),
        [=](const Column<double>& parameters, const Column<double>& frequency,
            const Column<double>& recency, const Column<double>& age, double value, int threads) {
          const auto at = parameters_of<Model>(view(parameters, "parameters"));
          const auto purchases = view_purchases(frequency, recency, age);
          return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
            return compute(at, purchases, value, execution);
          }));
        },
        py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
        py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg(argument),
        py::arg("threads"));
  };
  // The same with standard errors where a covariance is given.
  const auto add_estimate = [&](const char* kernel, const char* argument, clv::Scale scale,
                                auto compute) {
    m.def(
        name(kernel).c_str(),
        [=](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
            const Column<double>& frequency, const Column<double>& recency,
            const Column<double>& age, double value, int threads) {
          const auto purchases = view_purchases(frequency, recency, age);
          return predict(parameters, log_covariance, scale, threads,
                         [&](std::span<const double> at, const Execution& execution) {
                           return compute(parameters_of<Model>(at), purchases, value, execution);
                         });
        },
        py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
        py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
        py::arg(argument), py::arg("threads"));
  };
  // A kernel of rows and another column, or list, of numbers.
  const auto add_with = [&](const char* kernel, const char* argument, auto compute) {
    m.def(
        name(kernel).c_str(),
        [=](const Column<double>& parameters, const Column<double>& frequency,
            const Column<double>& recency, const Column<double>& age, const Column<double>& numbers,
            double horizon, int threads) {
          const auto at = parameters_of<Model>(view(parameters, "parameters"));
          const auto purchases = view_purchases(frequency, recency, age);
          const auto values = view(numbers, "numbers");
          return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
            return compute(at, purchases, values, horizon, execution);
          }));
        },
        py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
        py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg(argument).noconvert(),
        py::arg("horizon"), py::arg("threads"));
  };

  using Parameters = typename Model::Parameters;
  using Rows = clv::RepeatPurchases;
  add_with("purchase_pmf", "n",
           [](const Parameters& p, const Rows& rows, std::span<const double> n, double horizon,
              const Execution& e) { return clv::purchase_pmf<Model>(p, rows, n, horizon, e); });
  add_with("purchase_quantiles", "levels",
           [](const Parameters& p, const Rows& rows, std::span<const double> levels, double horizon,
              const Execution& e) {
             return clv::purchase_quantiles<Model>(p, rows, horizon, levels, e);
           });
  add_estimate("purchase_probability", "horizon", clv::Scale::log,
               [](const Parameters& p, const Rows& rows, double horizon, const Execution& e) {
                 return clv::purchase_probability<Model>(p, rows, horizon, e);
               });
  add_estimate("log_odds_alive_later", "ahead", clv::Scale::identity,
               [](const Parameters& p, const Rows& rows, double ahead, const Execution& e) {
                 return clv::log_odds_alive_later<Model>(p, rows, ahead, e);
               });
  add("time_to_purchase", "level",
      [](const Parameters& p, const Rows& rows, double level, const Execution& e) {
        return clv::time_to_purchase<Model>(p, rows, level, e);
      });
  add("time_to_lapse", "probability",
      [](const Parameters& p, const Rows& rows, double probability, const Execution& e) {
        return clv::time_to_lapse<Model>(p, rows, probability, e);
      });
}

}  // namespace

void add_outlooks(py::module_& m) {
  add_outlook<clv::BgNbd>(m);
  add_outlook<clv::MbgNbd>(m);
  add_outlook<clv::ParetoNbd>(m);
}

}  // namespace tenure::python
