#pragma once
#include <string>
#include <vector>

#include "clv_joint_point.hpp"
#include "clv_results.hpp"
#include "tenure/clv/covariates.hpp"
#include "tenure/clv/customer_parameters.hpp"

namespace tenure::python {

inline clv::Effects view_effects(const Column<double>& design, std::int64_t columns,
                                 const Column<std::int64_t>& column, const Column<double>& sign) {
  return {view(design, "design"), columns, view(column, "column"), view(sign, "sign")};
}

/// One prediction a customer, with standard errors where a covariance is given.
template <class Model, class Kernel>
py::object predict_with_covariates(const JointPoint<clv::kParameters<Model>>& point,
                                   const std::optional<Column<double>>& log_covariance,
                                   clv::Scale scale, const clv::Effects& effects,
                                   const clv::RepeatPurchases& purchases, int threads,
                                   const Kernel& kernel) {
  const auto covariance = view(log_covariance, "log_covariance");
  const auto at = [&](const clv::CustomerGroups& groups, const Execution& execution) {
    return [&](std::span<const double> parameters, std::span<const double> coefficients) {
      return clv::predict_customers<Model>(groups, parameters, coefficients, purchases, execution,
                                           kernel);
    };
  };
  if (!covariance)
    return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
      const clv::CustomerGroups groups(effects, clv::kParameters<Model>, purchases.rows(),
                                       execution);
      return at(groups, execution)(point.parameters, point.coefficients);
    }));
  return to_python(without_gil(threads, [&](const Execution& execution) {
    const clv::CustomerGroups groups(effects, clv::kParameters<Model>, purchases.rows(), execution);
    return clv::delta_with_coefficients(point.parameters, point.coefficients, *covariance, scale,
                                        execution, at(groups, execution));
  }));
}

