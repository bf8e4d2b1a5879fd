#include "abe_marginal.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <optional>
#include <vector>

#include "tenure/special/elementary.hpp"
#include "tenure/support/clones.hpp"

namespace tenure::clv {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t kLanes = 8;
constexpr double kDepth = 14.0;        // logarithms below the peak that count
constexpr double kMostNodes = 4096;    // of log mu
constexpr double kMostPoints = 16384;  // of log lambda
constexpr double kStep = 0.75;         // of the coarsest grid of log lambda
constexpr int kShared = 4;             // halvings of it up to which customers share one table

/// Standard deviations beyond which a normal density is below e^-kDepth.
const double kFar = std::sqrt(2.0 * kDepth);

/// (log lambda, log mu) of customers with the same covariates: the first normal, the second given
/// it normal around a line.
struct Rates {
  double first_mean, first_spread, second_mean, slope, second_spread;
};

/// Of a grid of log mu: mu, padded to whole lanes.
struct Grid {
  double from = 0.0, step = 0.0;
  std::int64_t nodes = 0;
  std::vector<double> mu;

  /// For customers whose log lambda lies below `highest`, as far as histories tell. False where it
  /// would be too large.
  bool build(const Rates& r, double highest) {
    // e^(-mu t) is analytic within pi/2 of the real line: an error of e^(-pi^2 / step).
    step = std::min(0.6, 0.8 * r.second_spread);
    // Histories may tell of a mu that is rare, and of a lambda that is.
    const double rare = std::max(kFar * r.first_spread, highest - r.first_mean);
    const double half = 1.3 * kFar * r.second_spread + std::fabs(r.slope) * rare;
    const double count = std::ceil(2.0 * half / step) + 1.0;
    if (!(count <= kMostNodes)) return false;
    nodes = (static_cast<std::int64_t>(count) + kLanes - 1) / kLanes * kLanes;
    from = r.second_mean - 0.5 * step * static_cast<double>(nodes - 1);
    mu.resize(static_cast<std::size_t>(nodes));
    for (std::int64_t k = 0; k < nodes; ++k)
      mu[static_cast<std::size_t>(k)] = std::exp(from + step * static_cast<double>(k));
    return true;
  }

  /// Nodes, in fours, beyond which e^(-mu t) is nothing beside what it is at the first: less by
  /// more than the density and a factor mu can make up for.
  std::int64_t count_until(double t) const {
    if (!(t > 0.0)) return nodes;
    const double far = (std::log(mu[0] + 100.0 / t) - from) / step;
    const auto whole = static_cast<double>(nodes);
    return std::min(nodes, (static_cast<std::int64_t>(std::min(far, whole)) / 4 + 1) * 4);
  }
};

TENURE_CLONES void survive(const double* mu, std::int64_t nodes, double t, double* out) {
  for (std::int64_t k = 0; k < nodes; ++k) out[k] = special::vector_exp(-mu[k] * t);
}

struct Customer {
  double x, t_x, T;
};

/// Densities of log mu given log lambda, times mu / (lambda + mu) and 1 / (lambda + mu), for points
/// of log lambda on a grid around its mean: those of one mu lie side by side.
struct Table {
  std::int64_t first = 0, width = 0;
  std::vector<double> leaves, stays;

