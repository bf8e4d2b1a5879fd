#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "tenure/clv/covariates.hpp"
#include "tenure/clv/delta.hpp"
#include "tenure/clv/repeat_purchases.hpp"
#include "tenure/support/buffer.hpp"
#include "tenure/support/parallel.hpp"

/// Predictions for customers each of whom has own parameters, by the kernels that know one set of
/// parameters: called once for each set of customers who are alike in all covariates.
namespace tenure::clv {

/// How many parameters a model has.
template <class Model>
inline constexpr std::size_t kParameters = sizeof(typename Model::Parameters) / sizeof(double);

/// The customers, grouped by equal covariates where there are few patterns; otherwise one group
/// each, in the order in which they came.
class CustomerGroups {
 public:
  /// Throws InvalidInput as `require_valid` of the effects does. O(rows columns).
  CustomerGroups(const Effects& effects, std::size_t parameters, std::int64_t rows,
                 const Execution& execution);

  std::int64_t rows() const { return rows_; }
  std::int64_t groups() const { return first_.empty() ? rows_ : std::ssize(first_) - 1; }
  std::int64_t begin(std::int64_t group) const { return first_.empty() ? group : first_[group]; }
  std::int64_t row(std::int64_t position) const {
    return order_.empty() ? position : order_[position];
  }
  bool in_order() const { return order_.empty(); }

  /// Parameters of the customers of a group, and zeros behind them. Throws InvalidInput naming a
  /// row of theirs where one is no positive number.
  std::array<double, kMostParameters> parameters(std::int64_t group,
                                                 std::span<const double> parameters,
                                                 std::span<const double> coefficients) const;

  /// The column in the order of the groups.
  Buffer<double> gathered(std::span<const double> column) const;

 private:
  Effects effects_;
  std::size_t parameters_;
  std::int64_t rows_;
  std::vector<std::int64_t> first_, order_;
};

/// Calls body(group, execution for it) for all groups: few of them one by one with all the threads,
/// many of them at once.
template <class Body>
void for_each_group(const CustomerGroups& customers, const Execution& execution, const Body& body) {
  const std::int64_t groups = customers.groups();
  if (customers.rows() / std::max<std::int64_t>(groups, 1) >= 4096) {
    for (std::int64_t g = 0; g < groups; ++g) body(g, execution);
    return;
  }
  const Execution alone{1, execution.interrupt};
  for_each_block(
      groups, execution,
      [&](std::int64_t, std::int64_t from, std::int64_t to) {
        for (std::int64_t g = from; g < to; ++g) body(g, alone);
      },
      64);
}

template <class Model>
typename Model::Parameters as_parameters(const std::array<double, kMostParameters>& values) {
  typename Model::Parameters p;
  static_assert(sizeof p <= sizeof values && std::is_trivially_copyable_v<decltype(p)>);
  std::memcpy(&p, values.data(), sizeof p);
  return p;
}

/// `width` predictions a customer, by customers: `predict(parameters, purchases, extra, execution)`
/// for each group, where `extra` is one more number a customer, if there are any. Throws what it
/// throws, and InvalidInput for rows as `require_valid` does.
template <class Model, class Predict>
Buffer<double> predict_customers(const CustomerGroups& customers,
                                 std::span<const double> parameters,
                                 std::span<const double> coefficients,
                                 const RepeatPurchases& purchases, std::span<const double> extra,
                                 std::int64_t width, const Execution& execution,
                                 const Predict& predict) {
  require_valid(purchases, execution);
  std::array<Buffer<double>, 4> own;
  RepeatPurchases by_group{purchases.frequency, purchases.recency, purchases.age};
  if (!customers.in_order()) {
    own = {customers.gathered(purchases.frequency), customers.gathered(purchases.recency),
           customers.gathered(purchases.age), Buffer<double>()};
    by_group = {own[0].span(), own[1].span(), own[2].span()};
    if (!extra.empty()) {
      own[3] = customers.gathered(extra);
      extra = own[3].span();
    }
  }
  Buffer<double> out(purchases.rows() * width);
  for_each_group(customers, execution, [&](std::int64_t g, const Execution& inner) {
    const auto from = static_cast<std::size_t>(customers.begin(g));
    const auto n = static_cast<std::size_t>(customers.begin(g + 1)) - from;
    const RepeatPurchases rows{by_group.frequency.subspan(from, n),
                               by_group.recency.subspan(from, n), by_group.age.subspan(from, n)};
    const auto at = as_parameters<Model>(customers.parameters(g, parameters, coefficients));
    const Buffer<double> values =
        predict(at, rows, extra.empty() ? extra : extra.subspan(from, n), inner);
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(n); ++i)
      for (std::int64_t k = 0; k < width; ++k)
        out[customers.row(static_cast<std::int64_t>(from) + i) * width + k] = values[i * width + k];
  });
  return out;
}

