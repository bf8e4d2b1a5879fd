#include "tenure/clv/covariates.hpp"

#include <algorithm>
#include <cmath>

#include "covariate_patterns.hpp"
#include "covariate_rows.hpp"
#include "hash_sums.hpp"
#include "tenure/clv/frequency_groups.hpp"
#include "tenure/support/clones.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {
namespace {

constexpr int kChunk = kRowChunk;
constexpr std::int64_t kBlock = 2048;

/// Customers by ascending frequency, in scaled time; equal ones merged where few patterns of
/// covariates make that likely.
struct Sample {
  double customers = 0.0, purchases = 0.0, mean_age = 0.0, longest = 0.0, time_scale = 1.0;
  std::vector<double> x;
  std::vector<std::int64_t> first;
  Buffer<RepeatTimes> times;
  Buffer<double> weight;
  Buffer<std::int64_t> pattern;  ///< row of the design
  Buffer<double> own_design;     ///< in the order of the rows, where hardly two are alike
  std::vector<double> few_design;
  std::int64_t columns = 0;

  const double* design() const {
    return few_design.empty() ? own_design.data() : few_design.data();
  }
  std::int64_t rows() const { return first.back(); }
};

struct Key {
  double recency, age;
  std::int64_t pattern;
  bool operator==(const Key&) const = default;
};
struct HashKey {
  std::uint64_t operator()(const Key& k) const {
    const auto recency = std::bit_cast<std::uint64_t>(k.recency);
    const auto age = std::bit_cast<std::uint64_t>(k.age);
    return ((recency ^ (recency >> 32)) * 0xff51afd7ed558ccdu + (age ^ (age >> 32)) +
            static_cast<std::uint64_t>(k.pattern) * 0xc4ceb9fe1a85ec53u) *
           0x9e3779b97f4a7c15u;
  }
};

void merge_equal_rows(Sample& s, const Execution& execution) {
  using Table = HashSums<Key, double, HashKey>;
  const std::int64_t groups = std::ssize(s.x);
  std::vector<std::vector<Table::Entry>> merged(static_cast<std::size_t>(groups));
  for_each_task(groups, execution, [&](std::int64_t g) {
    Table table(256);
    for (std::int64_t i = s.first[g]; i < s.first[g + 1]; ++i) {
      if (((i - s.first[g]) & 65'535) == 65'535) execution.poll();
      table[{s.times[i].recency, s.times[i].age, s.pattern[i]}] += s.weight[i];
    }
    merged[static_cast<std::size_t>(g)] = table.entries();
  });
  std::int64_t end = 0;
  for (std::int64_t g = 0; g < groups; ++g) {
    s.first[g] = end;
    for (const auto& row : merged[static_cast<std::size_t>(g)]) {
      s.times[end] = {row.key.recency, row.key.age};
      s.pattern[end] = row.key.pattern;
      s.weight[end++] = row.sums;
    }
  }
  s.first[groups] = end;
}

Sample sample_with_covariates(const RepeatPurchases& p, const Effects& effects,
                              const Execution& execution) {
  require_valid(p, execution);
  if (p.rows() == 0) throw InvalidInput("frequency", -1, 0.0, "non-empty");
  require_valid(effects, p.rows(), execution);
  const std::int64_t rows = p.rows(), columns = effects.columns;
  const auto weight_of = [&](std::int64_t i) { return p.weight ? (*p.weight)[i] : 1.0; };

  Sample s;
  s.columns = columns;
  double age = 0.0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const double w = weight_of(i);
    s.customers += w;
    s.purchases += w * p.frequency[i];
    s.longest = std::max(s.longest, p.age[i]);
  }
  if (!(s.customers > 0.0))
    throw InvalidInput("weight", -1, s.customers, "greater than 0 in at least one row");
  if (!std::isfinite(s.customers) || !std::isfinite(s.purchases))
    throw InvalidInput("weight", -1, s.purchases, "such that sums over the rows are finite");
  if (s.longest > 0.0)
    s.time_scale = std::ldexp(1.0, -std::clamp(std::ilogb(s.longest), -1000, 1000));
  s.longest *= s.time_scale;
  for (std::int64_t i = 0; i < rows; ++i) age += weight_of(i) * (p.age[i] * s.time_scale);
  s.mean_age = age / s.customers;

  const auto patterns = few_patterns(effects, std::max<std::int64_t>(1, rows / 4), execution);
  s.times = Buffer<RepeatTimes>(rows);
  s.weight = Buffer<double>(rows);
  s.pattern = Buffer<std::int64_t>(rows);
  if (!patterns) s.own_design = Buffer<double>(rows * columns);
  auto groups =
      group_by_frequency(p.frequency, 0.0, execution, [&](std::int64_t row, std::int64_t at) {
        s.times[at] = {p.recency[row] * s.time_scale, p.age[row] * s.time_scale};
        s.weight[at] = weight_of(row);
        s.pattern[at] = patterns ? patterns->of[row] : at;
        if (!patterns)
          std::copy_n(effects.design.data() + row * columns, columns,
                      s.own_design.data() + at * columns);
      });
  s.x = std::move(groups.x);
  s.first = std::move(groups.first);
  if (patterns) {
    for (const std::int64_t row : patterns->first)
      for (std::int64_t j = 0; j < columns; ++j)
        s.few_design.push_back(effects.design[row * columns + j]);
    merge_equal_rows(s, execution);
  }
  return s;
}

/// The distinct rows of `Effects::sign`, and which one each coefficient has.
struct Directions {
  std::vector<std::array<double, 4>> sign;
  std::vector<std::size_t> of;

