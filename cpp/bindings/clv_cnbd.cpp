#include <cstring>
#include <string>

#include "clv_results.hpp"
#include "tenure/clv/cnbd.hpp"

namespace tenure::python {
namespace {

clv::BgNbdParameters parameters_of(std::span<const double> v) {
  if (v.size() != 4) throw py::value_error("parameters are too many or too few");
  return {v[0], v[1], v[2], v[3]};
}

/// The kernels of one of the two models, each as <prefix>_<kernel>, the shape as first argument.
void add_family(py::module_& m, const std::string& prefix, clv::OneTimeBuyers who) {
  const auto name = [&](const char* kernel) { return prefix + "_" + kernel; };

  m.def(
      name("fit").c_str(),
      [=](std::optional<int> shape, const Column<double>& frequency, const Column<double>& recency,
          const Column<double>& age, const std::optional<Column<double>>& weight,
          const std::optional<Column<double>>& log_gaps, std::int64_t max_iterations,
          double tolerance, double l2, int threads) {
        const auto purchases = view_purchases(frequency, recency, age, weight);
        const auto gaps = view(log_gaps, "log_gaps");
        auto fit = without_gil(threads, [&](const Execution& execution) {
          return clv::fit_cnbd(who, shape, purchases, gaps, {max_iterations, tolerance, l2},
                               execution);
        });
        py::dict d = fit_to_python(std::move(fit.fit));
        d["k"] = fit.shape;
        d["log_likelihoods"] = release_to_numpy(std::move(fit.log_likelihoods));
        return d;
      },
      py::arg("k"), py::arg("frequency").noconvert(), py::arg("recency").noconvert(),
      py::arg("T").noconvert(), py::arg("weight").noconvert(), py::arg("log_gaps").noconvert(),
      py::arg("max_iterations"), py::arg("tolerance"), py::arg("l2"), py::arg("threads"));
  m.def(
      name("log_likelihood").c_str(),
      [=](int shape, const Column<double>& parameters, const Column<double>& frequency,
          const Column<double>& recency, const Column<double>& age,
          const std::optional<Column<double>>& weight,
          const std::optional<Column<double>>& log_gaps, int threads) {
        const auto at = parameters_of(view(parameters, "parameters"));
        const auto purchases = view_purchases(frequency, recency, age, weight);
        const auto gaps = view(log_gaps, "log_gaps");
        return to_python(without_gil(threads, [&](const Execution& execution) {
          return clv::cnbd_log_likelihood({shape, who}, at, purchases, gaps, execution).times(1.0);
        }));
      },
      py::arg("k"), py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("weight").noconvert(),
      py::arg("log_gaps").noconvert(), py::arg("threads"));
  m.def(
      name("probability_alive").c_str(),
      [=](int shape, const Column<double>& parameters, const Column<double>& frequency,
          const Column<double>& recency, const Column<double>& age, int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        return predict(parameters, std::nullopt, clv::Scale::identity, threads,
                       [&](std::span<const double> at, const Execution& execution) {
                         return clv::cnbd_probability_alive({shape, who}, parameters_of(at),
                                                            purchases, execution);
                       });
      },
      py::arg("k"), py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("threads"));
  m.def(
      name("log_odds_alive").c_str(),
      [=](int shape, const Column<double>& parameters,
          const std::optional<Column<double>>& log_covariance, const Column<double>& frequency,
          const Column<double>& recency, const Column<double>& age, int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        return predict(parameters, log_covariance, clv::Scale::identity, threads,
                       [&](std::span<const double> at, const Execution& execution) {
                         return clv::cnbd_log_odds_alive({shape, who}, parameters_of(at), purchases,
                                                         execution);
                       });
      },
      py::arg("k"), py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("threads"));
  m.def(
      name("expected_purchases").c_str(),
      [=](int shape, const Column<double>& parameters,
          const std::optional<Column<double>>& log_covariance, const Column<double>& frequency,
          const Column<double>& recency, const Column<double>& age, double horizon,
          double discount_rate, int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        return predict(parameters, log_covariance, clv::Scale::log, threads,
                       [&](std::span<const double> at, const Execution& execution) {
                         return clv::cnbd_expected_purchases({shape, who}, parameters_of(at),
                                                             purchases, horizon, discount_rate,
                                                             execution);
                       });
      },
      py::arg("k"), py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("horizon"), py::arg("discount_rate"), py::arg("threads"));
  m.def(
      name("expected_purchases_new").c_str(),
      [=](int shape, const Column<double>& parameters,
          const std::optional<Column<double>>& log_covariance, const Column<double>& time,
          int threads) {
        const auto times = view(time, "horizon");
        return predict(parameters, log_covariance, clv::Scale::log, threads,
                       [&](std::span<const double> at, const Execution& execution) {
                         return clv::cnbd_expected_purchases_new({shape, who}, parameters_of(at),
                                                                 times, execution);
                       });
      },
      py::arg("k"), py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("time").noconvert(), py::arg("threads"));
  m.def(
      name("pmf").c_str(),
      [=](int shape, const Column<double>& parameters, const Column<double>& count, double time,
          int threads) {
        const auto at = parameters_of(view(parameters, "parameters"));
        const auto counts = view(count, "n");
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return clv::cnbd_pmf({shape, who}, at, counts, time, execution);
        }));
      },
      py::arg("k"), py::arg("parameters").noconvert(), py::arg("count").noconvert(),
      py::arg("time"), py::arg("threads"));
  m.def(
      name("frequency_counts").c_str(),
      [=](int shape, const Column<double>& parameters, const Column<double>& age,
          const std::optional<Column<double>>& weight, std::int64_t frequencies, int threads) {
        const auto at = parameters_of(view(parameters, "parameters"));
        const auto ages = view(age, "T");
        const auto weights = view(weight, "weight");
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return clv::cnbd_frequency_counts({shape, who}, at, ages, weights, frequencies,
                                            execution);
        }));
      },
      py::arg("k"), py::arg("parameters").noconvert(), py::arg("T").noconvert(),
      py::arg("weight").noconvert(), py::arg("frequencies"), py::arg("threads"));
}

}  // namespace

void add_cnbd(py::module_& m) {
  add_family(m, "bg_cnbd", clv::OneTimeBuyers::stay);
  add_family(m, "mbg_cnbd", clv::OneTimeBuyers::may_leave);
}

}  // namespace tenure::python