/// The kernels of a model of repeat purchases with covariates, each as
/// <model>_covariate_<kernel>. `parameters` holds those of the model and the coefficients.
template <class Model>
void add_covariate_model(py::module_& m, const clv::RowKernel& rows) {
  using Point = JointPoint<clv::kParameters<Model>>;
  const auto name = [](const char* kernel) {
    return std::string(Model::kName) + "_covariate_" + kernel;
  };
  m.def(
      name("fit").c_str(),
      [&rows](const Column<double>& start, const Column<double>& frequency,
              const Column<double>& recency, const Column<double>& age,
              const std::optional<Column<double>>& weight, const Column<double>& design,
              std::int64_t columns, const Column<std::int64_t>& column, const Column<double>& sign,
              std::int64_t max_iterations, double tolerance, double l2, double coefficient_l2,
              double coefficient_l1, int threads) {
        const auto purchases = view_purchases(frequency, recency, age, weight);
        const auto effects = view_effects(design, columns, column, sign);
        const auto from = view(start, "start");
        return fit_to_python(without_gil(threads, [&](const Execution& execution) {
          return clv::fit_with_covariates(
              rows, from, purchases, effects,
              {{max_iterations, tolerance, l2, coefficient_l2}, coefficient_l1}, execution);
        }));
      },
      py::arg("start").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("weight").noconvert(),
      py::arg("design").noconvert(), py::arg("columns"), py::arg("column").noconvert(),
      py::arg("sign").noconvert(), py::arg("max_iterations"), py::arg("tolerance"), py::arg("l2"),
      py::arg("coefficient_l2"), py::arg("coefficient_l1"), py::arg("threads"));
  m.def(
      name("log_likelihood").c_str(),
      [&rows](const Column<double>& parameters, const Column<double>& frequency,
              const Column<double>& recency, const Column<double>& age,
              const std::optional<Column<double>>& weight, const Column<double>& design,
              std::int64_t columns, const Column<std::int64_t>& column, const Column<double>& sign,
              int threads) {
        const Point at(parameters);
        const auto purchases = view_purchases(frequency, recency, age, weight);
        const auto effects = view_effects(design, columns, column, sign);
        return to_python(without_gil(threads, [&](const Execution& execution) {
          return clv::covariate_log_likelihood(rows, at.parameters, at.coefficients, purchases,
                                               effects, execution);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("weight").noconvert(),
      py::arg("design").noconvert(), py::arg("columns"), py::arg("column").noconvert(),
      py::arg("sign").noconvert(), py::arg("threads"));
  const auto add_alive = [&](const char* kernel, auto of) {
    m.def(
        name(kernel).c_str(),
        [=](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
            const Column<double>& frequency, const Column<double>& recency,
            const Column<double>& age, const Column<double>& design, std::int64_t columns,
            const Column<std::int64_t>& column, const Column<double>& sign, int threads) {
          return predict_with_covariates<Model>(
              Point(parameters), log_covariance, clv::Scale::identity,
              view_effects(design, columns, column, sign), view_purchases(frequency, recency, age),
              threads, of);
        },
        py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
        py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
        py::arg("design").noconvert(), py::arg("columns"), py::arg("column").noconvert(),
        py::arg("sign").noconvert(), py::arg("threads"));
  };
  add_alive("probability_alive", Model::probability_alive);
  add_alive("log_odds_alive", Model::log_odds_alive);
  m.def(
      name("expected_purchases").c_str(),
      [=](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
          const Column<double>& frequency, const Column<double>& recency, const Column<double>& age,
          const Column<double>& design, std::int64_t columns, const Column<std::int64_t>& column,
          const Column<double>& sign, double horizon, double discount_rate, int threads) {
        return predict_with_covariates<Model>(
            Point(parameters), log_covariance, clv::Scale::log,
            view_effects(design, columns, column, sign), view_purchases(frequency, recency, age),
            threads,
            [=](const auto& at, const clv::RepeatPurchases& purchases, const Execution& execution) {
              return Model::expected_purchases(at, purchases, horizon, discount_rate, execution);
            });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("design").noconvert(), py::arg("columns"), py::arg("column").noconvert(),
      py::arg("sign").noconvert(), py::arg("horizon"), py::arg("discount_rate"),
      py::arg("threads"));
  m.def(
      name("expected_purchases_new").c_str(),
      [=](const Column<double>& parameters, const Column<double>& time,
          const Column<double>& design, std::int64_t columns, const Column<std::int64_t>& column,
          const Column<double>& sign, int threads) {
        const Point at(parameters);
        const auto times = view(time, "horizon");
        const auto effects = view_effects(design, columns, column, sign);
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          const clv::CustomerGroups groups(effects, clv::kParameters<Model>, effects.rows(),
                                           execution);
          return clv::predict_new_customers<Model>(
              groups, at.parameters, at.coefficients, std::ssize(times), execution,
              [&](const auto& p, const Execution& inner) {
                return Model::expected_purchases_new(p, times, inner);
              });
        }));
      },
      py::arg("parameters").noconvert(), py::arg("time").noconvert(), py::arg("design").noconvert(),
      py::arg("columns"), py::arg("column").noconvert(), py::arg("sign").noconvert(),
      py::arg("threads"));
  m.def(
      name("pmf").c_str(),
      [=](const Column<double>& parameters, const Column<double>& count, double time,
          const Column<double>& design, std::int64_t columns, const Column<std::int64_t>& column,
          const Column<double>& sign, int threads) {
        const Point at(parameters);
        const auto counts = view(count, "n");
        const auto effects = view_effects(design, columns, column, sign);
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          const clv::CustomerGroups groups(effects, clv::kParameters<Model>, effects.rows(),
                                           execution);
          return clv::predict_new_customers<Model>(groups, at.parameters, at.coefficients,
                                                   std::ssize(counts), execution,
                                                   [&](const auto& p, const Execution& inner) {
                                                     return Model::pmf(p, counts, time, inner);
                                                   });
        }));
      },
      py::arg("parameters").noconvert(), py::arg("count").noconvert(), py::arg("time"),
      py::arg("design").noconvert(), py::arg("columns"), py::arg("column").noconvert(),
      py::arg("sign").noconvert(), py::arg("threads"));
  m.def(
      name("frequency_counts").c_str(),
      [=](const Column<double>& parameters, const Column<double>& age,
          const std::optional<Column<double>>& weight, std::int64_t frequencies,
          const Column<double>& design, std::int64_t columns, const Column<std::int64_t>& column,
          const Column<double>& sign, int threads) {
        const Point at(parameters);
        const auto ages = view(age, "T");
        const auto weights = view(weight, "weight");
        const auto effects = view_effects(design, columns, column, sign);
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          const clv::CustomerGroups groups(effects, clv::kParameters<Model>, std::ssize(ages),
                                           execution);
          return clv::count_customers<Model>(
              groups, at.parameters, at.coefficients, ages, weights, frequencies, execution,
              [&](const auto& p, std::span<const double> t,
                  std::optional<std::span<const double>> w, const Execution& inner) {
                return Model::frequency_counts(p, t, w, frequencies, inner);
              });
        }));
      },
      py::arg("parameters").noconvert(), py::arg("T").noconvert(), py::arg("weight").noconvert(),
      py::arg("frequencies"), py::arg("design").noconvert(), py::arg("columns"),
      py::arg("column").noconvert(), py::arg("sign").noconvert(), py::arg("threads"));
}

}  // namespace tenure::python