  explicit Directions(const Effects& e) {
    for (std::int64_t c = 0; c < e.coefficients(); ++c) {
      std::array<double, 4> s;
      for (std::size_t q = 0; q < 4; ++q) s[q] = e.sign[4 * static_cast<std::size_t>(c) + q];
      const auto found = std::ranges::find(sign, s);
      of.push_back(static_cast<std::size_t>(found - sign.begin()));
      if (found == sign.end()) sign.push_back(s);
    }
  }
};

std::size_t packed(std::size_t i, std::size_t j) { return i * (i + 1) / 2 + j; }  // i >= j

using Row = double[kChunk];

/// Weighted sums of the terms, and of their products with the columns of the design.
class Reducer {
 public:
  Reducer(const Effects& effects, const Directions& directions)
      : effects_(effects),
        directions_(directions),
        n_(4 + static_cast<std::size_t>(effects.coefficients())),
        rows_(15 + directions.sign.size() * (5 + directions.sign.size()) + 1) {
    sums_.assign(1 + n_ + n_ * (n_ + 1) / 2, 0.0);
  }

  void add(const double (*term)[kChunk], const double* w, const double (*z)[kChunk], int full) {
    double (*const t)[kChunk] = reinterpret_cast<double (*)[kChunk]>(rows_.data());
    for (int k = 0; k < kRowTerms; ++k)
      for (int i = 0; i < full; ++i) t[k][i] = w[i] * term[k][i];
    double* const gradient = sums_.data() + 1;
    double* const hessian = gradient + n_;
    sums_[0] += sum(t[kRowValue], full);
    for (std::size_t q = 0; q < 4; ++q) gradient[q] += sum(t[kRowGradient + q], full);
    for (std::size_t k = 0; k < 10; ++k) hessian[k] += sum(t[kRowHessian + k], full);

    const std::size_t many = directions_.sign.size();
    Row* const slope = t + 15;            // by direction: derivative along it
    Row* const mixed = slope + many;      // by direction and parameter
    Row* const curve = mixed + 4 * many;  // by two directions
    Row& product = *(curve + many * many);
    for (std::size_t d = 0; d < many; ++d) {
      combine(slope[d], directions_.sign[d], full,
              [&](std::size_t q) { return t[kRowGradient + q]; });
      for (std::size_t p = 0; p < 4; ++p)
        combine(mixed[4 * d + p], directions_.sign[d], full, [&](std::size_t q) {
          return t[kRowHessian + packed(std::max(p, q), std::min(p, q))];
        });
      for (std::size_t other = 0; other < many; ++other)
        combine(curve[d * many + other], directions_.sign[other], full,
                [&](std::size_t q) { return mixed[4 * d + q]; });
    }
    for (std::size_t c = 0; c + 4 < n_; ++c) {
      const std::size_t d = directions_.of[c];
      const double* const column = z[effects_.column[c]];
      gradient[4 + c] += dot(slope[d], column, full);
      for (std::size_t q = 0; q < 4; ++q)
        hessian[packed(4 + c, q)] += dot(mixed[4 * d + q], column, full);
      for (std::size_t other = 0; other <= c; ++other) {
        const double* const second = curve[d * many + directions_.of[other]];
        for (int i = 0; i < full; ++i) product[i] = second[i] * column[i];
        hessian[packed(4 + c, 4 + other)] += dot(product, z[effects_.column[other]], full);
      }
    }
  }