  std::int64_t last() const { return first + width - 1; }
  void build(const Rates& r, const Grid& grid, double step, std::int64_t from, std::int64_t to);
};

TENURE_CLONES void weigh(const Rates& r, const Grid& grid, double from, double step, std::int64_t n,
                         double* __restrict leaves, double* __restrict stays) {
  const double scale = grid.step / (r.second_spread * std::sqrt(2.0 * std::numbers::pi));
  for (std::int64_t k = 0; k < grid.nodes; ++k) {
    const double v = grid.from + grid.step * static_cast<double>(k);
    const double mu = grid.mu[static_cast<std::size_t>(k)];
    double* __restrict const l = leaves + k * n;
    double* __restrict const s = stays + k * n;
    for (std::int64_t j = 0; j < n; ++j) {
      const double u = from + step * static_cast<double>(j);
      const double z = (v - r.second_mean - r.slope * (u - r.first_mean)) / r.second_spread;
      s[j] = scale * special::vector_exp(-0.5 * z * z) / (special::vector_exp(u) + mu);
      l[j] = mu * s[j];
    }
  }
}

void Table::build(const Rates& r, const Grid& grid, double step, std::int64_t from,
                  std::int64_t to) {
  first = from;
  width = to - from + 1;
  leaves.resize(static_cast<std::size_t>(width * grid.nodes));
  stays.resize(leaves.size());
  weigh(r, grid, r.first_mean + step * static_cast<double>(from), step, width, leaves.data(),
        stays.data());
}

/// out[j] = sum over nodes k of weights[k * width + j] values[k], four nodes at a time: sums are
/// loaded and stored less often.
TENURE_CLONES void add_up(const double* weights, std::int64_t width, const double* values,
                          std::int64_t nodes, std::int64_t n, double* __restrict out) {
  for (std::int64_t j = 0; j < n; ++j) out[j] = 0.0;
  for (std::int64_t k = 0; k < nodes; k += 4) {
    const double* __restrict const w = weights + k * width;
    const double a = values[k], b = values[k + 1], c = values[k + 2], d = values[k + 3];
    for (std::int64_t j = 0; j < n; ++j)
      out[j] += (w[j] * a + w[width + j] * b) + (w[2 * width + j] * c + w[3 * width + j] * d);
  }
}

/// Sum of the integrand over exp(top) at n points of log lambda, given the sums over mu.
TENURE_CLONES double sum_of_points(const Rates& r, const Customer& c, double start, double step,
                                   std::int64_t n, double top, double* __restrict gone,
                                   const double* __restrict there) {
  for (std::int64_t j = 0; j < n; ++j) {
    const double u = start + step * static_cast<double>(j);
    const double z = (u - r.first_mean) / r.first_spread, lambda = special::vector_exp(u);
    const double bound = special::vector_exp(c.x * u - c.t_x * lambda - 0.5 * z * z - top);
    const double silent = lambda * special::vector_exp(-lambda * (c.T - c.t_x));
    gone[j] = bound * (gone[j] + silent * there[j]);
  }
  double sum = 0.0;
  for (std::int64_t j = 0; j < n; ++j) sum += gone[j];
  return sum;
}

/// Customers of the same covariates.
class Pattern {
 public:
  Pattern(const Rates& r, double highest)
      : r_(r), fits_(grid_.build(r, highest)), survival_(static_cast<std::size_t>(grid_.nodes)) {}

  /// Log of the likelihood of one customer.
  double log_integral(const Customer& c) {
    if (!fits_) return -kInfinity;
    const double precision = 1.0 / (r_.first_spread * r_.first_spread);
    const double u = mode(c, precision), events = c.t_x * std::exp(u), top = log_bound(c, u);
    const double here = least_silent(c, u);
    if (!(here > 0.0)) return -kInfinity;
    // The bound falls at least like a normal and at least like e^(x u - events e^u), each with the
    // same mode: so far it may be above e^-kDepth of the integrand at its mode.
    const double fall = kDepth - std::log(std::min(here, 1.0)), y = fall / events;
    const double normal = r_.first_spread * std::sqrt(2.0 * fall);
    const double left = std::min(normal, y + std::sqrt(2.0 * y));
    const double right = std::min(normal, std::log1p(y + std::sqrt(2.0 * y)));
    const double widest = 1.0 / std::sqrt(precision + events);
    const int level = std::max(0, static_cast<int>(std::ceil(std::log2(kStep / widest))));
    if (!((left + right) / widest < kMostPoints && level < 60)) return -kInfinity;
    const double step = std::ldexp(kStep, -level);
    const auto from = static_cast<std::int64_t>(std::floor((u - left - r_.first_mean) / step));
    const double points = std::ceil((u + right - r_.first_mean) / step) - static_cast<double>(from);
    const std::int64_t to = from + static_cast<std::int64_t>(points) / kLanes * kLanes + kLanes - 1;
    if (tables_.size() <= static_cast<std::size_t>(level))
      tables_.resize(static_cast<std::size_t>(level) + 1);
    Table& table = tables_[static_cast<std::size_t>(level)];
    if (table.width == 0 || from < table.first || to > table.last()) {
      const bool shared = level <= kShared;
      const bool grows = shared && table.width > 0;
      const std::int64_t more = shared ? 8 : 0;
      table.build(r_, grid_, step, (grows ? std::min(from, table.first) : from) - more,
                  (grows ? std::max(to, table.last()) : to) + more);
    }
    const std::int64_t n = to - from + 1, cell = from - table.first;
    const auto over_mu = [&](const std::vector<double>& weights, double t, auto& out) {
      const std::int64_t nodes = grid_.count_until(t);
      survive(grid_.mu.data(), nodes, t, survival_.data());
      out.resize(static_cast<std::size_t>(n));
      add_up(weights.data() + cell, table.width, survival_.data(), nodes, n, out.data());
    };
    over_mu(table.leaves, c.t_x, gone_);
    over_mu(table.stays, c.T, there_);
    const double start = r_.first_mean + step * static_cast<double>(from);
    const double sum = sum_of_points(r_, c, start, step, n, top, gone_.data(), there_.data());
    return top + std::log(sum * step / r_.first_spread) - 0.5 * std::log(2.0 * std::numbers::pi);
  }

 private:
  /// Log density of u = log lambda and of x purchases until t_x, constants left out; what is left
  /// of the integrand is a probability.
  double log_bound(const Customer& c, double u) const {
    const double z = (u - r_.first_mean) / r_.first_spread;
    return c.x * u - c.t_x * std::exp(u) - 0.5 * z * z;
  }

