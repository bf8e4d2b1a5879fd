#include "kmeans_lloyd.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace tenure::segment::detail {
namespace {

constexpr std::int64_t kMostNeighbours = 4096;  // clusters; a table of their square
constexpr std::int64_t kFewestForNear = 24;     // rows of one label that fill most of a tile

/// Whether values and weights are of one order of magnitude, up to 2^20: what a row leaves behind
/// when it is taken from a sum is then far below what anybody reads.
template <class T>
bool steady(const Points<T>& points, const Moments& of) {
  double farthest = 0.0;
  for (const double m : of.mean) farthest = std::max(farthest, std::abs(m));
  double range = (of.peak + farthest) / std::sqrt(of.variance);
  if (points.weight) {
    double most = 0.0, total = 0.0;
    for (const double w : *points.weight) {
      most = std::max(most, w);
      total += w;
    }
    range *= most / (total / static_cast<double>(points.rows()));
  }
  return range < 0x1.0p20;  // false for NaN: all rows alike
}

/// When `automatic` keeps bounds: they cost memory and a second-best score, and spare the rows that
/// they hold.
class Policy {
 public:
  Policy(KMeansAlgorithm algorithm, std::int64_t rows)
      : algorithm_(algorithm), rows_(static_cast<double>(rows)) {}

  bool wants_gaps() const {
    if (algorithm_ != KMeansAlgorithm::automatic) return algorithm_ != KMeansAlgorithm::lloyd;
    return calm_ && rest_ == 0;
  }
  /// After a pass: gaps that held for few rows are not worth their price for a while.
  void learn(std::int64_t changed, std::int64_t looked_at, bool listed) {
    calm_ = static_cast<double>(changed) < kCalm * rows_;
    rest_ = std::max(rest_ - 1, 0);
    if (listed && static_cast<double>(looked_at) > kMostStale * rows_) rest_ = kRest;
  }

 private:
  static constexpr double kCalm = 0.15;
  static constexpr double kMostStale = 0.7;
  static constexpr int kRest = 4;
  KMeansAlgorithm algorithm_;
  double rows_;
  bool calm_ = false;
  int rest_ = 0;
};

}  // namespace

template <class T>
Lloyd<T>::Lloyd(const Points<T>& points, const Moments& of, const KMeansSettings& settings,
                const Execution& execution)
    : frame_(points, of.mean),
      settings_(settings),
      n_(points.rows()),
      d_(points.features),
      k_(settings.clusters),
      tolerance_(settings.tolerance * of.variance),
      steady_(steady(points, of)),
      execution_(execution) {}

template <class T>
std::vector<double> Lloyd<T>::seeds(std::uint64_t run) const {
  const auto draw =
      settings_.seeding == KMeansSeeding::parallel ? draw_parallel_seeds<T> : draw_seeds<T>;
  std::vector<double> centre;
  for (const std::int64_t row : draw(frame_, k_, settings_.seed, run, execution_))
    for (std::int64_t j = 0; j < d_; ++j)
      centre.push_back(static_cast<double>(frame_.cell(row, j)));
  return centre;
}

template <class T>
std::vector<double> Lloyd<T>::shifted(std::span<const T> start) const {
  std::vector<double> centre(start.begin(), start.end());
  for (std::size_t i = 0; i < centre.size(); ++i)
    centre[i] -= frame_.shift(static_cast<std::int64_t>(i) % d_);
  return centre;
}

