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
constexpr std::size_t kRate = 1;  // alpha, in every model

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

Sample sample_with_covariates(const RowKernel& model, const RepeatPurchases& p,
                              const Effects& effects, const Execution& execution) {
  require_valid(p, execution);
  if (p.rows() == 0) throw InvalidInput("frequency", -1, 0.0, "non-empty");
  require_valid(effects, model.parameters, p.rows(), execution);
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
  std::vector<std::array<double, kMostParameters>> sign;
  std::vector<std::size_t> of;

  Directions(const Effects& e, std::size_t parameters) {
    for (std::size_t c = 0; c < static_cast<std::size_t>(e.coefficients()); ++c) {
      std::array<double, kMostParameters> s{};
      for (std::size_t q = 0; q < parameters; ++q) s[q] = e.sign[parameters * c + q];
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
  Reducer(const Effects& effects, const Directions& directions, std::size_t parameters)
      : effects_(effects),
        directions_(directions),
        own_(parameters),
        n_(parameters + static_cast<std::size_t>(effects.coefficients())),
        terms_(row_terms(static_cast<int>(parameters))),
        rows_(static_cast<std::size_t>(terms_) +
              directions.sign.size() * (1 + parameters + directions.sign.size()) + 1) {
    sums_.assign(1 + n_ + n_ * (n_ + 1) / 2, 0.0);
  }

  void add(const double (*term)[kChunk], const double* w, const double (*z)[kChunk], int full) {
    double (*const t)[kChunk] = reinterpret_cast<double (*)[kChunk]>(rows_.data());
    for (int k = 0; k < terms_; ++k)
      for (int i = 0; i < full; ++i) t[k][i] = w[i] * term[k][i];
    double* const gradient = sums_.data() + 1;
    double* const hessian = gradient + n_;
    sums_[0] += sum(t[kRowValue], full);
    Row* const first = t + kRowGradient;
    Row* const second = first + own_;
    for (std::size_t q = 0; q < own_; ++q) gradient[q] += sum(first[q], full);
    for (std::size_t k = 0; k < packed(own_, 0); ++k) hessian[k] += sum(second[k], full);

    const std::size_t many = directions_.sign.size();
    Row* const slope = t + terms_;           // by direction: derivative along it
    Row* const mixed = slope + many;         // by direction and parameter
    Row* const curve = mixed + own_ * many;  // by two directions
    Row& product = *(curve + many * many);
    for (std::size_t d = 0; d < many; ++d) {
      combine(slope[d], directions_.sign[d], full, [&](std::size_t q) { return first[q]; });
      for (std::size_t p = 0; p < own_; ++p)
        combine(mixed[own_ * d + p], directions_.sign[d], full,
                [&](std::size_t q) { return second[packed(std::max(p, q), std::min(p, q))]; });
      for (std::size_t other = 0; other < many; ++other)
        combine(curve[d * many + other], directions_.sign[other], full,
                [&](std::size_t q) { return mixed[own_ * d + q]; });
    }
    for (std::size_t c = 0; c + own_ < n_; ++c) {
      const std::size_t d = directions_.of[c];
      const double* const column = z[effects_.column[c]];
      gradient[own_ + c] += dot(slope[d], column, full);
      for (std::size_t q = 0; q < own_; ++q)
        hessian[packed(own_ + c, q)] += dot(mixed[own_ * d + q], column, full);
      for (std::size_t other = 0; other <= c; ++other) {
        const double* const both = curve[d * many + directions_.of[other]];
        for (int i = 0; i < full; ++i) product[i] = both[i] * column[i];
        hessian[packed(own_ + c, own_ + other)] += dot(product, z[effects_.column[other]], full);
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
  static void combine(double* out, const std::array<double, kMostParameters>& sign, int n,
                      const Of& of) {
    for (int i = 0; i < n; ++i) out[i] = 0.0;
    for (std::size_t q = 0; q < kMostParameters; ++q)
      if (sign[q] != 0.0)
        for (int i = 0; i < n; ++i) out[i] += sign[q] * of(q)[i];
  }

  const Effects& effects_;
  const Directions& directions_;
  std::size_t own_, n_;
  int terms_;
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

/// At point = (logs of the kernel's parameters in scaled time, coefficients), from every stride-th
/// row of each frequency within a block, weighted up.
optim::Evaluation evaluate(const RowKernel& model, std::span<const double> point, const Sample& s,
                           const Effects& effects, std::int64_t stride,
                           const Execution& execution) {
  const auto own = static_cast<std::size_t>(model.parameters);
  const Directions directions(effects, own);
  const auto columns = static_cast<std::size_t>(s.columns);
  const std::size_t n = point.size();
  const auto part = [&](std::int64_t from, std::int64_t to) {
    Reducer reducer(effects, directions, own);
    alignas(64) double w[kChunk], t_x[kChunk], age[kChunk], parameter[kMostParameters][kChunk];
    alignas(64) double term[row_terms(kMostParameters)][kChunk];
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
        for (std::size_t q = 0; q < own; ++q)
          for (int i = 0; i < full; ++i) parameter[q][i] = point[q];
        for (std::size_t c = 0; c + own < n; ++c)
          for (std::size_t q = 0; q < own; ++q) {
            const double slope = directions.sign[directions.of[c]][q] * point[own + c];
            const double* const values = column[effects.column[c]];
            if (slope != 0.0)
              for (int i = 0; i < full; ++i) parameter[q][i] += slope * values[i];
          }
        for (std::size_t q = 0; q < own; ++q)
          for (int i = 0; i < full; ++i) parameter[q][i] = std::exp(parameter[q][i]);
        model.terms({rows, full, s.x[group], t_x, age, parameter}, term);
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

/// The logarithms of the kernel's parameters in scaled time.
std::vector<double> coordinates(const RowKernel& model, std::span<const double> parameters,
                                double time_scale) {
  if (std::ssize(parameters) != model.parameters)
    throw InvalidInput("parameters", -1, static_cast<double>(parameters.size()),
                       "as many as the model has");
  for (const double p : parameters)
    if (!(std::isnormal(p) && p > 0.0)) throw InvalidInput("parameters", -1, p, "finite and > 0");
  std::vector<double> u;
  for (std::size_t q = 0; q < parameters.size(); ++q)
    u.push_back(std::log(parameters[q]) + model.time[q] * std::log(time_scale));
  if (model.ratio) {
    const auto [of, over] = *model.ratio;
    u[of] = std::log(parameters[of] / parameters[over]) + model.time[of] * std::log(time_scale);
  }
  return u;
}

}  // namespace

optim::Evaluation covariate_log_likelihood(const RowKernel& model,
                                           std::span<const double> parameters,
                                           std::span<const double> coefficients,
                                           const RepeatPurchases& purchases, const Effects& effects,
                                           const Execution& execution) {
  if (std::ssize(coefficients) != effects.coefficients())
    throw InvalidInput("coefficients", -1, static_cast<double>(coefficients.size()),
                       "one for each column that counts");
  const Sample s = sample_with_covariates(model, purchases, effects, execution);
  std::vector<double> point = coordinates(model, parameters, s.time_scale);
  point.insert(point.end(), coefficients.begin(), coefficients.end());
  optim::Evaluation e = evaluate(model, point, s, effects, 1, execution);
  e.value += s.purchases * std::log(s.time_scale);
  if (model.ratio) to_parameters(e, *model.ratio);
  return e;
}

Fit fit_with_covariates(const RowKernel& model, std::span<const double> start,
                        const RepeatPurchases& purchases, const Effects& effects,
                        const ElasticOptions& options, const Execution& execution) {
  const Sample s = sample_with_covariates(model, purchases, effects, execution);
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
  std::vector<double> near = coordinates(model, start, s.time_scale), middle;
  for (std::size_t q = 0; q < near.size(); ++q) {
    scales.parameter.push_back(std::pow(s.time_scale, -model.time[q]));
    scales.penalty.push_back(std::pow(in_tenths, model.time[q]));
    near[q] = std::clamp(near[q], -8.0, 8.0);
    middle.push_back(q == kRate ? std::log(0.5 * age / rate) : model.time[q] * std::log(age));
  }
  near.resize(near.size() + static_cast<std::size_t>(effects.coefficients()), 0.0);
  middle.resize(near.size(), 0.0);
  Fit fit = maximise_elastic(mean, {near, middle}, scales, s.customers, s.rows(), options);
  if (model.ratio) to_parameters(fit, *model.ratio);
  return fit;
}

}  // namespace tenure::clv
