#include "kmeans_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tenure::segment::detail {
namespace {

/// Bounds the relative error of a sum of `features` products in T, and of what is done with it.
template <class T>
double gamma(std::int64_t features) {
  return static_cast<double>(features + 8) * static_cast<double>(std::numeric_limits<T>::epsilon());
}

/// A double as T, never below it.
template <class T>
T upwards(double x) {
  const auto step = static_cast<double>(std::numeric_limits<T>::epsilon());
  return static_cast<T>(x * (1.0 + 2.0 * step)) + std::numeric_limits<T>::min();
}

template <class T>
double distance(const Scoring<T>& a, std::int64_t i, const Scoring<T>& b, std::int64_t j,
                std::int64_t features) {
  const T* const x = a.plain.data() + i * features;
  const T* const y = b.plain.data() + j * features;
  double sum = 0.0;
  for (std::int64_t f = 0; f < features; ++f) {
    const double gap = static_cast<double>(x[f]) - static_cast<double>(y[f]);
    sum += gap * gap;
  }
  return std::sqrt(sum);
}

}  // namespace

template <class T>
void Bounds<T>::ask(AssignTask<T>& task, const Scoring<T>& scoring) {
  if (gap_.empty()) gap_ = Buffer<T>(rows_);
  task.gap = gap_.data();
  task.error = static_cast<T>(3.0 * gamma<T>(features_));
  task.square = upwards<T>(scoring.largest * scoring.largest);
}

template <class T>
void Bounds<T>::keep(double largest) {
  kept_ = true;
  longest_row_ = std::max(longest_row_, std::sqrt(largest) * (1.0 + gamma<T>(features_)));
}

template <class T>
void Bounds<T>::follow(const Scoring<T>& from, const Scoring<T>& to) {
  std::vector<double> way;
  for (std::int64_t c = 0; c < clusters_; ++c) way.push_back(distance(from, c, to, c, features_));
  std::size_t farthest = 0;
  double second = 0.0;
  for (std::size_t c = 1; c < way.size(); ++c) {
    if (way[c] > way[farthest]) {
      second = way[farthest];
      farthest = c;
    } else {
      second = std::max(second, way[c]);
    }
  }
  const auto epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  // A gap is no longer than a row and a centre together; so much may its subtraction round off.
  const double rounding = 2.0 * epsilon * (longest_row_ + std::max(from.largest, to.largest));
  loss_.clear();
  for (std::size_t c = 0; c < way.size(); ++c)
    loss_.push_back(
        upwards<T>((way[c] + (c == farthest ? second : way[farthest])) * (1.0 + 1e-9) + rounding));
  const double tiny = static_cast<double>(features_ + 8) *
                      static_cast<double>(std::numeric_limits<T>::denorm_min());
  margin_ = upwards<T>(
      2.0 * std::sqrt(gamma<T>(features_) * to.largest * (longest_row_ + to.largest) + tiny));
}

template <class T>
void Bounds<T>::know_neighbours(const Scoring<T>& scoring, const Execution& execution) {
  const auto cells = static_cast<std::size_t>(clusters_ * clusters_);
  distance_.resize(cells);
  index_.resize(cells);
  for_each_task(clusters_, for_work(execution, clusters_, clusters_ * (features_ + 20)),
                [&](std::int64_t own) {
                  std::vector<std::pair<double, std::int32_t>> to;
                  for (std::int64_t c = 0; c < clusters_; ++c)
                    to.emplace_back(c == own ? -1.0 : distance(scoring, own, scoring, c, features_),
                                    static_cast<std::int32_t>(c));
                  std::ranges::sort(to);
                  for (std::int64_t c = 0; c < clusters_; ++c) {
                    const auto& [far, index] = to[static_cast<std::size_t>(c)];
                    const auto at = static_cast<std::size_t>(own * clusters_ + c);
                    // Downwards: who is beyond reach must be so in truth.
                    distance_[at] = std::max(
                        T{0},
                        static_cast<T>(far * (1.0 - 4.0 * static_cast<double>(
                                                              std::numeric_limits<T>::epsilon()))));
                    index_[at] = index;
                  }
                });
}

template class Bounds<float>;
template class Bounds<double>;

}  // namespace tenure::segment::detail
