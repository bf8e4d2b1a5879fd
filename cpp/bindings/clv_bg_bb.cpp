#include "clv_results.hpp"
#include "tenure/clv/bg_bb.hpp"

namespace tenure::python {
namespace {

clv::BgBbParameters parameters_of(std::span<const double> v) {
  if (v.size() != 4) throw py::value_error("parameters must be alpha, beta, gamma, delta");
  return {v[0], v[1], v[2], v[3]};
}

clv::PurchaseOpportunities view_opportunities(const Column<double>& frequency,
                                              const Column<double>& recency,
                                              const Column<double>& number,
                                              const std::optional<Column<double>>& weight = {}) {
  return {view(frequency, "frequency"), view(recency, "recency"), view(number, "T"),
          view(weight, "weight")};
}

void add_fit(py::module_& m) {
  m.def(
      "bg_bb_fit",
      [](const Column<double>& frequency, const Column<double>& recency,
         const Column<double>& number, const std::optional<Column<double>>& weight,
         std::int64_t max_iterations, double tolerance, double l2, int threads) {
        const auto purchases = view_opportunities(frequency, recency, number, weight);
        return fit_to_python(without_gil(threads, [&](const Execution& execution) {
          return clv::fit_bg_bb(purchases, {max_iterations, tolerance, l2}, execution);
        }));
      },
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("weight").noconvert(), py::arg("max_iterations"), py::arg("tolerance"), py::arg("l2"),
      py::arg("threads"));
  m.def(
      "bg_bb_log_likelihood",
      [](const Column<double>& parameters, const Column<double>& frequency,
         const Column<double>& recency, const Column<double>& number,
         const std::optional<Column<double>>& weight, int threads) {
        const auto at = parameters_of(view(parameters, "parameters"));
        const auto purchases = view_opportunities(frequency, recency, number, weight);
        return to_python(without_gil(threads, [&](const Execution& execution) {
          return clv::bg_bb_log_likelihood(at, purchases, execution).times(1.0);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("weight").noconvert(),
      py::arg("threads"));
  m.def(
      "bg_bb_row_log_likelihood",
      [](const Column<double>& parameters, const Column<double>& frequency,
         const Column<double>& recency, const Column<double>& number, int threads) {
        const auto at = parameters_of(view(parameters, "parameters"));
        const auto purchases = view_opportunities(frequency, recency, number);
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return clv::bg_bb_row_log_likelihood(at, purchases, execution);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("threads"));
}

void add_alive(py::module_& m) {
  m.def(
      "bg_bb_probability_alive",
      [](const Column<double>& parameters, const Column<double>& frequency,
         const Column<double>& recency, const Column<double>& number, double ahead, int threads) {
        const auto at = parameters_of(view(parameters, "parameters"));
        const auto purchases = view_opportunities(frequency, recency, number);
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return clv::bg_bb_probability_alive(at, purchases, ahead, execution);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("ahead"),
      py::arg("threads"));
  m.def(
      "bg_bb_log_odds_alive",
      [](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
         const Column<double>& frequency, const Column<double>& recency,
         const Column<double>& number, double ahead, int threads) {
        const auto purchases = view_opportunities(frequency, recency, number);
        return predict(parameters, log_covariance, clv::Scale::identity, threads,
                       [&](std::span<const double> at, const Execution& execution) {
                         return clv::bg_bb_log_odds_alive(parameters_of(at), purchases, ahead,
                                                          execution);
                       });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("ahead"), py::arg("threads"));
}

void add_expectations(py::module_& m) {
  m.def(
      "bg_bb_expected_purchases",
      [](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
         const Column<double>& frequency, const Column<double>& recency,
         const Column<double>& number, double horizon, double discount, int threads) {
        const auto purchases = view_opportunities(frequency, recency, number);
        return predict(parameters, log_covariance, clv::Scale::log, threads,
                       [&](std::span<const double> at, const Execution& execution) {
                         return clv::bg_bb_expected_purchases(parameters_of(at), purchases, horizon,
                                                              discount, execution);
                       });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("horizon"), py::arg("discount"), py::arg("threads"));
  m.def(
      "bg_bb_expected_purchases_new",
      [](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
         const Column<double>& opportunities, int threads) {
        const auto numbers = view(opportunities, "horizon");
        return predict(parameters, log_covariance, clv::Scale::log, threads,
                       [&](std::span<const double> at, const Execution& execution) {
                         return clv::bg_bb_expected_purchases_new(parameters_of(at), numbers,
                                                                  execution);
                       });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("opportunities").noconvert(), py::arg("threads"));
}

void add_outlook(py::module_& m) {
  m.def(
      "bg_bb_purchase_probability",
      [](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
         const Column<double>& frequency, const Column<double>& recency,
         const Column<double>& number, double horizon, int threads) {
        const auto purchases = view_opportunities(frequency, recency, number);
        return predict(parameters, log_covariance, clv::Scale::log, threads,
                       [&](std::span<const double> at, const Execution& execution) {
                         return clv::bg_bb_purchase_probability(parameters_of(at), purchases,
                                                                horizon, execution);
                       });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("horizon"), py::arg("threads"));
  m.def(
      "bg_bb_purchase_quantiles",
      [](const Column<double>& parameters, const Column<double>& frequency,
         const Column<double>& recency, const Column<double>& number, const Column<double>& levels,
         double horizon, int threads) {
        const auto at = parameters_of(view(parameters, "parameters"));
        const auto purchases = view_opportunities(frequency, recency, number);
        const auto wanted = view(levels, "levels");
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return clv::bg_bb_purchase_quantiles(at, purchases, horizon, wanted, execution);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("levels").noconvert(),
      py::arg("horizon"), py::arg("threads"));
  const auto add_time = [&](const char* name, const char* argument, auto compute) {
    m.def(
        name,
        [=](const Column<double>& parameters, const Column<double>& frequency,
            const Column<double>& recency, const Column<double>& number, double value,
            int threads) {
          const auto at = parameters_of(view(parameters, "parameters"));
          const auto purchases = view_opportunities(frequency, recency, number);
          return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
            return compute(at, purchases, value, execution);
          }));
        },
        py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
        py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg(argument),
        py::arg("threads"));
  };
  add_time("bg_bb_time_to_purchase", "level", clv::bg_bb_time_to_purchase);
  add_time("bg_bb_time_to_lapse", "probability", clv::bg_bb_time_to_lapse);
}

void add_counts(py::module_& m) {
  m.def(
      "bg_bb_pmf",
      [](const Column<double>& parameters, const Column<double>& count, double opportunities,
         int threads) {
        const auto at = parameters_of(view(parameters, "parameters"));
        const auto counts = view(count, "n");
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return clv::bg_bb_pmf(at, counts, opportunities, execution);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("count").noconvert(), py::arg("opportunities"),
      py::arg("threads"));
  m.def(
      "bg_bb_conditional_pmf",
      [](const Column<double>& parameters, const Column<double>& frequency,
         const Column<double>& recency, const Column<double>& number, double count, double horizon,
         int threads) {
        const auto at = parameters_of(view(parameters, "parameters"));
        const auto purchases = view_opportunities(frequency, recency, number);
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return clv::bg_bb_conditional_pmf(at, purchases, count, horizon, execution);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("count"),
      py::arg("horizon"), py::arg("threads"));
  m.def(
      "bg_bb_frequency_counts",
      [](const Column<double>& parameters, const Column<double>& number,
         const std::optional<Column<double>>& weight, std::int64_t frequencies, int threads) {
        const auto at = parameters_of(view(parameters, "parameters"));
        const auto numbers = view(number, "T");
        const auto weights = view(weight, "weight");
        return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
          return clv::bg_bb_frequency_counts(at, numbers, weights, frequencies, execution);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("T").noconvert(), py::arg("weight").noconvert(),
      py::arg("frequencies"), py::arg("threads"));
}

}  // namespace

void add_bg_bb(py::module_& m) {
  add_fit(m);
  add_alive(m);
  add_expectations(m);
  add_outlook(m);
  add_counts(m);
}

}  // namespace tenure::python
