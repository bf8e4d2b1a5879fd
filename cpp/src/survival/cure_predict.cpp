#include <algorithm>
#include <cmath>
#include <limits>

#include "cure_terms.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"
#include "tenure/survival/cure.hpp"

namespace tenure::survival {
namespace {

void require_valid(const CureCustomers& c) {
  if (!(c.sigma > 0.0 && std::isfinite(c.sigma)))
    throw InvalidInput("scale", -1, c.sigma, "finite and > 0");
  if (c.latency_predictor.size() != c.incidence_predictor.size())
    throw InvalidInput("X", -1, static_cast<double>(c.latency_predictor.size()), "of equal length");
  if (!c.tenure) return;
  if (c.tenure->size() != c.incidence_predictor.size())
    throw InvalidInput("tenure", -1, static_cast<double>(c.tenure->size()), "as long as X");
  for (std::size_t i = 0; i < c.tenure->size(); ++i)
    if (!(std::isfinite((*c.tenure)[i]) && (*c.tenure)[i] >= 0.0))
      throw InvalidInput("tenure", static_cast<std::int64_t>(i), (*c.tenure)[i], "finite and >= 0");
}

double log_survival(const CureCustomers& c, std::size_t i, double t) {
  if (t == 0.0) return 0.0;
  return log_law(c.law, 0.0, (std::log(t) - c.latency_predictor[i]) / c.sigma).survival;
}

/// answer(row, tenure, log S(tenure), column) for each customer and column.
template <class Answer>
std::vector<double> for_customers(const CureCustomers& c, std::size_t columns,
                                  const Execution& execution, const Answer& answer) {
  require_valid(c);
  std::vector<double> out(c.incidence_predictor.size() * columns);
  for_each_block(
      std::ssize(c.incidence_predictor), execution,
      [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
          if (i % 64 == 0) execution.poll();
          const double tenure = c.tenure ? (*c.tenure)[i] : 0.0;
          const double reached = log_survival(c, i, tenure);
          for (std::size_t k = 0; k < columns; ++k)
            out[i * columns + k] = answer(i, tenure, reached, k);
        }
      },
      1024);
  return out;
}

}  // namespace

std::vector<double> cure_leaving(const CureCustomers& customers, const Execution& execution) {
  return for_customers(customers, 1, execution,
                       [&](std::size_t i, double, double reached, std::size_t) {
                         return logistic(customers.incidence_predictor[i] + reached);
                       });
}

std::vector<double> cure_survival(const CureCustomers& customers, std::span<const double> t,
                                  const Execution& execution) {
  for (std::size_t k = 0; k < t.size(); ++k)
    if (!(t[k] >= 0.0 && std::isfinite(t[k])))
      throw InvalidInput("t", static_cast<std::int64_t>(k), t[k], "finite and >= 0");
  // The share that leaves meanwhile is a part of those who will: no difference of near equals.
  return for_customers(
      customers, t.size(), execution,
      [&](std::size_t i, double tenure, double reached, std::size_t k) {
        const double leaving = logistic(customers.incidence_predictor[i] + reached);
        return 1.0 + leaving * std::expm1(log_survival(customers, i, tenure + t[k]) - reached);
      });
}

std::vector<double> cure_quantile(const CureCustomers& customers, std::span<const double> p,
                                  const Execution& execution) {
  for (std::size_t k = 0; k < p.size(); ++k)
    if (!(p[k] > 0.0 && p[k] < 1.0))
      throw InvalidInput("p", static_cast<std::int64_t>(k), p[k], "between 0 and 1");
  return for_customers(
      customers, p.size(), execution,
      [&](std::size_t i, double tenure, double reached, std::size_t k) {
        const double leaving = logistic(customers.incidence_predictor[i] + reached);
        if (p[k] >= leaving) return std::numeric_limits<double>::infinity();
        const double w =
            inverse_survival(customers.law, 0.0, std::log1p(-p[k] / leaving) + reached);
        const double end = std::exp(customers.latency_predictor[i] + customers.sigma * w);
        return std::max(end - tenure, 0.0);
      });
}

}  // namespace tenure::survival
