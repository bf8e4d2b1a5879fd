#include "tenure/segment/k_prototypes.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "k_prototypes_kernels.hpp"
#include "kmeans_frame.hpp"
#include "tenure/segment/patterns.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::segment {
namespace detail {

Prototypes MixedProblem::at_rows(const std::vector<std::int64_t>& seeds) const {
  Prototypes found;
  for (const std::int64_t row : seeds) {
    found.centre.insert(found.centre.end(), number(row), number(row) + rows.numbers);
    found.mode.insert(found.mode.end(), code(row), code(row) + rows.categories());
  }
  return found;
}

}  // namespace detail

namespace {

using namespace detail;

constexpr std::int64_t kTile = 256;

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Sums of one block of rows, or of all of them.
struct Totals {
  std::vector<double> sum;    // clusters x numbers, about the mean
  std::vector<double> count;  // clusters x levels of all columns
  std::vector<double> weight;
  std::vector<std::int64_t> positive;  // rows with a weight above 0
  double cost = 0.0;
  std::int64_t changed = 0;

  Totals(std::int64_t clusters, std::int64_t numbers, std::int64_t levels)
      : sum(index(clusters * numbers)),
        count(index(clusters * levels)),
        weight(index(clusters)),
        positive(index(clusters)) {}

  Totals& operator+=(const Totals& other) {
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += other.sum[i];
    for (std::size_t i = 0; i < count.size(); ++i) count[i] += other.count[i];
    for (std::size_t i = 0; i < weight.size(); ++i) weight[i] += other.weight[i];
    for (std::size_t i = 0; i < positive.size(); ++i) positive[i] += other.positive[i];
    cost += other.cost;
    changed += other.changed;
    return *this;
  }
};

/// All rows, then all prototypes, and again.
class Batch {
 public:
  explicit Batch(const MixedProblem& problem)
      : p_(problem),
        n_(problem.rows.rows),
        d_(problem.rows.numbers),
        columns_(problem.rows.categories()),
        k_(problem.clusters) {
    for (const std::int64_t l : problem.rows.levels) {
      offset_.push_back(levels_);
      levels_ += l;
    }
    // The sums of all blocks stay below an eighth of the rows.
    block_rows_ = std::max(kBlockRows, (8 * k_ * (d_ + levels_) / (d_ + columns_) + 63) / 64 * 64);
  }

  void run(KPrototypesResult& result) const {
    Buffer<std::int32_t> label(n_);
    std::ranges::fill(label.span(), -1);
    double before = std::numeric_limits<double>::infinity();
    while (!result.converged && result.iterations < p_.max_iterations) {
      ++result.iterations;
      Totals totals = assign(result.prototypes, label);
      const bool moved = relocate(totals, result.prototypes, label);
      renew(totals, result.prototypes);
      result.converged = !moved && (totals.changed == 0 || totals.cost >= before);
      before = totals.cost;
    }
  }

  double assign_only(const Prototypes& prototypes, std::int32_t* label) const {
    const PackedPrototypes packed(prototypes, p_.rows.levels, p_.gamma);
    return block_reduce(n_, for_work(p_.execution, n_, p_.cost_of_row()), 0.0,
                        [&](std::int64_t first, std::int64_t last) {
                          double cost = 0.0;
                          double distance[kTile];
                          tiles(first, last, [&](std::int64_t from, std::int64_t to) {
                            nearest(packed, p_.rows, from, to, label + from, distance);
                            for (std::int64_t i = from; i < to; ++i)
                              cost += p_.weight(i) * distance[i - from];
                          });
                          return cost;
                        });
  }

 private:
  template <class Body>
  void tiles(std::int64_t first, std::int64_t last, const Body& body) const {
    for (std::int64_t from = first; from < last; from += kTile) {
      p_.execution.poll();
      body(from, std::min(last, from + kTile));
    }
  }

  Totals assign(const Prototypes& prototypes, Buffer<std::int32_t>& label) const {
    const PackedPrototypes packed(prototypes, p_.rows.levels, p_.gamma);
    return block_reduce(
        n_, for_work(p_.execution, n_, p_.cost_of_row()), Totals(k_, d_, levels_),
        [&](std::int64_t first, std::int64_t last) {
          Totals of(k_, d_, levels_);
          std::int32_t now[kTile];
          double distance[kTile];
          tiles(first, last, [&](std::int64_t from, std::int64_t to) {
            nearest(packed, p_.rows, from, to, now, distance);
            for (std::int64_t i = from; i < to; ++i) {
              const std::int32_t c = now[i - from];
              of.changed += c != label[i];
              label[i] = c;
              const double w = p_.weight(i);
              of.cost += w * distance[i - from];
              add(of, i, c, w);
              of.positive[index(c)] += w > 0.0;
            }
          });
          return of;
        },
        block_rows_);
  }