/// One prediction a customer: `predict(parameters, purchases, execution)` for each group.
template <class Model, class Predict>
Buffer<double> predict_customers(const CustomerGroups& customers,
                                 std::span<const double> parameters,
                                 std::span<const double> coefficients,
                                 const RepeatPurchases& purchases, const Execution& execution,
                                 const Predict& predict) {
  return predict_customers<Model>(
      customers, parameters, coefficients, purchases, {}, 1, execution,
      [&](const auto& at, const RepeatPurchases& rows, std::span<const double>,
          const Execution& inner) { return predict(at, rows, inner); });
}

/// `width` numbers a customer that depend on the parameters only, by customers:
/// `predict(parameters, execution)` for each group.
template <class Model, class Predict>
Buffer<double> predict_new_customers(const CustomerGroups& customers,
                                     std::span<const double> parameters,
                                     std::span<const double> coefficients, std::int64_t width,
                                     const Execution& execution, const Predict& predict) {
  Buffer<double> out(customers.rows() * width);
  for_each_group(customers, execution, [&](std::int64_t g, const Execution& inner) {
    const auto at = as_parameters<Model>(customers.parameters(g, parameters, coefficients));
    const Buffer<double> values = predict(at, inner);
    for (std::int64_t i = customers.begin(g); i < customers.begin(g + 1); ++i)
      for (std::int64_t k = 0; k < width; ++k) out[customers.row(i) * width + k] = values[k];
  });
  return out;
}

/// Sums of `frequencies` + 1 numbers over customers, each over an own T: `count(parameters, T,
/// weight, execution)` for each group, added up in the order of the groups.
template <class Model, class Count>
std::vector<double> count_customers(const CustomerGroups& customers,
                                    std::span<const double> parameters,
                                    std::span<const double> coefficients,
                                    std::span<const double> age,
                                    std::optional<std::span<const double>> weight,
                                    std::int64_t frequencies, const Execution& execution,
                                    const Count& count) {
  require_valid_ages(age, weight, execution);
  const Buffer<double> ages = customers.gathered(age);
  const Buffer<double> weights = weight ? customers.gathered(*weight) : Buffer<double>(0);
  const std::int64_t width = frequencies + 1;
  Buffer<double> of_group(customers.groups() * width);
  for_each_group(customers, execution, [&](std::int64_t g, const Execution& inner) {
    const auto from = static_cast<std::size_t>(customers.begin(g));
    const auto n = static_cast<std::size_t>(customers.begin(g + 1)) - from;
    std::optional<std::span<const double>> own;
    if (weight) own = std::as_const(weights).span().subspan(from, n);
    const auto at = as_parameters<Model>(customers.parameters(g, parameters, coefficients));
    const auto values = count(at, std::as_const(ages).span().subspan(from, n), own, inner);
    for (std::int64_t k = 0; k < width; ++k)
      of_group[g * width + k] = values[static_cast<std::size_t>(k)];
  });
  std::vector<double> sums(static_cast<std::size_t>(width), 0.0);
  for (std::int64_t g = 0; g < customers.groups(); ++g)
    for (std::int64_t k = 0; k < width; ++k)
      sums[static_cast<std::size_t>(k)] += of_group[g * width + k];
  return sums;
}

/// Standard errors of predictions from the covariance of the logarithms of the parameters and of
/// the coefficients: `delta_method`, with e^change in place of each coefficient.
template <class Predict>
Estimates delta_with_coefficients(std::span<const double> parameters,
                                  std::span<const double> coefficients,
                                  std::span<const double> covariance, Scale scale,
                                  const Execution& execution, const Predict& predict) {
  std::vector<double> point(parameters.begin(), parameters.end());
  point.resize(parameters.size() + coefficients.size(), 1.0);
  return delta_method(
      point, covariance, scale,
      [&](std::span<const double> moved) {
        std::vector<double> at(coefficients.begin(), coefficients.end());
        for (std::size_t c = 0; c < at.size(); ++c) at[c] += std::log(moved[parameters.size() + c]);
        return predict(moved.first(parameters.size()), std::span<const double>(at));
      },
      execution);
}

}  // namespace tenure::clv
