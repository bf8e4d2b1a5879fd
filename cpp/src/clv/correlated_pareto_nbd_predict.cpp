#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "correlated_pareto_nbd_future.hpp"
#include "counts.hpp"
#include "horizon.hpp"
#include "tenure/clv/correlated_pareto_nbd.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

using sarmanov::kParts;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kChunk = kParetoNbdChunk;

/// Sum of exp(log_term - top), each part as it enters the mixture: at least 0, but for rounding.
double mixed(const sarmanov::Weight& w, const std::array<double, kParts>& log_term, double top) {
  double sum = 0.0;
  for (int k = 0; k < kParts; ++k)
    sum += w.of_part(k) * std::exp(log_term[static_cast<std::size_t>(k)] - top);
  return std::max(0.0, sum);
}

/// value(w, histories, row) of each row.
template <class Value>
Buffer<double> by_row(const CorrelatedParetoNbdParameters& p, const RepeatPurchases& c,
                      const Execution& execution, const Value& value) {
  require_valid(p);
  require_valid(c, execution);
  const sarmanov::Weight w = sarmanov::weight(p.r, p.s, p.odds);
  Buffer<double> out(c.rows());
  for_each_block(c.rows(), execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    PartHistories of[kChunk];
    for (; from < to; from += kChunk) {
      const int n = static_cast<int>(std::min<std::int64_t>(kChunk, to - from));
      weigh_parts(p, c.frequency.data() + from, c.recency.data() + from, c.age.data() + from, n,
                  of);
      for (int i = 0; i < n; ++i) out[from + i] = value(w, of[i], from + i);
    }
  });
  return out;
}

double highest(const std::array<double, kParts>& v) { return *std::ranges::max_element(v); }

/// The mixture over the parts of what the Pareto/NBD model tells of a customer just acquired.
template <class OfPart>
auto of_new_customer(const CorrelatedParetoNbdParameters& p, const OfPart& of_part) {
  require_valid(p);
  const sarmanov::Weight w = sarmanov::weight(p.r, p.s, p.odds);
  auto out = of_part(sarmanov::part(p, 0));
  for (auto& v : out) v *= w.of_part(0);
  for (int k = 1; k < kParts; ++k) {
    const auto more = of_part(sarmanov::part(p, k));
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += w.of_part(k) * more[i];
  }
  for (auto& v : out) v = std::max(0.0, v);
  return out;
}

std::vector<double> as_vector(const Buffer<double>& b) {
  return {b.span().begin(), b.span().end()};
}

Buffer<double> as_buffer(const std::vector<double>& v) {
  Buffer<double> out(std::ssize(v));
  std::ranges::copy(v, out.data());
  return out;
}

}  // namespace

Buffer<double> correlated_pareto_nbd_log_odds_alive(const CorrelatedParetoNbdParameters& parameters,
                                                    const RepeatPurchases& purchases,
                                                    const Execution& execution) {
  return by_row(parameters, purchases, execution,
                [](const sarmanov::Weight& w, const PartHistories& of, std::int64_t) {
                  const double stayed = highest(of.stayed), left = highest(of.left);
                  if (left == -kInfinity) return kInfinity;  // seen at T
                  return stayed - left + std::log(mixed(w, of.stayed, stayed)) -
                         std::log(mixed(w, of.left, left));
                });
}

Buffer<double> correlated_pareto_nbd_probability_alive(
    const CorrelatedParetoNbdParameters& parameters, const RepeatPurchases& purchases,
    const Execution& execution) {
  return by_row(parameters, purchases, execution,
                [](const sarmanov::Weight& w, const PartHistories& of, std::int64_t) {
                  const double top = std::max(highest(of.stayed), highest(of.left));
                  const double stayed = mixed(w, of.stayed, top), left = mixed(w, of.left, top);
                  return left > 0.0 ? stayed / (stayed + left) : 1.0;
                });
}

Buffer<double> correlated_pareto_nbd_expected_purchases(const CorrelatedParetoNbdParameters& p,
                                                        const RepeatPurchases& purchases,
                                                        double horizon, double discount_rate,
                                                        const Execution& execution) {
  require_horizon(horizon, discount_rate, p.s > 1.0,
                  "finite where nothing is discounted and s <= 1: the sum diverges");
  require_valid(p);
  std::array<Buffer<double>, kParts> of_part;
  for (std::size_t k = 0; k < kParts; ++k)
    of_part[k] = pareto_nbd_expected_purchases(sarmanov::part(p, static_cast<int>(k)), purchases,
                                               horizon, discount_rate, execution);
  return by_row(p, purchases, execution,
                [&](const sarmanov::Weight& w, const PartHistories& of, std::int64_t i) {
                  const double top = std::max(highest(of.stayed), highest(of.left));
                  const double all = mixed(w, of.stayed, top) + mixed(w, of.left, top);
                  double sum = 0.0;
                  for (std::size_t k = 0; k < kParts; ++k)
                    sum += w.of_part(static_cast<int>(k)) * of_part[k][i] *
                           (std::exp(of.stayed[k] - top) + std::exp(of.left[k] - top));
                  return all > 0.0 ? std::max(0.0, sum / all) : 0.0;
                });
}

Buffer<double> correlated_pareto_nbd_expected_purchases_new(const CorrelatedParetoNbdParameters& p,
                                                            std::span<const double> time,
                                                            const Execution& execution) {
  return as_buffer(of_new_customer(p, [&](const ParetoNbdParameters& part) {
    return as_vector(pareto_nbd_expected_purchases_new(part, time, execution));
  }));
}

Buffer<double> correlated_pareto_nbd_pmf(const CorrelatedParetoNbdParameters& p,
                                         std::span<const double> count, double time,
                                         const Execution& execution) {
  return as_buffer(of_new_customer(p, [&](const ParetoNbdParameters& part) {
    return as_vector(pareto_nbd_pmf(part, count, time, execution));
  }));
}

std::vector<double> correlated_pareto_nbd_frequency_counts(
    const CorrelatedParetoNbdParameters& p, std::span<const double> age,
    std::optional<std::span<const double>> weight, std::int64_t frequencies,
    const Execution& execution) {
  return of_new_customer(p, [&](const ParetoNbdParameters& part) {
    return pareto_nbd_frequency_counts(part, age, weight, frequencies, execution);
  });
}

}  // namespace tenure::clv