  void add(Totals& of, std::int64_t row, std::int64_t c, double w) const {
    of.weight[index(c)] += w;
    const double* const x = p_.number(row);
    double* const sum = of.sum.data() + c * d_;
    for (std::int64_t j = 0; j < d_; ++j) sum[j] += w * (x[j] - p_.mean[index(j)]);
    const std::int32_t* const code = p_.code(row);
    double* const count = of.count.data() + c * levels_;
    for (std::int64_t m = 0; m < columns_; ++m) count[offset_[index(m)] + code[m]] += w;
  }

  /// Gives each cluster without weight the row farthest from its own prototype, which leaves its
  /// old cluster; nothing moves where every row lies on its prototype. Whether any did.
  bool relocate(Totals& totals, const Prototypes& prototypes,
                const Buffer<std::int32_t>& label) const {
    std::vector<std::int64_t> empty;
    for (std::int64_t c = 0; c < k_; ++c)
      if (totals.positive[index(c)] == 0) empty.push_back(c);
    if (empty.empty()) return false;
    const PackedPrototypes packed(prototypes, p_.rows.levels, p_.gamma);
    Buffer<double> distance(n_);
    for_each_block(n_, for_work(p_.execution, n_, p_.cost_of_row()),
                   [&](std::int64_t, std::int64_t first, std::int64_t last) {
                     std::int32_t now[kTile];
                     tiles(first, last, [&](std::int64_t from, std::int64_t to) {
                       nearest(packed, p_.rows, from, to, now, distance.data() + from);
                       for (std::int64_t i = from; i < to; ++i)
                         if (!(p_.weight(i) > 0.0)) distance[i] = 0.0;
                     });
                   });
    std::vector<std::int64_t> far(index(n_));
    std::iota(far.begin(), far.end(), std::int64_t{0});
    const auto wanted = std::min(std::ssize(empty), n_);
    std::ranges::partial_sort(far, far.begin() + wanted, [&](std::int64_t a, std::int64_t b) {
      return distance[a] != distance[b] ? distance[a] > distance[b] : a < b;
    });
    std::int64_t e = 0;
    for (; e < wanted && distance[far[index(e)]] > 0.0; ++e) {
      const std::int64_t row = far[index(e)];
      add(totals, row, label[row], -p_.weight(row));
      add(totals, row, empty[index(e)], p_.weight(row));
      --totals.positive[index(label[row])];
      totals.positive[index(empty[index(e)])] = 1;
    }
    return e > 0;
  }

  /// New prototypes; a cluster that stayed empty takes the place of the heaviest one.
  void renew(const Totals& totals, Prototypes& prototypes) const {
    const auto heaviest = std::ranges::max_element(totals.weight) - totals.weight.begin();
    for (std::int64_t c = 0; c < k_; ++c) {
      // Told by counting: the weights of rows that left may not cancel to 0.
      const bool empty = totals.positive[index(c)] == 0 || !(totals.weight[index(c)] > 0.0);
      const std::int64_t from = empty ? heaviest : c;
      for (std::int64_t j = 0; j < d_; ++j)
        prototypes.centre[index(c * d_ + j)] =
            p_.mean[index(j)] + totals.sum[index(from * d_ + j)] / totals.weight[index(from)];
      for (std::int64_t m = 0; m < columns_; ++m) {
        const auto first = totals.count.begin() + from * levels_ + offset_[index(m)];
        prototypes.mode[index(c * columns_ + m)] = static_cast<std::int32_t>(
            std::max_element(first, first + p_.rows.levels[index(m)]) - first);
      }
    }
  }

