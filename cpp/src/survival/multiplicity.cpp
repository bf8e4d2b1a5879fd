#include "tenure/survival/multiplicity.hpp"

#include <algorithm>
#include <cmath>

#include "tenure/support/errors.hpp"

namespace tenure::survival {

std::vector<double> adjusted_p_values(std::span<const double> p, Correction correction) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p[i] < 0.0 || p[i] > 1.0)
      throw InvalidInput("p", static_cast<std::int64_t>(i), p[i], "in [0, 1]");
    if (!std::isnan(p[i])) order.push_back(i);
  }
  std::vector<double> out(p.begin(), p.end());
  if (correction == Correction::none) return out;
  std::ranges::sort(order, {}, [&](std::size_t i) { return p[i]; });
  const auto m = static_cast<double>(order.size());
  if (correction == Correction::holm) {
    double largest = 0.0;
    for (std::size_t j = 0; j < order.size(); ++j) {
      largest = std::max(largest, (m - static_cast<double>(j)) * p[order[j]]);
      out[order[j]] = std::min(largest, 1.0);
    }
    return out;
  }
  double least = 1.0;
  for (std::size_t j = order.size(); j-- > 0;) {
    least = std::min(least, m / static_cast<double>(j + 1) * p[order[j]]);
    out[order[j]] = least;
  }
  return out;
}

}  // namespace tenure::survival
