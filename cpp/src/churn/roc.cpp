#include "tenure/churn/roc.hpp"

#include <cmath>

#include "descending.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

void require_valid(std::span<const double> score, std::span<const std::uint8_t> label,
                   std::span<const double> weight) {
  if (label.size() != score.size())
    throw InvalidInput("label", -1, static_cast<double>(label.size()), "one a score");
  if (!weight.empty() && weight.size() != score.size())
    throw InvalidInput("weight", -1, static_cast<double>(weight.size()), "one a score");
  for (std::int64_t i = 0; i < std::ssize(score); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (!std::isfinite(score[at])) throw InvalidInput("score", i, score[at], "finite");
    if (label[at] > 1) throw InvalidInput("label", i, static_cast<double>(label[at]), "0 or 1");
    if (!weight.empty() && !(weight[at] >= 0.0 && std::isfinite(weight[at])))
      throw InvalidInput("weight", i, weight[at], "finite and >= 0");
  }
}

}  // namespace

RocPoints roc_points(std::span<const double> score, std::span<const std::uint8_t> label,
                     std::span<const double> weight, const Execution& execution) {
  require_valid(score, label, weight);
  const Buffer<KeyedRow> rows = descending(score, execution);
  RocPoints points;
  double positives = 0.0, negatives = 0.0;
  each_run(rows, execution, [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t k = from; k < to; ++k) {
      const auto row = static_cast<std::size_t>(rows[k].row);
      (label[row] != 0 ? positives : negatives) += weight.empty() ? 1.0 : weight[row];
    }
    points.threshold.push_back(score_of(rows[from].key));
    points.positives.push_back(positives);
    points.negatives.push_back(negatives);
  });
  return points;
}

std::vector<std::int64_t> roc_hull(std::span<const double> positives,
                                   std::span<const double> negatives) {
  if (positives.size() != negatives.size())
    throw InvalidInput("negatives", -1, static_cast<double>(negatives.size()), "one a point");
  const auto x = [&](std::int64_t k) {
    return k < 0 ? 0.0 : negatives[static_cast<std::size_t>(k)];
  };
  const auto y = [&](std::int64_t k) {
    return k < 0 ? 0.0 : positives[static_cast<std::size_t>(k)];
  };
  std::vector<std::int64_t> hull{-1};
  for (std::int64_t k = 0; k < std::ssize(positives); ++k) {
    while (hull.size() > 1) {
      const std::int64_t a = hull[hull.size() - 2], b = hull.back();
      // Below or on the line from a to k, b is no corner.
      if ((y(b) - y(a)) * (x(k) - x(a)) > (y(k) - y(a)) * (x(b) - x(a))) break;
      hull.pop_back();
    }
    if (x(k) == x(hull.back()) && y(k) == y(hull.back())) continue;
    hull.push_back(k);
  }
  return hull;
}

Buffer<double> roc_placements(std::span<const double> score, std::span<const std::uint8_t> label,
                              const Execution& execution) {
  require_valid(score, label, {});
  double positives = 0.0;
  for (const std::uint8_t one : label) positives += one;
  const double negatives = static_cast<double>(score.size()) - positives;
  if (positives == 0.0 || negatives == 0.0)
    throw InvalidInput("label", -1, positives, "of both classes: 0 and 1");
  const Buffer<KeyedRow> rows = descending(score, execution);
  Buffer<double> placement(rows.size());
  double positives_above = 0.0, negatives_above = 0.0;
  const auto of = [&](std::int64_t k) { return label[static_cast<std::size_t>(rows[k].row)]; };
  each_run(rows, execution, [&](std::int64_t from, std::int64_t to) {
    double p = 0.0;
    for (std::int64_t k = from; k < to; ++k) p += of(k);
    const double n = static_cast<double>(to - from) - p;
    const double of_positives = (negatives - negatives_above - 0.5 * n) / negatives;
    const double of_negatives = (positives_above + 0.5 * p) / positives;
    for (std::int64_t k = from; k < to; ++k)
      placement[rows[k].row] = of(k) != 0 ? of_positives : of_negatives;
    positives_above += p;
    negatives_above += n;
  });
  return placement;
}

}  // namespace tenure::churn