template <class T>
KMeansResult<T> Lloyd<T>::run(std::vector<double> centre) const {
  KMeansResult<T> result{{}, Buffer<std::int32_t>(n_), 0.0, 0, false, 0};
  std::ranges::fill(result.label.span(), -1);
  Bounds<T> bounds(n_, k_, d_);
  Policy policy(settings_.algorithm, n_);
  Totals totals(k_, d_, frame_.points().weight.has_value());
  bool rounded = false;  // the sums followed rows that changed
  std::vector<double> previous;
  Scoring<T> scoring(centre, k_, d_);
  while (!result.converged && result.iterations < settings_.max_iterations) {
    const bool first = ++result.iterations == 1;
    const bool listed = bounds.kept();
    Pass found = pass(scoring, bounds, policy.wants_gaps(), first || !steady_, result.label);
    if (first || !steady_) {
      totals = std::move(found.totals);
    } else {
      totals += found.totals;
      rounded |= found.changed > 0;
    }
    policy.learn(found.changed, found.looked_at, listed);
    previous = std::move(centre);
    centre = next_centres(totals, previous, result.label);
    double shift = 0.0;
    for (std::size_t i = 0; i < centre.size(); ++i)
      shift += (centre[i] - previous[i]) * (centre[i] - previous[i]);
    result.converged = found.changed == 0 || shift <= tolerance_;
    Scoring<T> next(centre, k_, d_);
    if (bounds.kept()) bounds.follow(scoring, next);
    scoring = std::move(next);
  }
  if (rounded) centre = next_centres(sum_all(result.label), previous, result.label);
  for (std::size_t i = 0; i < centre.size(); ++i)
    result.centre.push_back(
        static_cast<T>(centre[i] + frame_.shift(static_cast<std::int64_t>(i) % d_)));
  return result;
}

template <class T>
std::int64_t Lloyd<T>::block_rows() const {
  // Large blocks for many clusters: the sums of all blocks stay below an eighth of the points.
  return std::max(kBlockRows, (8 * k_ + kTileRows - 1) / kTileRows * kTileRows);
}

/// Labels of the rows [first, last); changes count from `first`.
template <class T>
AssignOutcome Lloyd<T>::assign_block(const AssignTask<T>& task, const Bounds<T>& bounds, bool near,
                                     std::int64_t first, std::int64_t last, Scratch& scratch,
                                     std::int64_t& looked_at) const {
  const Kernels<T> kernel = kernels<T>();
  if (bounds.kept()) {
    scratch.list =
        std::make_unique_for_overwrite<std::int32_t[]>(static_cast<std::size_t>(last - first));
    const std::int64_t count = kernel.stale(task.label, bounds.loss().data(), bounds.margin(),
                                            first, last, task.gap, scratch.list.get());
    if (4 * count < 3 * (last - first)) {
      looked_at += count;
      return assign_listed(task, bounds, near, first, count, scratch);
    }
  }
  looked_at += last - first;
  AssignOutcome outcome;
  in_pieces(0, last - first, d_, k_ * d_, execution_, [&](std::int64_t from, std::int64_t to) {
    Change* const change = scratch.change.get() + outcome.changed;
    const AssignOutcome found = task.gap
                                    ? kernel.assign_with_gap(task, first, nullptr, from, to, change)
                                    : kernel.assign(task, first, from, to, change);
    outcome.changed += found.changed;
    outcome.largest = std::max(outcome.largest, found.largest);
  });
  return outcome;
}