  const std::vector<double>& sums() const { return sums_; }

 private:
  struct alignas(64) Line {
    double value[kChunk];
  };

  static double total(const double* lane) {
    return ((lane[0] + lane[1]) + (lane[2] + lane[3])) +
           ((lane[4] + lane[5]) + (lane[6] + lane[7]));
  }
  static double sum(const double* a, int n) {
    double lane[kRowLanes] = {};
    for (int i = 0; i < n; i += kRowLanes)
      for (int l = 0; l < kRowLanes; ++l) lane[l] += a[i + l];
    return total(lane);
  }
  static double dot(const double* a, const double* b, int n) {
    double lane[kRowLanes] = {};
    for (int i = 0; i < n; i += kRowLanes)
      for (int l = 0; l < kRowLanes; ++l) lane[l] += a[i + l] * b[i + l];
    return total(lane);
  }
  template <class Of>
  static void combine(double* out, const std::array<double, 4>& sign, int n, const Of& of) {
    for (int i = 0; i < n; ++i) out[i] = 0.0;
    for (std::size_t q = 0; q < 4; ++q)
      if (sign[q] != 0.0)
        for (int i = 0; i < n; ++i) out[i] += sign[q] * of(q)[i];
  }

  const Effects& effects_;
  const Directions& directions_;
  std::size_t n_;
  std::vector<Line> rows_;
  std::vector<double> sums_;
};

struct Sums {
  std::vector<double> of;
  Sums& operator+=(const Sums& other) {
    for (std::size_t k = 0; k < of.size(); ++k) of[k] += other.of[k];
    return *this;
  }
};

/// At point = (logs of the four parameters in scaled time, coefficients), from every stride-th row
/// of each frequency within a block, weighted up.
optim::Evaluation evaluate(const RowKernel& model, std::span<const double> point, const Sample& s,
                           const Effects& effects, std::int64_t stride,
                           const Execution& execution) {
  const Directions directions(effects);
  const auto columns = static_cast<std::size_t>(s.columns);
  const std::size_t n = point.size();
  const auto part = [&](std::int64_t from, std::int64_t to) {
    Reducer reducer(effects, directions);
    alignas(64) double w[kChunk], t_x[kChunk], age[kChunk], parameter[4][kChunk];
    alignas(64) double term[kRowTerms][kChunk];
    std::vector<double> z(columns * kChunk);
    double (*const column)[kChunk] = reinterpret_cast<double (*)[kChunk]>(z.data());
    auto group = static_cast<std::size_t>(std::upper_bound(s.first.begin(), s.first.end(), from) -
                                          s.first.begin() - 1);
    for (; from < to; ++group) {
      const std::int64_t end = std::min(to, s.first[group + 1]);
      const auto seen = static_cast<double>((end - from + stride - 1) / stride);
      const double factor = static_cast<double>(end - from) / seen;
      for (; from < end; from += kChunk * stride) {
        const int rows =
            static_cast<int>(std::min<std::int64_t>(kChunk, (end - from + stride - 1) / stride));
        const int full = (rows + kRowLanes - 1) / kRowLanes * kRowLanes;
        for (int i = 0; i < full; ++i) {
          // The last lanes repeat a row, with a weight of 0.
          const std::int64_t row = from + std::min(i, rows - 1) * stride;
          t_x[i] = s.times[row].recency;
          age[i] = s.times[row].age;
          w[i] = i < rows ? factor * s.weight[row] : 0.0;
          const double* const values = s.design() + s.pattern[row] * s.columns;
          for (std::size_t j = 0; j < columns; ++j) column[j][i] = values[j];
        }
        for (std::size_t q = 0; q < 4; ++q)
          for (int i = 0; i < full; ++i) parameter[q][i] = point[q];
        for (std::size_t c = 0; c + 4 < n; ++c)
          for (std::size_t q = 0; q < 4; ++q) {
            const double slope = directions.sign[directions.of[c]][q] * point[4 + c];
            const double* const values = column[effects.column[c]];
            if (slope != 0.0)
              for (int i = 0; i < full; ++i) parameter[q][i] += slope * values[i];
          }
        for (auto& logs : parameter)
          for (int i = 0; i < full; ++i) logs[i] = std::exp(logs[i]);
        model.terms({full, s.x[group], t_x, age, parameter}, term);
        reducer.add(term, w, column, full);
      }
      from = end;
    }
    return Sums{reducer.sums()};
  };
  const Sums zero{std::vector<double>(1 + n + n * (n + 1) / 2, 0.0)};
  const Sums sums = block_reduce(s.rows(), execution, zero, part, kBlock);

  optim::Evaluation e;
  e.value = sums.of[0];
  e.gradient.assign(sums.of.begin() + 1, sums.of.begin() + 1 + static_cast<std::ptrdiff_t>(n));
  e.hessian.resize(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j)
      e.hessian[i * n + j] = e.hessian[j * n + i] = sums.of[1 + n + packed(i, j)];
  return e;
}

void require_parameters(std::span<const double> parameters) {
  if (parameters.size() != 4)
    throw InvalidInput("parameters", -1, static_cast<double>(parameters.size()), "four");
  for (const double p : parameters)
    if (!(std::isnormal(p) && p > 0.0)) throw InvalidInput("parameters", -1, p, "finite and > 0");
}

}  // namespace

