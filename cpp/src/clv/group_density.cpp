#include <algorithm>
#include <cmath>
#include <numbers>

#include "tenure/clv/group_posterior.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {
namespace {

struct GroupedRows {
  std::vector<std::int64_t> first;  ///< groups + 1
  std::vector<std::size_t> row;     ///< by group, in the order of the rows
};

GroupedRows group_rows(std::span<const std::int64_t> group, std::int64_t groups,
                       std::int64_t rows) {
  if (std::ssize(group) != rows)
    throw InvalidInput("groups", -1, static_cast<double>(group.size()), "one a row");
  GroupedRows g{std::vector<std::int64_t>(static_cast<std::size_t>(groups) + 1),
                std::vector<std::size_t>(group.size())};
  for (std::size_t i = 0; i < group.size(); ++i) {
    if (group[i] < 0 || group[i] >= groups)
      throw InvalidInput("groups", static_cast<std::int64_t>(i), static_cast<double>(group[i]),
                         "the number of a group");
    ++g.first[static_cast<std::size_t>(group[i]) + 1];
  }
  for (std::size_t k = 1; k < g.first.size(); ++k) g.first[k] += g.first[k - 1];
  auto next = g.first;
  for (std::size_t i = 0; i < group.size(); ++i)
    g.row[static_cast<std::size_t>(next[static_cast<std::size_t>(group[i])]++)] = i;
  return g;
}

/// The rows of one group of a column, copied.
std::vector<double> gather(std::span<const double> column, const GroupedRows& g, std::size_t k) {
  std::vector<double> out;
  out.reserve(static_cast<std::size_t>(g.first[k + 1] - g.first[k]));
  for (std::int64_t i = g.first[k]; i < g.first[k + 1]; ++i)
    out.push_back(column[g.row[static_cast<std::size_t>(i)]]);
  return out;
}

/// Calls prepare(columns of the group, its weights) for each group.
template <class Prepare>
std::vector<PreparedLikelihood> each_group(const GroupedRows& rows,
                                           std::optional<std::span<const double>> weight,
                                           const Prepare& prepare, const Execution& execution) {
  std::vector<PreparedLikelihood> out;
  for (std::size_t k = 0; k + 1 < rows.first.size(); ++k) {
    execution.poll();
    const auto w = weight ? gather(*weight, rows, k) : std::vector<double>{};
    out.push_back(prepare(k, weight ? std::optional<std::span<const double>>(w) : std::nullopt));
  }
  return out;
}

/// How one coordinate xi becomes u, at one mu and tau.
struct Map {
  double share, rest, scale;  ///< w, 1 - w, s

  Map(double information, double tau) {
    const double told = information * tau * tau;
    rest = 1.0 / (1.0 + told);
    share = told * rest;
    scale = tau * std::sqrt(rest);
  }
};

}  // namespace

std::vector<PreparedLikelihood> prepare_groups(const RepeatPurchases& purchases,
                                               std::span<const std::int64_t> group,
                                               std::int64_t groups, const PreparePurchases& prepare,
                                               const Execution& execution) {
  require_valid(purchases, execution);
  const GroupedRows rows = group_rows(group, groups, purchases.rows());
  return each_group(
      rows, purchases.weight,
      [&](std::size_t k, const auto& weight) {
        const auto x = gather(purchases.frequency, rows, k);
        const auto t_x = gather(purchases.recency, rows, k);
        const auto age = gather(purchases.age, rows, k);
        return prepare({x, t_x, age, weight}, execution);
      },
      execution);
}

std::vector<PreparedLikelihood> prepare_groups(const ObservedSpend& spend,
                                               std::span<const std::int64_t> group,
                                               std::int64_t groups, const Execution& execution) {
  require_valid(spend, execution);
  const GroupedRows rows = group_rows(group, groups, spend.rows());
  return each_group(
      rows, spend.weight,
      [&](std::size_t k, const auto& weight) {
        const auto x = gather(spend.frequency, rows, k), mean = gather(spend.mean, rows, k);
        return prepare_gamma_gamma({x, mean, weight}, execution);
      },
      execution);
}

double group_log_density(const GroupModel& model, const GroupCoordinates& coordinates,
                         std::span<const double> point, std::span<double> gradient,
                         const Execution& execution) {
  const std::size_t n = model.parameters(), groups = model.groups.size();
  const auto mu = point.first(n), log_tau = point.subspan(n, n);
  optim::Evaluation of_mu{0.0, std::vector<double>(n), std::vector<double>(n * n)};
  optim::Evaluation of_tau = of_mu;
  for (const PriorTerm& term : model.population) add_log_density(term, mu, of_mu);
  for (const PriorTerm& term : model.spread) add_log_density(term, log_tau, of_tau);
  double value = of_mu.value + of_tau.value;
  std::ranges::copy(of_mu.gradient, gradient.begin());
  std::ranges::copy(of_tau.gradient, gradient.begin() + static_cast<std::ptrdiff_t>(n));

  std::vector<double> u(n);
  for (std::size_t g = 0; g < groups; ++g) {
    const std::size_t at = g * n, xi = (2 + g) * n;
    for (std::size_t k = 0; k < n; ++k) {
      const Map map(coordinates.information[at + k], std::exp(log_tau[k]));
      u[k] = map.share * coordinates.centre[at + k] + map.rest * mu[k] + map.scale * point[xi + k];
    }
    const optim::Evaluation e = model.groups[g].at(u, Order::first, execution);
    value += e.value;
    for (std::size_t k = 0; k < n; ++k) {
      const double tau = std::exp(log_tau[k]);
      const Map map(coordinates.information[at + k], tau);
      const double off = coordinates.centre[at + k] - mu[k], z = point[xi + k];
      // Of (u - mu) / tau, which is normal, and of u, by log tau. dw/dlog tau = 2 w (1 - w), and
      // ds/dlog tau = s (1 - w).
      const double d = (map.share * off + map.scale * z) / tau;
      const double moved = map.rest * (2.0 * map.share * off + map.scale * z);
      value += -0.5 * d * d + 0.5 * std::log(map.rest) - 0.5 * std::log(2.0 * std::numbers::pi);
      gradient[k] += e.gradient[k] * map.rest + d * map.share / tau;
      gradient[n + k] += e.gradient[k] * moved - d * (moved / tau - d) - map.share;
      gradient[xi + k] = e.gradient[k] * map.scale - d * map.scale / tau;
    }
  }
  return value;
}

double to_logarithms(const GroupCoordinates& coordinates, std::size_t n, std::span<double> point) {
  double above = 0.0;
  for (std::size_t i = 2 * n; i < point.size(); ++i) {
    const std::size_t k = i % n;
    const Map map(coordinates.information[i - 2 * n], std::exp(point[n + k]));
    point[i] =
        map.share * coordinates.centre[i - 2 * n] + map.rest * point[k] + map.scale * point[i];
    above += std::log(map.scale);
  }
  return above;
}

}  // namespace tenure::clv