/// Labels of the listed rows; with `near`, rows of one label in one go where they fill a tile.
template <class T>
AssignOutcome Lloyd<T>::assign_listed(const AssignTask<T>& task, const Bounds<T>& bounds, bool near,
                                      std::int64_t first, std::int64_t count,
                                      Scratch& scratch) const {
  const Kernels<T> kernel = kernels<T>();
  AssignOutcome outcome;
  const auto add = [&](const AssignOutcome& found) {
    outcome.changed += found.changed;
    outcome.largest = std::max(outcome.largest, found.largest);
  };
  std::int32_t* const list = scratch.list.get();
  const auto assign_some = [&](const std::int32_t* some, std::int64_t rows) {
    in_pieces(0, rows, d_, k_ * d_, execution_, [&](std::int64_t from, std::int64_t to) {
      add(kernel.assign_with_gap(task, first, some, from, to,
                                 scratch.change.get() + outcome.changed));
    });
  };
  if (!near || count < kFewestForNear) {
    assign_some(list, count);
    return outcome;
  }
  std::vector<std::int64_t> start(static_cast<std::size_t>(k_) + 1);
  for (std::int64_t i = 0; i < count; ++i)
    ++start[static_cast<std::size_t>(task.label[first + list[i]]) + 1];
  std::partial_sum(start.begin(), start.end(), start.begin());
  scratch.by_label =
      std::make_unique_for_overwrite<std::int32_t[]>(static_cast<std::size_t>(count));
  std::vector<std::int64_t> next(start.begin(), start.end() - 1);
  for (std::int64_t i = 0; i < count; ++i)
    scratch.by_label[static_cast<std::size_t>(
        next[static_cast<std::size_t>(task.label[first + list[i]])]++)] = list[i];
  std::int64_t rest = 0;
  for (std::int64_t c = 0; c < k_; ++c) {
    const std::int64_t from = start[static_cast<std::size_t>(c)];
    const std::int64_t rows = start[static_cast<std::size_t>(c) + 1] - from;
    const std::int32_t* const of_label = scratch.by_label.get() + from;
    if (rows < kFewestForNear) {
      rest = std::copy_n(of_label, rows, list + rest) - list;
      continue;
    }
    in_pieces(0, rows, d_, k_ * d_, execution_, [&](std::int64_t a, std::int64_t b) {
      add(kernel.assign_near(task, bounds.neighbours(), static_cast<std::int32_t>(c), first,
                             of_label + a, b - a, scratch.change.get() + outcome.changed));
    });
  }
  assign_some(list, rest);
  // As the rows stand: a sum depends on the order of what is added.
  std::sort(scratch.change.get(), scratch.change.get() + outcome.changed,
            [](const Change& a, const Change& b) { return a.row < b.row; });
  return outcome;
}

template <class T>
typename Lloyd<T>::Pass Lloyd<T>::pass(const Scoring<T>& scoring, Bounds<T>& bounds, bool with_gaps,
                                       bool sum_all, Buffer<std::int32_t>& label) const {
  const Kernels<T> kernel = kernels<T>();
  AssignTask<T> task{.rows = frame_.rows(),
                     .clusters = k_,
                     .packed = scoring.packed.data(),
                     .plain = scoring.plain.data(),
                     .half_norm = scoring.half_norm.data(),
                     .label = label.data()};
  if (with_gaps)
    bounds.ask(task, scoring);
  else
    bounds.drop();
  const bool near =
      bounds.kept() && k_ <= kMostNeighbours && settings_.algorithm == KMeansAlgorithm::exponion;
  if (near) bounds.know_neighbours(scoring, execution_);
  Pass found = block_reduce(
      n_, for_work(execution_, n_, k_ * d_),
      Pass{Totals(k_, d_, frame_.points().weight.has_value())},
      [&](std::int64_t first, std::int64_t last) {
        Pass of{Totals(k_, d_, frame_.points().weight.has_value())};
        Scratch scratch;
        scratch.change =
            std::make_unique_for_overwrite<Change[]>(static_cast<std::size_t>(last - first) + 1);
        const AssignOutcome outcome =
            assign_block(task, bounds, near, first, last, scratch, of.looked_at);
        of.changed = outcome.changed;
        of.largest = outcome.largest;
        if (sum_all)
          kernel.sum(task.rows, task.label, first, last, of.totals.into());
        else
          kernel.move(task.rows, first, scratch.change.get(), outcome.changed, of.totals.into());
        return of;
      },
      block_rows());
  if (with_gaps) bounds.keep(found.largest);
  return found;
}

template <class T>
Totals Lloyd<T>::sum_all(const Buffer<std::int32_t>& label) const {
  const bool weighted = frame_.points().weight.has_value();
  return block_reduce(
      n_, for_work(execution_, n_, d_), Totals(k_, d_, weighted),
      [&](std::int64_t first, std::int64_t last) {
        Totals of(k_, d_, weighted);
        kernels<T>().sum(frame_.rows(), label.data(), first, last, of.into());
        return of;
      },
      block_rows());
}