  /// The mode of the bound, from the right, whence Newton's steps do not overshoot.
  double mode(const Customer& c, double precision) const {
    double u = r_.first_mean;
    if (c.x == 0.0) return u;
    u = std::max(u, std::log(c.x / c.t_x));
    for (int i = 0; i < 700; ++i) {
      const double events = c.t_x * std::exp(u);
      const double step = (c.x - events - (u - r_.first_mean) * precision) / (events + precision);
      u += step;
      if (!(step < -1e-6)) break;
    }
    return u;
  }

  /// About the least that the rest of the integrand can be at u: given lambda, it is the mean over
  /// mu of (mu e^(-mu t_x) + lambda e^(-lambda (T - t_x)) e^(-mu T)) / (lambda + mu), of leaving
  /// before T or not, without a purchase after t_x.
  double least_silent(const Customer& c, double u) const {
    const double mean = r_.second_mean + r_.slope * (u - r_.first_mean);
    const double v = c.T > 0.0 ? std::min(mean, -std::log(c.T)) : mean;
    const double z = (v - mean) / r_.second_spread, mu = std::exp(v), lambda = std::exp(u);
    const double silent =
        mu * std::exp(-mu * c.t_x) + lambda * std::exp(-lambda * (c.T - c.t_x) - mu * c.T);
    return 0.1 / std::max(1.0, r_.second_spread) * std::exp(-0.5 * z * z) * silent / (lambda + mu);
  }

  Rates r_;
  Grid grid_;
  bool fits_;
  std::vector<double> survival_, gone_, there_;
  std::vector<Table> tables_;  ///< by level
};

}  // namespace

AbeMarginal::AbeMarginal(const RepeatPurchases& purchases, const double* design,
                         std::int64_t covariates)
    : purchases_(purchases), design_(design), covariates_(covariates) {
  const auto compare_designs = [&](std::int64_t a, std::int64_t b) {
    for (std::int64_t k = 0; k < covariates; ++k) {
      const double v = design[a * covariates + k], w = design[b * covariates + k];
      if (v != w) return v < w ? -1 : 1;
    }
    return 0;
  };
  const auto compare = [&](std::int64_t a, std::int64_t b) {
    if (const int way = compare_designs(a, b); way != 0) return way;
    const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
    for (const auto& column : {purchases.frequency, purchases.recency, purchases.age})
      if (column[i] != column[j]) return column[i] < column[j] ? -1 : 1;
    return 0;
  };
  std::vector<std::int64_t> order(static_cast<std::size_t>(purchases.rows()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::ranges::sort(order, [&](std::int64_t a, std::int64_t b) {
    const int way = compare(a, b);
    return way != 0 ? way < 0 : a < b;
  });
  for (const std::int64_t row : order)
    if (!groups_.empty() && compare(groups_.back().row, row) == 0) {
      groups_.back().customers += 1.0;
    } else {
      const bool first = groups_.empty() || compare_designs(groups_.back().row, row) != 0;
      groups_.push_back({row, 1.0, first, -kInfinity});
    }
  std::size_t pattern = 0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (groups_[g].first) pattern = g;
    const auto i = static_cast<std::size_t>(groups_[g].row);
    if (purchases.frequency[i] > 0.0)
      groups_[pattern].highest = std::max(groups_[pattern].highest,
                                          std::log(purchases.frequency[i] / purchases.recency[i]));
  }
}

double AbeMarginal::log_likelihood(const Eigen::MatrixXd& coefficients, const Eigen::MatrixXd& root,
                                   const Execution& execution) const {
  const double spread = root(0, 0), slope = root(1, 0) / spread;
  if (!(spread > 1e-6 && spread < 100.0 && root(1, 1) > 1e-6)) return -kInfinity;
  std::optional<Pattern> pattern;
  double sum = 0.0;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (g % 64 == 0) execution.poll();
    const std::int64_t row = groups_[g].row;
    if (groups_[g].first) {
      double first = 0.0, second = 0.0;
      for (std::int64_t k = 0; k < covariates_; ++k) {
        const double w = design_[row * covariates_ + k];
        first += w * coefficients(k, 0);
        second += w * coefficients(k, 1);
      }
      if (!(std::fabs(first) < 300.0 && std::fabs(second) < 300.0)) return -kInfinity;
      pattern.emplace(Rates{first, spread, second, slope, root(1, 1)}, groups_[g].highest);
    }
    const auto i = static_cast<std::size_t>(row);
    sum += groups_[g].customers * pattern->log_integral({purchases_.frequency[i],
                                                         purchases_.recency[i], purchases_.age[i]});
    if (!(sum > -kInfinity)) return -kInfinity;
  }
  return sum;
}

}  // namespace tenure::clv
