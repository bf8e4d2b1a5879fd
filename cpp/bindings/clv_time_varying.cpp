#include <string>

#include "clv_results.hpp"
#include "tenure/clv/customer_parameters.hpp"
#include "tenure/clv/time_varying.hpp"

namespace tenure::python {
namespace {

/// The periods of the customers as one argument of the kernels; it keeps its arrays alive.
struct Periods {
  Column<double> design, phase, at_purchases;
  Column<std::int64_t> first, end, by_purchase, by_dropout;
  std::int64_t columns;
  double length;

  clv::CovariatePeriods look() const {
    return {view(design, "design"),
            columns,
            length,
            view(first, "first"),
            view(end, "end"),
            view(phase, "phase"),
            view(at_purchases, "at_purchases"),
            view(by_purchase, "by_purchase"),
            view(by_dropout, "by_dropout")};
  }
};

struct Point {
  std::span<const double> parameters, coefficients;
  explicit Point(std::span<const double> v) {
    if (v.size() < 4) throw py::value_error("parameters are too few");
    parameters = v.first(4);
    coefficients = v.subspan(4);
  }
};

/// One prediction a customer, with standard errors where a covariance is given.
template <class Kernel>
py::object predict(const Column<double>& parameters,
                   const std::optional<Column<double>>& log_covariance, clv::Scale scale,
                   int threads, const Kernel& kernel) {
  const Point at(view(parameters, "parameters"));
  const auto covariance = view(log_covariance, "log_covariance");
  if (!covariance)
    return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
      return kernel(at.parameters, at.coefficients, execution);
    }));
  return to_python(without_gil(threads, [&](const Execution& execution) {
    return clv::delta_with_coefficients(at.parameters, at.coefficients, *covariance, scale,
                                        execution,
                                        [&](std::span<const double> p, std::span<const double> c) {
                                          return kernel(p, c, execution);
                                        });
  }));
}

void add_model(py::module_& m, const std::string& model, clv::TimeVaryingModel which) {
  const auto name = [&](const char* kernel) { return model + "_time_varying_" + kernel; };
  m.def(
      name("fit").c_str(),
      [=](const Column<double>& start, const Column<double>& frequency,
          const Column<double>& recency, const Column<double>& age,
          const std::optional<Column<double>>& weight, const Periods& periods,
          std::int64_t max_iterations, double tolerance, double l2, double coefficient_l2,
          int threads) {
        const auto purchases = view_purchases(frequency, recency, age, weight);
        const auto from = view(start, "start");
        const auto seen = periods.look();
        return fit_to_python(without_gil(threads, [&](const Execution& execution) {
          return clv::fit_time_varying(which, from, purchases, seen,
                                       {max_iterations, tolerance, l2, coefficient_l2}, execution);
        }));
      },
      py::arg("start").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("weight").noconvert(),
      py::arg("periods"), py::arg("max_iterations"), py::arg("tolerance"), py::arg("l2"),
      py::arg("coefficient_l2"), py::arg("threads"));
  m.def(
      name("log_likelihood").c_str(),
      [=](const Column<double>& parameters, const Column<double>& frequency,
          const Column<double>& recency, const Column<double>& age,
          const std::optional<Column<double>>& weight, const Periods& periods, int threads) {
        const Point at(view(parameters, "parameters"));
        const auto purchases = view_purchases(frequency, recency, age, weight);
        const auto seen = periods.look();
        return to_python(without_gil(threads, [&](const Execution& execution) {
          return clv::time_varying_log_likelihood(which, at.parameters, at.coefficients, purchases,
                                                  seen, execution);
        }));
      },
      py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
      py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg("weight").noconvert(),
      py::arg("periods"), py::arg("threads"));
  m.def(
      name("log_odds_alive").c_str(),
      [=](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
          const Column<double>& frequency, const Column<double>& recency, const Column<double>& age,
          const Periods& periods, int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        const auto seen = periods.look();
        return predict(
            parameters, log_covariance, clv::Scale::identity, threads,
            [&](std::span<const double> p, std::span<const double> c, const Execution& execution) {
              return clv::time_varying_log_odds_alive(which, p, c, purchases, seen, execution);
            });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("periods"), py::arg("threads"));
  m.def(
      name("expected_purchases").c_str(),
      [=](const Column<double>& parameters, const std::optional<Column<double>>& log_covariance,
          const Column<double>& frequency, const Column<double>& recency, const Column<double>& age,
          const Periods& periods, double horizon, double discount_rate, int threads) {
        const auto purchases = view_purchases(frequency, recency, age);
        const auto seen = periods.look();
        return predict(
            parameters, log_covariance, clv::Scale::log, threads,
            [&](std::span<const double> p, std::span<const double> c, const Execution& execution) {
              return clv::time_varying_expected_purchases(which, p, c, purchases, seen, horizon,
                                                          discount_rate, execution);
            });
      },
      py::arg("parameters").noconvert(), py::arg("log_covariance").noconvert(),
      py::arg("frequency").noconvert(), py::arg("recency").noconvert(), py::arg("T").noconvert(),
      py::arg("periods"), py::arg("horizon"), py::arg("discount_rate"), py::arg("threads"));
}

}  // namespace

void add_time_varying(py::module_& m) {
  py::class_<Periods>(m, "CovariatePeriods")
      .def(py::init([](Column<double> design, std::int64_t columns, double length,
                       Column<std::int64_t> first, Column<std::int64_t> end, Column<double> phase,
                       Column<double> at_purchases, Column<std::int64_t> by_purchase,
                       Column<std::int64_t> by_dropout) {
             return Periods{std::move(design),     std::move(phase), std::move(at_purchases),
                            std::move(first),      std::move(end),   std::move(by_purchase),
                            std::move(by_dropout), columns,          length};
           }),
           py::arg("design").noconvert(), py::arg("columns"), py::arg("length"),
           py::arg("first").noconvert(), py::arg("end").noconvert(), py::arg("phase").noconvert(),
           py::arg("at_purchases").noconvert(), py::arg("by_purchase").noconvert(),
           py::arg("by_dropout").noconvert());
  add_model(m, "pareto_nbd", clv::TimeVaryingModel::pareto_nbd);
  add_model(m, "bg_nbd", clv::TimeVaryingModel::bg_nbd);
}

}  // namespace tenure::python
