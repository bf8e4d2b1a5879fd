#include "tenure/segment/validity.hpp"

#include <cmath>
#include <limits>

#include "labelled_rows.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::segment {
namespace {

double squared_distance(const double* a, const double* b, std::int64_t features) {
  double sum = 0.0;
  for (std::int64_t j = 0; j < features; ++j) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

struct Spread {
  double square = 0.0;
  double distance = 0.0;
  Spread& operator+=(const Spread& other) {
    square += other.square;
    distance += other.distance;
    return *this;
  }
};

}  // namespace

template <class T>
Validity validity(const Points<T>& points, const Labelling& labelling, const Execution& execution) {
  const detail::LabelledRows rows = detail::labelled_rows(points, labelling, 1, execution);
  const std::int64_t d = rows.features, k = rows.clusters();
  const auto n = static_cast<double>(rows.rows);
  const std::vector<double> centre = detail::centres(rows, execution);
  const auto of = [&](std::int64_t c) { return centre.data() + c * d; };

  std::vector<Spread> spread(static_cast<std::size_t>(k));
  for_each_task(k, execution, [&](std::int64_t c) {
    const std::int64_t first = rows.first[static_cast<std::size_t>(c)];
    spread[static_cast<std::size_t>(c)] = block_reduce(
        rows.size(c), Execution{1, execution.interrupt}, Spread{},
        [&](std::int64_t from, std::int64_t to) {
          Spread part;
          for (std::int64_t i = first + from; i < first + to; ++i) {
            const double square = squared_distance(rows.at(i), of(c), d);
            part += {square, std::sqrt(square)};
          }
          return part;
        },
        1024);
  });

  Validity result{centre,
                  {},
                  {},
                  0.0,
                  std::numeric_limits<double>::quiet_NaN(),
                  std::numeric_limits<double>::quiet_NaN()};
  double within = 0.0, between = 0.0;
  // About the first centre, so that the mean keeps its digits far from the origin.
  std::vector<double> mean(static_cast<std::size_t>(d));
  for (std::int64_t c = 0; c < k; ++c) {
    const auto size = static_cast<double>(rows.size(c));
    const Spread& s = spread[static_cast<std::size_t>(c)];
    within += s.square;
    result.size.push_back(rows.size(c));
    result.mean_distance.push_back(std::ldexp(s.distance / size, rows.scale));
    for (std::int64_t j = 0; j < d; ++j)
      mean[static_cast<std::size_t>(j)] += size / n * (of(c)[j] - of(0)[j]);
  }
  for (std::int64_t j = 0; j < d; ++j) mean[static_cast<std::size_t>(j)] += of(0)[j];
  for (std::int64_t c = 0; c < k; ++c)
    between += static_cast<double>(rows.size(c)) * squared_distance(of(c), mean.data(), d);
  result.log_within = std::log(within) + 2.0 * rows.scale * std::log(2.0);
  for (double& cell : result.centre) cell = std::ldexp(cell, rows.scale);
  if (k == 1) return result;

  const auto groups = static_cast<double>(k);
  result.calinski_harabasz =
      within > 0.0 ? between / (groups - 1.0) / (within / (n - groups)) : 1.0;

  std::vector<double> worst(static_cast<std::size_t>(k));
  for_each_task(k, execution, [&](std::int64_t c) {
    const auto near = [&](std::int64_t e) {
      const Spread& s = spread[static_cast<std::size_t>(e)];
      return s.distance / static_cast<double>(rows.size(e));
    };
    double largest = 0.0;
    for (std::int64_t e = 0; e < k; ++e) {
      if (e % 1024 == 0) execution.poll();
      const double reach = near(c) + near(e);
      if (e == c || reach == 0.0) continue;
      largest = std::max(largest, reach / std::sqrt(squared_distance(of(c), of(e), d)));
    }
    worst[static_cast<std::size_t>(c)] = largest;
  });
  result.davies_bouldin = 0.0;
  for (const double w : worst) result.davies_bouldin += w / groups;
  return result;
}

template Validity validity(const Points<float>&, const Labelling&, const Execution&);
template Validity validity(const Points<double>&, const Labelling&, const Execution&);

}  // namespace tenure::segment