/// Gives each cluster without weight the row farthest from its own centre, which leaves its old
/// cluster; rows without weight stay. Nothing moves where every row lies on its centre.
template <class T>
void Lloyd<T>::relocate_empty(Totals& totals, const std::vector<double>& centre,
                              const Buffer<std::int32_t>& label) const {
  std::vector<std::int64_t> empty;
  for (std::int64_t c = 0; c < k_; ++c)
    if (totals.positive[static_cast<std::size_t>(c)] == 0) empty.push_back(c);
  if (empty.empty()) return;

  Buffer<double> distance(n_);
  for_each_block(
      n_, for_work(execution_, n_, d_), [&](std::int64_t, std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) {
          double sum = 0.0;
          for (std::int64_t j = 0; j < d_; ++j) {
            const double gap = static_cast<double>(frame_.cell(i, j)) - centre[at(label[i], j)];
            sum += gap * gap;
          }
          distance[i] = frame_.weight(i) > 0.0 ? sum : 0.0;
        }
      });
  std::vector<std::int64_t> far(static_cast<std::size_t>(n_));
  std::iota(far.begin(), far.end(), std::int64_t{0});
  const auto wanted = std::min(std::ssize(empty), n_);
  std::ranges::partial_sort(far, far.begin() + wanted, [&](std::int64_t a, std::int64_t b) {
    return distance[a] != distance[b] ? distance[a] > distance[b] : a < b;
  });
  for (std::int64_t e = 0; e < wanted; ++e) {
    const std::int64_t row = far[static_cast<std::size_t>(e)];
    if (!(distance[row] > 0.0)) return;
    move_row(totals, row, label[row], empty[static_cast<std::size_t>(e)]);
  }
}

template <class T>
void Lloyd<T>::move_row(Totals& totals, std::int64_t row, std::int64_t from,
                        std::int64_t to) const {
  const double weight = frame_.weight(row);
  for (std::int64_t j = 0; j < d_; ++j) {
    const double part = weight * static_cast<double>(frame_.cell(row, j));
    totals.sum[static_cast<std::size_t>(from * padded(d_) + j)] -= part;
    totals.sum[static_cast<std::size_t>(to * padded(d_) + j)] = part;
  }
  if (!totals.weight.empty()) {
    totals.weight[static_cast<std::size_t>(from)] -= weight;
    totals.weight[static_cast<std::size_t>(to)] = weight;
  }
  --totals.positive[static_cast<std::size_t>(from)];
  totals.positive[static_cast<std::size_t>(to)] = 1;
}

/// Means of the clusters; one that stayed empty takes the place of the heaviest one.
template <class T>
std::vector<double> Lloyd<T>::next_centres(const Totals& totals, const std::vector<double>& centre,
                                           const Buffer<std::int32_t>& label) const {
  Totals moved = totals;
  relocate_empty(moved, centre, label);
  std::int64_t heaviest = 0;
  for (std::int64_t c = 1; c < k_; ++c)
    if (moved.weight_of(c) > moved.weight_of(heaviest)) heaviest = c;
  std::vector<double> next(static_cast<std::size_t>(k_ * d_));
  for (std::int64_t c = 0; c < k_; ++c) {
    // Told by counting: the weights of rows that left may not cancel to 0, or to less.
    const bool empty =
        moved.positive[static_cast<std::size_t>(c)] == 0 || !(moved.weight_of(c) > 0.0);
    const std::int64_t from = empty ? heaviest : c;
    const double weight = moved.weight_of(from);
    for (std::int64_t j = 0; j < d_; ++j)
      next[at(c, j)] = moved.sum[static_cast<std::size_t>(from * padded(d_) + j)] / weight;
  }
  return next;
}

template class Lloyd<float>;
template class Lloyd<double>;

}  // namespace tenure::segment::detail
