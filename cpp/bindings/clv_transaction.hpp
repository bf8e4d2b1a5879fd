#pragma once
#include <cstring>
#include <span>
#include <string>

#include "clv_posterior.hpp"
#include "clv_results.hpp"

namespace tenure::python {

/// The parameters of a model from their values in its order.
template <class Model>
typename Model::Parameters parameters_of(std::span<const double> values) {
  typename Model::Parameters p;
  static_assert(std::is_trivially_copyable_v<typename Model::Parameters>);
  if (values.size_bytes() != sizeof p) throw py::value_error("parameters are too many or too few");
  std::memcpy(&p, values.data(), sizeof p);
  return p;
}

/// The kernels of a model of repeat purchases, each as <model>_<kernel>.
template <class Model>
void add_transaction_model(py::module_& m) {
  const auto name = [](const char* kernel) { return std::string(Model::kName) + "_" + kernel; };

  m.def(
      name("fit").c_str(),
      [](const Column<double>& frequency, const Column<double>& recency, const Column<double>& age,
         const std::optional<Column<double>>& weight, std::int64_t max_iterations, double tolerance,
         double l2, int threads) {
        const auto purchases = view_purchases(frequency, recency, age, weight);
        return fit_to_python(without_gil(threads, [&](const Execution& execution) {
          return Model::fit(purchases, {max_iterations, tolerance, l2}, execution);
        }));
      },
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("weight").noconvert(), py::arg("max_iterations"), py::arg("tolerance"), py::arg("l2"),
      py::arg("threads"));
  m.def(
      name("log_likelihood").c_str(),
      [](const Column<double>& parameters, const Column<double>& frequency,
         const Column<double>& recency, const Column<double>& age,
         const std::optional<Column<double>>& weight, int threads) {
        const auto at = parameters_of<Model>(view(parameters, "parameters"));
        const auto purchases = view_purchases(frequency, recency, age, weight);
        return to_python(without_gil(threads, [&](const Execution& execution) {
          return Model::log_likelihood(at, purchases, execution).times(1.0);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("weight").noconvert(),
      py::arg("threads"));
  m.def(
      name("probability_alive").c_str(),
      [](const Column<double>& parameters, const Column<double>& frequency,
         const Column<double>& recency, const Column<double>& age, int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        return predict(parameters, std::nullopt, clv::Scale::identity, threads,
                       [&](std::span<const double> at, const Execution& execution) {
                         return Model::probability_alive(parameters_of<Model>(at), purchases,
                                                         execution);
                       });
      },
      py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("threads"));
  m.def(
      name("log_odds_alive").c_str(),
      [](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
         const Column<double>& frequency, const Column<double>& recency, const Column<double>& age,
         int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        return predict(parameters, log_covariance, clv::Scale::identity, threads,
                       [&](std::span<const double> at, const Execution& execution) {
                         return Model::log_odds_alive(parameters_of<Model>(at), purchases,
                                                      execution);
                       });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("threads"));
  m.def(
      name("expected_purchases").c_str(),
      [](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
         const Column<double>& frequency, const Column<double>& recency, const Column<double>& age,
         double horizon, double discount_rate, int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        return predict(parameters, log_covariance, clv::Scale::log, threads,
                       [&](std::span<const double> at, const Execution& execution) {
                         return Model::expected_purchases(parameters_of<Model>(at), purchases,
                                                          horizon, discount_rate, execution);
                       });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("horizon"), py::arg("discount_rate"), py::arg("threads"));
  m.def(
      name("expected_purchases_new").c_str(),
      [](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
         const Column<double>& time, int threads) {
        const auto times = view(time, "horizon");
        return predict(parameters, log_covariance, clv::Scale::log, threads,
                       [&](std::span<const double> at, const Execution& execution) {
                         return Model::expected_purchases_new(parameters_of<Model>(at), times,
                                                              execution);
                       });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("time").noconvert(), py::arg("threads"));
  m.def(
      name("pmf").c_str(),
      [](const Column<double>& parameters, const Column<double>& count, double time, int threads) {
        const auto at = parameters_of<Model>(view(parameters, "parameters"));
        const auto counts = view(count, "n");
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return Model::pmf(at, counts, time, execution);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("count").noconvert(), py::arg("time"),
      py::arg("threads"));
  m.def(
      name("frequency_counts").c_str(),
      [](const Column<double>& parameters, const Column<double>& age,
         const std::optional<Column<double>>& weight, std::int64_t frequencies, int threads) {
        const auto at = parameters_of<Model>(view(parameters, "parameters"));
        const auto ages = view(age, "T");
        const auto weights = view(weight, "weight");
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return Model::frequency_counts(at, ages, weights, frequencies, execution);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("T").noconvert(), py::arg("weight").noconvert(),
      py::arg("frequencies"), py::arg("threads"));
  if constexpr (requires { Model::prepare; }) {
    m.def(
        name("posterior").c_str(),
        [](const Column<double>& frequency, const Column<double>& recency,
           const Column<double>& age, const std::optional<Column<double>>& weight,
           const std::vector<PriorTuple>& prior, const PosteriorTuple& options,
           const py::object& tell, int threads) {
          const auto purchases = view_purchases(frequency, recency, age, weight);
          return sample_posterior(
              [&](const Execution& execution) { return Model::prepare(purchases, execution); },
              prior, options, tell, threads);
        },
        py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
        py::arg("weight").noconvert(), py::arg("prior"), py::arg("options"), py::arg("tell"),
        py::arg("threads"));
    m.def(
        name("group_posterior").c_str(),
        [](const Column<double>& frequency, const Column<double>& recency,
           const Column<double>& age, const std::optional<Column<double>>& weight,
           const Column<std::int64_t>& group, std::int64_t groups,
           const std::vector<PriorTuple>& population, const std::vector<PriorTuple>& spread,
           const PosteriorTuple& options, const py::object& tell, int threads) {
          const auto purchases = view_purchases(frequency, recency, age, weight);
          const auto of = view(group, "groups");
          return sample_groups(
              [&](const Execution& execution) {
                return clv::prepare_groups(purchases, of, groups, Model::prepare, execution);
              },
              population, spread, options, tell, threads);
        },
        py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
        py::arg("weight").noconvert(), py::arg("group").noconvert(), py::arg("groups"),
        py::arg("population"), py::arg("spread"), py::arg("options"), py::arg("tell"),
        py::arg("threads"));
  }
}

}  // namespace tenure::python
