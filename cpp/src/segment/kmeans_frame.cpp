#include "kmeans_frame.hpp"

#include <cmath>
#include <limits>
#include <string>

#include "tenure/support/errors.hpp"

namespace tenure::segment::detail {
namespace {

template <class T>
void throw_bad_cell(const Points<T>& points, std::int64_t first, std::int64_t last) {
  const std::int64_t d = points.features;
  for (std::int64_t i = first * d; i < last * d; ++i) {
    const T x = points.values[static_cast<std::size_t>(i)];
    if (!std::isfinite(x))
      throw InvalidInput("X", i / d,
                         "column " + std::to_string(i % d) + " must be finite, got " +
                             (std::isnan(x) ? "NaN"
                              : x > 0       ? "inf"
                                            : "-inf"));
  }
}

struct Partial {
  std::vector<double> mean;  // empty: no rows yet
  double rows = 0.0;
  double square = 0.0;  // sum over all cells of the squared deviation from the mean
  double peak = 0.0;

  // [Chan, Golub & LeVeque 1983, Am. Stat. 37:242, eq. 2.1]
  Partial& operator+=(const Partial& other) {
    if (rows == 0.0) return *this = other;
    const double total = rows + other.rows;
    for (std::size_t j = 0; j < mean.size(); ++j) {
      const double gap = other.mean[j] - mean[j];
      square += gap * gap * (rows / total * other.rows);
      mean[j] += gap * (other.rows / total);
    }
    square += other.square;
    rows = total;
    peak = std::max(peak, other.peak);
    return *this;
  }
};

}  // namespace

template <class T>
double require_valid(const Points<T>& points) {
  if (points.features <= 0)
    throw InvalidInput("X", -1, static_cast<double>(points.features), "of at least one column");
  if (points.values.empty() || std::ssize(points.values) % points.features != 0)
    throw InvalidInput("X", -1, static_cast<double>(points.values.size()),
                       "of at least one row, each with every column");
  if (!points.weight) return static_cast<double>(points.rows());
  const auto weight = *points.weight;
  if (std::ssize(weight) != points.rows())
    throw InvalidInput("sample_weight", -1, static_cast<double>(weight.size()), "as long as X");
  double total = 0.0;
  for (std::size_t i = 0; i < weight.size(); ++i) {
    if (!(std::isfinite(weight[i]) && weight[i] >= 0.0))
      throw InvalidInput("sample_weight", static_cast<std::int64_t>(i), weight[i],
                         "finite and >= 0");
    total += weight[i];
  }
  if (total == 0.0) throw InvalidInput("sample_weight", -1, "must not be zero in every row");
  if (!std::isfinite(total)) throw InvalidInput("sample_weight", -1, total, "of a finite total");
  return total;
}

template <class T>
Moments moments(const Points<T>& points, const Execution& execution) {
  const std::int64_t d = points.features;
  const auto lanes = static_cast<std::size_t>(8 * d);
  // Both looks at a block find it in the cache.
  const std::int64_t block_rows = std::clamp<std::int64_t>(16'384 / d / 8 * 8, 64, kBlockRows);
  const Partial total = block_reduce(
      points.rows(), for_work(execution, points.rows(), d), Partial{},
      [&](std::int64_t first, std::int64_t last) {
        const T* const values = points.values.data() + first * d;
        const auto rows = static_cast<double>(last - first);
        std::vector<double> sum(lanes), extra(lanes), centre(lanes);
        add_totals(values, last - first, d, sum.data(), extra.data());
        Partial p{std::vector<double>(static_cast<std::size_t>(d)), rows};
        bool finite = true;
        for (std::size_t j = 0; j < p.mean.size(); ++j) {
          double feature = 0.0;
          for (std::size_t l = j; l < lanes; l += p.mean.size()) {
            feature += sum[l];
            p.peak = std::max(p.peak, extra[l]);
          }
          finite &= std::isfinite(feature);
          for (std::size_t l = j; l < lanes; l += p.mean.size()) centre[l] = feature / rows;
        }
        if (!finite) throw_bad_cell(points, first, last);
        sum.assign(lanes, 0.0);
        extra.assign(lanes, 0.0);
        add_moments(values, last - first, d, centre.data(), sum.data(), extra.data());
        for (std::size_t j = 0; j < p.mean.size(); ++j) {
          double residue = 0.0;  // what rounding left of the sum of deviations
          for (std::size_t l = j; l < lanes; l += p.mean.size()) {
            residue += sum[l];
            p.square += extra[l];
          }
          p.mean[j] = centre[j] + residue / rows;
        }
        return p;
      },
      block_rows);
  return {total.mean, total.square / total.rows / static_cast<double>(d), total.peak};
}

template <class T>
void require_in_range(const char* argument, double peak, std::int64_t features,
                      double total_weight) {
  // A deviation is at most 2 peak for a point and as much for a centre.
  const double squared = 16.0 * static_cast<double>(features) * peak * peak;
  if (!(squared < static_cast<double>(std::numeric_limits<T>::max())))
    throw InvalidInput(argument, -1, peak,
                       sizeof(T) == 4 ? "small enough for squared distances in float32"
                                      : "small enough for squared distances in float64");
  if (!std::isfinite(squared * total_weight))
    throw InvalidInput(argument, -1, peak, "small enough for their weighted sum");
}

Execution for_work(const Execution& execution, std::int64_t rows, std::int64_t multiply_adds) {
  // 2^21 of these rough units take about as long as starting a thread ten times.
  const bool worth_it = rows > 0 && multiply_adds + 16 > (std::int64_t{1} << 21) / rows;
  return {worth_it ? execution.threads : 1, execution.interrupt};
}

template double require_valid(const Points<float>&);
template double require_valid(const Points<double>&);
template Moments moments(const Points<float>&, const Execution&);
template Moments moments(const Points<double>&, const Execution&);
template void require_in_range<float>(const char*, double, std::int64_t, double);
template void require_in_range<double>(const char*, double, std::int64_t, double);

}  // namespace tenure::segment::detail