  const MixedProblem& p_;
  std::int64_t n_, d_, columns_, k_, levels_ = 0, block_rows_ = kBlockRows;
  std::vector<std::int64_t> offset_;
};

// --- checks ------------------------------------------------------------------------------------

double require_weights(const MixedRows& rows) {
  if (!rows.weight) return static_cast<double>(rows.rows);
  if (std::ssize(*rows.weight) != rows.rows)
    throw InvalidInput("sample_weight", -1, static_cast<double>(rows.weight->size()),
                       "as long as X");
  double total = 0.0;
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    const double w = (*rows.weight)[index(i)];
    if (!(w >= 0.0) || !std::isfinite(w))
      throw InvalidInput("sample_weight", i, w, "finite and >= 0");
    total += w;
  }
  if (!(total > 0.0) || !std::isfinite(total))
    throw InvalidInput("sample_weight", -1, total, "of a finite total above 0");
  return total;
}

double require_rows(const MixedRows& rows, std::int64_t least_code) {
  const std::int64_t columns = rows.categories();
  if (rows.rows < 1 || columns < 1 || std::ssize(rows.code) != rows.rows * columns ||
      std::ssize(rows.number) != rows.rows * rows.numbers)
    throw InvalidInput("X", -1, static_cast<double>(rows.rows),
                       "of at least one row, each with every column, one of them of categories");
  for (std::int64_t i = 0; i < std::ssize(rows.code); ++i) {
    const std::int64_t code = rows.code[index(i)];
    if (code < least_code || code >= rows.levels[index(i % columns)])
      throw InvalidInput("X", i / columns, static_cast<double>(code), "codes of the levels");
  }
  return require_weights(rows);
}

/// Weighted means and standard deviations (divisor: the weight) of the numbers.
struct Spread {
  std::vector<double> mean, deviation;
};

Spread spread(const MixedRows& rows, double total_weight, const Execution& execution) {
  const std::int64_t d = rows.numbers;
  double peak = 0.0;
  for (std::int64_t i = 0; i < std::ssize(rows.number); ++i) {
    const double x = rows.number[index(i)];
    if (!std::isfinite(x))
      throw InvalidInput("X", i / d, "column " + std::to_string(i % d) + " must be finite");
    peak = std::max(peak, std::abs(x));
  }
  const double squared = 16.0 * static_cast<double>(d) * peak * peak;
  if (!std::isfinite(squared * std::max(1.0, total_weight)))
    throw InvalidInput("X", -1, peak, "small enough for the weighted sum of squared distances");

  const auto weight = [&](std::int64_t i) { return rows.weight ? (*rows.weight)[index(i)] : 1.0; };
  Spread found;
  for (std::int64_t j = 0; j < d; ++j) {
    const auto x = [&](std::int64_t i) { return rows.number[index(i * d + j)]; };
    const double mean = block_sum(rows.rows, execution,
                                  [&](std::int64_t i) { return weight(i) / total_weight * x(i); });
    const double square = block_sum(rows.rows, execution, [&](std::int64_t i) {
      return weight(i) / total_weight * ((x(i) - mean) * (x(i) - mean));
    });
    found.mean.push_back(mean);
    found.deviation.push_back(std::sqrt(square));
  }
  return found;
}

/// [Huang 1997, section 4] A mean of equal numbers may miss them by a rounding error, which is no
/// spread.
double default_gamma(const Spread& of) {
  double sum = 0.0;
  for (std::size_t j = 0; j < of.mean.size(); ++j)
    if (of.deviation[j] > 1e-14 * std::abs(of.mean[j])) sum += of.deviation[j];
  return sum > 0.0 ? 0.5 * sum / static_cast<double>(of.mean.size()) : 1.0;
}

void require_settings(const KPrototypesSettings& s, std::int64_t rows) {
  if (s.clusters < 1 || s.clusters > rows)
    throw InvalidInput("n_clusters", -1, static_cast<double>(s.clusters),
                       "at least 1 and at most the number of rows");
  if (s.restarts < 1)
    throw InvalidInput("n_init", -1, static_cast<double>(s.restarts), "at least 1");
  if (s.max_iterations < 1)
    throw InvalidInput("max_iter", -1, static_cast<double>(s.max_iterations), "at least 1");
  if (s.gamma && (!(*s.gamma >= 0.0) || !std::isfinite(*s.gamma)))
    throw InvalidInput("gamma", -1, *s.gamma, "finite and >= 0");
}

