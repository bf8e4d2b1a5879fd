#include "time_left.hpp"

#include <algorithm>
#include <cmath>

#include "falling.hpp"

namespace tenure::clv {

double shrink(double z) { return z == 0.0 ? 1.0 : -std::expm1(-z) / z; }

double log_time_left(double b, double s, double horizon, double rate) {
  if (rate == 0.0) {
    if (std::isinf(horizon)) return -std::log(s - 1.0);
    const double l = std::log1p(horizon / b);
    return std::log(l) + std::log(shrink((s - 1.0) * l));
  }
  const double fall = std::abs(rate) + std::max(s, 1.0) / b;
  double told = horizon;
  if (rate > 0.0) told = std::min({horizon, 45.0 / rate, falling::cut(s) * b});
  // Counted from the end where it grows, so that nothing overflows.
  const double top = rate > 0.0 ? 0.0 : -rate * told;
  const double range = std::log1p(fall * told);
  // What grows is cut into panels, as long as each other in time, on which it is flat enough.
  const int panels = rate > 0.0 ? 1 : std::max(1, static_cast<int>(std::ceil(-rate * told / 8.0)));
  const special::QuadratureRule& rule = falling::rule(falling::grade_of(range));
  double sum = 0.0, from = 0.0;
  for (int k = 0; k < panels; ++k) {
    const double to = k + 1 == panels ? range : std::log1p(fall * told * (k + 1) / panels);
    for (std::size_t j = 0; j < rule.node.size(); ++j) {
      const double q = from + (to - from) * rule.node[j];
      const double t = std::expm1(q) / fall;
      sum += rule.weight[j] * (to - from) * std::exp(q - rate * t - top - s * std::log1p(t / b));
    }
    from = to;
  }
  return std::log(sum / (fall * b)) + top;
}

}  // namespace tenure::clv
