#include "tenure/clv/customer_parameters.hpp"

#include <cmath>

#include "covariate_patterns.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::clv {

CustomerGroups::CustomerGroups(const Effects& effects, std::size_t parameters, std::int64_t rows,
                               const Execution& execution)
    : effects_(effects), parameters_(parameters), rows_(rows) {
  require_valid(effects, static_cast<std::int64_t>(parameters), rows, execution);
  const auto patterns = few_patterns(effects, rows / 16, execution);
  if (!patterns) return;
  first_.assign(patterns->first.size() + 1, 0);
  for (const std::int64_t p : patterns->of) ++first_[p + 1];
  for (std::size_t g = 1; g < first_.size(); ++g) first_[g] += first_[g - 1];
  std::vector<std::int64_t> next(first_);
  order_.resize(static_cast<std::size_t>(rows));
  for (std::int64_t i = 0; i < rows; ++i) order_[next[patterns->of[i]]++] = i;
}

std::array<double, kMostParameters> CustomerGroups::parameters(
    std::int64_t group, std::span<const double> parameters,
    std::span<const double> coefficients) const {
  if (parameters.size() != parameters_ || std::ssize(coefficients) != effects_.coefficients())
    throw InvalidInput("parameters", -1, static_cast<double>(parameters.size()),
                       "those of the model, and one coefficient for each column that counts");
  const std::int64_t i = row(begin(group));
  std::array<double, kMostParameters> of{};
  for (std::size_t q = 0; q < parameters_; ++q) {
    double change = 0.0;
    for (std::size_t c = 0; c < coefficients.size(); ++c)
      change += effects_.sign[parameters_ * c + q] * coefficients[c] *
                effects_.design[i * effects_.columns + effects_.column[c]];
    of[q] = change == 0.0 ? parameters[q] : std::exp(std::log(parameters[q]) + change);
    if (!(std::isnormal(of[q]) && of[q] > 0.0))
      throw InvalidInput("covariates", i, of[q],
                         "such that the parameters of the customer are finite and > 0");
  }
  return of;
}

Buffer<double> CustomerGroups::gathered(std::span<const double> column) const {
  Buffer<double> out(rows_);
  for (std::int64_t i = 0; i < rows_; ++i) out[i] = column[row(i)];
  return out;
}

}  // namespace tenure::clv