optim::Evaluation covariate_log_likelihood(const RowKernel& model,
                                           std::span<const double> parameters,
                                           std::span<const double> coefficients,
                                           const RepeatPurchases& purchases, const Effects& effects,
                                           const Execution& execution) {
  require_parameters(parameters);
  if (std::ssize(coefficients) != effects.coefficients())
    throw InvalidInput("coefficients", -1, static_cast<double>(coefficients.size()),
                       "one for each column that counts");
  const Sample s = sample_with_covariates(purchases, effects, execution);
  std::vector<double> point;
  for (std::size_t q = 0; q < 4; ++q)
    point.push_back(std::log(parameters[q]) + (model.is_time[q] ? std::log(s.time_scale) : 0.0));
  point.insert(point.end(), coefficients.begin(), coefficients.end());
  optim::Evaluation e = evaluate(model, point, s, effects, 1, execution);
  e.value += s.purchases * std::log(s.time_scale);
  return e;
}

Fit fit_with_covariates(const RowKernel& model, std::span<const double> start,
                        const RepeatPurchases& purchases, const Effects& effects,
                        const ElasticOptions& options, const Execution& execution) {
  require_parameters(start);
  const Sample s = sample_with_covariates(purchases, effects, execution);
  const auto mean = [&](std::span<const double> point, std::int64_t stride) {
    optim::Evaluation e = evaluate(model, point, s, effects, stride, execution);
    const double factor = -1.0 / s.customers;
    e.value *= factor;
    for (double& g : e.gradient) g *= factor;
    for (double& h : e.hessian) h *= factor;
    return e;
  };

  const double age = s.mean_age > 0.0 ? s.mean_age : 1.0;
  const double rate = 1.5 * std::max(s.purchases, 1e-3 * s.customers) / s.customers;
  const double in_tenths = s.longest > 0.0 ? 10.0 / s.longest : 1.0;
  ModelScales scales{
      .parameter = {}, .penalty = {}, .log_likelihood_shift = s.purchases * std::log(s.time_scale)};
  std::vector<double> near, middle;
  for (std::size_t q = 0; q < 4; ++q) {
    const bool time = model.is_time[q];
    scales.parameter.push_back(time ? 1.0 / s.time_scale : 1.0);
    scales.penalty.push_back(time ? in_tenths : 1.0);
    near.push_back(
        std::clamp(std::log(start[q]) + (time ? std::log(s.time_scale) : 0.0), -8.0, 8.0));
    middle.push_back(q == 1 ? std::log(0.5 * age / rate) : time ? std::log(age) : 0.0);
  }
  const auto coefficients = static_cast<std::size_t>(effects.coefficients());
  near.resize(4 + coefficients, 0.0);
  middle.resize(4 + coefficients, 0.0);
  return maximise_elastic(mean, {near, middle}, scales, s.customers, s.rows(), options);
}

}  // namespace tenure::clv