void require_prototypes(const MixedRows& rows, const Prototypes& prototypes) {
  const std::int64_t columns = rows.categories();
  const std::int64_t k = std::ssize(prototypes.mode) / columns;
  if (k < 1 || std::ssize(prototypes.mode) != k * columns ||
      std::ssize(prototypes.centre) != k * rows.numbers)
    throw InvalidInput("init", -1, static_cast<double>(k), "prototypes with the columns of X");
  for (std::int64_t i = 0; i < std::ssize(prototypes.mode); ++i)
    if (const std::int64_t mode = prototypes.mode[index(i)];
        mode < 0 || mode >= rows.levels[index(i % columns)])
      throw InvalidInput("init", i / columns, static_cast<double>(mode), "codes of the levels");
  for (std::int64_t i = 0; i < std::ssize(prototypes.centre); ++i)
    if (const double c = prototypes.centre[index(i)]; !(std::abs(c) < 1e150))
      throw InvalidInput("init", i / rows.numbers, c, "finite and below 1e150");
}

KPrototypesResult best_of_runs(const MixedProblem& problem, const KPrototypesSettings& settings,
                               const Prototypes* start) {
  const Batch batch(problem);
  KPrototypesResult best;
  for (std::int64_t r = 0; r < (start ? 1 : settings.restarts); ++r) {
    KPrototypesResult found;
    found.gamma = problem.gamma;
    found.prototypes = start
                           ? *start
                           : problem.at_rows(settings.seeds == PrototypeSeeds::cao
                                                 ? cao_seeds(problem)
                                                 : draw_mixed_seeds(problem, settings.seed,
                                                                    static_cast<std::uint64_t>(r)));
    if (settings.row_by_row)
      huang_run(problem, found);
    else
      batch.run(found);
    found.label = Buffer<std::int32_t>(problem.rows.rows);
    found.cost = batch.assign_only(found.prototypes, found.label.data());
    if (r == 0 || found.cost < best.cost) best = std::move(found);
  }
  std::vector<std::uint8_t> used(index(problem.clusters));
  for (const std::int32_t l : best.label.span()) used[index(l)] = 1;
  best.distinct = std::accumulate(used.begin(), used.end(), std::int64_t{0});
  return best;
}

}  // namespace

KPrototypesResult k_prototypes(const MixedRows& rows, const KPrototypesSettings& settings,
                               const Prototypes* start, const Execution& execution) {
  const double total = require_rows(rows, 0);
  require_settings(settings, rows.rows);
  if (start) {
    require_prototypes(rows, *start);
    if (std::ssize(start->mode) != settings.clusters * rows.categories())
      throw InvalidInput("init", -1, static_cast<double>(start->mode.size()),
                         "n_clusters prototypes");
  }
  const Spread of = spread(rows, total, execution);
  const double gamma = settings.gamma.value_or(default_gamma(of));
  if (rows.numbers > 0 || settings.row_by_row)
    return best_of_runs(
        {rows, settings.clusters, settings.max_iterations, gamma, of.mean, total, execution},
        settings, start);

  const Patterns patterns = distinct_rows(rows.code, rows.levels, execution);
  std::vector<std::int32_t> code;
  for (const std::int64_t row : patterns.first) {
    const auto from = rows.code.begin() + row * rows.categories();
    code.insert(code.end(), from, from + rows.categories());
  }
  std::vector<double> weight(index(patterns.size()));
  for (std::int64_t i = 0; i < rows.rows; ++i)
    weight[index(patterns.of_row[i])] += rows.weight ? (*rows.weight)[index(i)] : 1.0;
  const MixedRows collapsed{patterns.size(), 0, {}, code, rows.levels, weight};
  KPrototypesResult found = best_of_runs(
      {collapsed, settings.clusters, settings.max_iterations, gamma, of.mean, total, execution},
      settings, start);
  Buffer<std::int32_t> label(rows.rows);
  for (std::int64_t i = 0; i < rows.rows; ++i) label[i] = found.label[patterns.of_row[i]];
  found.label = std::move(label);
  return found;
}

MixedAssignment k_prototypes_assign(const MixedRows& rows, const Prototypes& prototypes,
                                    double gamma, const Execution& execution) {
  const double total = require_rows(rows, -1);
  require_prototypes(rows, prototypes);
  const Spread of = spread(rows, total, execution);
  const MixedProblem problem{
      rows, std::ssize(prototypes.mode) / rows.categories(), 1, gamma, of.mean, total, execution};
  MixedAssignment found{Buffer<std::int32_t>(rows.rows), 0.0};
  found.cost = Batch(problem).assign_only(prototypes, found.label.data());
  return found;
}

}  // namespace tenure::segment
