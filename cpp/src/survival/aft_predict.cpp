#include "tenure/survival/aft_predict.hpp"

#include <algorithm>
#include <cmath>

#include "tenure/special/gauss_legendre.hpp"
#include "tenure/special/logs.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::survival {
namespace {

void require_valid(const AftCustomers& c) {
  if (!(c.sigma > 0.0 && std::isfinite(c.sigma)))
    throw InvalidInput("scale", -1, c.sigma, "finite and > 0");
  if (!c.tenure) return;
  if (c.tenure->size() != c.linear_predictor.size())
    throw InvalidInput("tenure", -1, static_cast<double>(c.tenure->size()), "as long as X");
  for (std::size_t i = 0; i < c.tenure->size(); ++i)
    if (!(std::isfinite((*c.tenure)[i]) && (*c.tenure)[i] >= 0.0))
      throw InvalidInput("tenure", static_cast<std::int64_t>(i), (*c.tenure)[i], "finite and >= 0");
}

double log_survival(const AftCustomers& c, double eta, double t) {
  if (t == 0.0) return 0.0;
  return log_law(c.law, c.shape, (std::log(t) - eta) / c.sigma).survival;
}

/// One row of `columns` answers for each customer.
template <class Answer>
std::vector<double> for_customers(const AftCustomers& c, std::size_t columns,
                                  const Execution& execution, const Answer& answer) {
  require_valid(c);
  std::vector<double> out(c.linear_predictor.size() * columns);
  for_each_block(
      std::ssize(c.linear_predictor), execution,
      [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
          if (i % 64 == 0) execution.poll();
          const double eta = c.linear_predictor[i], tenure = c.tenure ? (*c.tenure)[i] : 0.0;
          const double reached = log_survival(c, eta, tenure);
          for (std::size_t k = 0; k < columns; ++k)
            out[i * columns + k] = answer(eta, tenure, reached, k);
        }
      },
      1024);
  return out;
}

void require_times(std::span<const double> t, const char* argument) {
  for (std::size_t k = 0; k < t.size(); ++k)
    if (!(t[k] >= 0.0 && std::isfinite(t[k])))
      throw InvalidInput(argument, static_cast<std::int64_t>(k), t[k], "finite and >= 0");
}

}  // namespace

std::vector<double> aft_survival(const AftCustomers& customers, std::span<const double> t,
                                 const Execution& execution) {
  require_times(t, "t");
  return for_customers(customers, t.size(), execution,
                       [&](double eta, double tenure, double reached, std::size_t k) {
                         return std::exp(log_survival(customers, eta, tenure + t[k]) - reached);
                       });
}

std::vector<double> aft_hazard(const AftCustomers& customers, std::span<const double> t,
                               const Execution& execution) {
  require_times(t, "t");
  return for_customers(
      customers, t.size(), execution, [&](double eta, double tenure, double, std::size_t k) {
        const double at = std::log(tenure + t[k]);
        const LogLaw law = log_law(customers.law, customers.shape, (at - eta) / customers.sigma);
        return std::exp(law.density - law.survival - at) / customers.sigma;
      });
}

std::vector<double> aft_quantile(const AftCustomers& customers, std::span<const double> p,
                                 const Execution& execution) {
  for (std::size_t k = 0; k < p.size(); ++k)
    if (!(p[k] > 0.0 && p[k] < 1.0))
      throw InvalidInput("p", static_cast<std::int64_t>(k), p[k], "between 0 and 1");
  // Without a tenure the w of a share is the same for all customers.
  std::vector<double> w(p.size());
  for (std::size_t k = 0; k < p.size(); ++k)
    w[k] = inverse_survival(customers.law, customers.shape, std::log1p(-p[k]));
  return for_customers(customers, p.size(), execution,
                       [&](double eta, double tenure, double reached, std::size_t k) {
                         if (tenure == 0.0) return std::exp(eta + customers.sigma * w[k]);
                         const double at = inverse_survival(customers.law, customers.shape,
                                                            std::log1p(-p[k]) + reached);
                         return std::max(std::exp(eta + customers.sigma * at) - tenure, 0.0);
                       });
}

std::vector<double> aft_restricted_mean(const AftCustomers& customers, std::span<const double> u,
                                        const Execution& execution) {
  require_times(u, "until");
  static const special::QuadratureRule rule = special::gauss_legendre(16);
  constexpr int kPanels = 24;
  // Panels that halve towards 0, where the hazard may be infinite.
  return for_customers(customers, u.size(), execution,
                       [&](double eta, double tenure, double reached, std::size_t k) {
                         double sum = 0.0, right = 1.0;
                         for (int panel = 0; panel < kPanels; ++panel, right *= 0.5) {
                           const double left = panel + 1 < kPanels ? 0.5 * right : 0.0;
                           for (std::size_t m = 0; m < rule.node.size(); ++m) {
                             const double x = u[k] * (left + (right - left) * rule.node[m]);
                             sum += rule.weight[m] * (right - left) *
                                    std::exp(log_survival(customers, eta, tenure + x) - reached);
                           }
                         }
                         return sum * u[k];
                       });
}

}  // namespace tenure::survival
