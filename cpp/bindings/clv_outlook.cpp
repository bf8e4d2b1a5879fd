#include <cstring>
#include <string>

#include "clv_results.hpp"
#include "clv_transaction.hpp"
#include "tenure/clv/bg_nbd.hpp"
#include "tenure/clv/cnbd.hpp"
#include "tenure/clv/correlated_pareto_nbd.hpp"
#include "tenure/clv/ggompertz_nbd.hpp"
#include "tenure/clv/mbg_nbd.hpp"
#include "tenure/clv/nbd.hpp"
#include "tenure/clv/outlook.hpp"
#include "tenure/clv/pareto_nbd.hpp"

namespace tenure::python {
namespace {

/// The name of an argument of that type.
template <class>
py::arg named(const char* name) {
  return py::arg(name);
}

/// The parameters of a model as the kernel takes them, from what Python gives: for the models of
/// regular purchases k comes first.
template <class Model>
struct From {
  static typename Model::Parameters point(std::span<const double> values) {
    return parameters_of<Model>(values);
  }
};
template <clv::OneTimeBuyers who>
struct Regular {
  using Parameters = clv::CnbdPoint;
};
template <clv::OneTimeBuyers who>
struct From<Regular<who>> {
  static clv::CnbdPoint point(std::span<const double> v, int k) {
    if (v.size() != 4) throw py::value_error("parameters are too many or too few");
    return {{k, who}, {v[0], v[1], v[2], v[3]}};
  }
};

/// What each customer will do, as a distribution; each as <prefix>_<kernel>. `Shape` is what comes
/// before the parameters.
template <class Model, class Kernel, class... Shape>
void add_outlook(py::module_& m, const std::string& prefix) {
  const auto name = [&](const char* kernel) { return prefix + "_" + kernel; };
  using Parameters = typename Kernel::Parameters;
  using Rows = clv::RepeatPurchases;
  // A kernel of rows and one number, without standard errors.
  const auto add = [&](const char* kernel, const char* argument, auto compute) {
    m.def(
        name(kernel).c_str(),
        [=](Shape... shape, const Column<double>& parameters, const Column<double>& frequency,
            const Column<double>& recency, const Column<double>& age, double value, int threads) {
          const auto at = From<Model>::point(view(parameters, "parameters"), shape...);
          const auto purchases = view_purchases(frequency, recency, age);
          return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
            return compute(at, purchases, value, execution);
          }));
        },
        named<Shape>("k")..., py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
        py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg(argument),
        py::arg("threads"));
  };
  // The same with standard errors where a covariance is given.
  const auto add_estimate = [&](const char* kernel, const char* argument, clv::Scale scale,
                                auto compute) {
    m.def(
        name(kernel).c_str(),
        [=](Shape... shape, const Column<double>& parameters,
            const std::optional<Column<double>>& log_covariance, const Column<double>& frequency,
            const Column<double>& recency, const Column<double>& age, double value, int threads) {
          const auto purchases = view_purchases(frequency, recency, age);
          return predict(parameters, log_covariance, scale, threads,
                         [&](std::span<const double> at, const Execution& execution) {
                           return compute(From<Model>::point(at, shape...), purchases, value,
                                          execution);
                         });
        },
        named<Shape>("k")..., py::arg("parameters").noconvert(),
        py::arg("log_covariance").noconvert(), py::arg("frequency").noconvert(),
        py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg(argument),
        py::arg("threads"));
  };
  // A kernel of rows and another column, or list, of numbers.
  const auto add_with = [&](const char* kernel, const char* argument, auto compute) {
    m.def(
        name(kernel).c_str(),
        [=](Shape... shape, const Column<double>& parameters, const Column<double>& frequency,
            const Column<double>& recency, const Column<double>& age, const Column<double>& numbers,
            double horizon, int threads) {
          const auto at = From<Model>::point(view(parameters, "parameters"), shape...);
          const auto purchases = view_purchases(frequency, recency, age);
          const auto values = view(numbers, "numbers");
          return release_to_numpy(without_gil(threads, [&](const Execution& execution) {
            return compute(at, purchases, values, horizon, execution);
          }));
        },
        named<Shape>("k")..., py::arg("parameters").noconvert(), py::arg("frequency").noconvert(),
        py::arg("recency").noconvert(), py::arg("T").noconvert(), py::arg(argument).noconvert(),
        py::arg("horizon"), py::arg("threads"));
  };

  add_with("purchase_pmf", "n",
           [](const Parameters& p, const Rows& rows, std::span<const double> n, double horizon,
              const Execution& e) { return clv::purchase_pmf<Kernel>(p, rows, n, horizon, e); });
  add_with("purchase_quantiles", "levels",
           [](const Parameters& p, const Rows& rows, std::span<const double> levels, double horizon,
              const Execution& e) {
             return clv::purchase_quantiles<Kernel>(p, rows, horizon, levels, e);
           });
  add_estimate("purchase_probability", "horizon", clv::Scale::log,
               [](const Parameters& p, const Rows& rows, double horizon, const Execution& e) {
                 return clv::purchase_probability<Kernel>(p, rows, horizon, e);
               });
  add_estimate("log_odds_alive_later", "ahead", clv::Scale::identity,
               [](const Parameters& p, const Rows& rows, double ahead, const Execution& e) {
                 return clv::log_odds_alive_later<Kernel>(p, rows, ahead, e);
               });
  add("time_to_purchase", "level",
      [](const Parameters& p, const Rows& rows, double level, const Execution& e) {
        return clv::time_to_purchase<Kernel>(p, rows, level, e);
      });
  add("time_to_lapse", "probability",
      [](const Parameters& p, const Rows& rows, double probability, const Execution& e) {
        return clv::time_to_lapse<Kernel>(p, rows, probability, e);
      });
}

template <class Model>
void add_outlook(py::module_& m) {
  add_outlook<Model, Model>(m, Model::kName);
}

}  // namespace

void add_outlooks(py::module_& m) {
  add_outlook<clv::BgNbd>(m);
  add_outlook<clv::GGompertzNbd>(m);
  add_outlook<clv::MbgNbd>(m);
  add_outlook<clv::Nbd>(m);
  add_outlook<clv::ParetoNbd>(m);
  add_outlook<Regular<clv::OneTimeBuyers::stay>, clv::Cnbd, int>(m, "bg_cnbd");
  add_outlook<Regular<clv::OneTimeBuyers::may_leave>, clv::Cnbd, int>(m, "mbg_cnbd");
  add_outlook<clv::CorrelatedParetoNbd>(m);
}

}  // namespace tenure::python
