#include "tenure/churn/cox_predict.hpp"

#include "cox_kernels.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn {

Buffer<double> survival_rows(std::span<const double> hazard, std::span<const double> risk,
                             const Execution& execution) {
  const std::int64_t times = std::ssize(hazard);
  Buffer<double> out(std::ssize(risk) * times);
  constexpr std::int64_t kRows = 256;
  for_each_block(
      std::ssize(risk), execution,
      [&](std::int64_t, std::int64_t first, std::int64_t last) {
        detail::survival_rows(hazard.data(), times, risk.data() + first, last - first,
                              out.data() + first * times);
      },
      kRows);
  return out;
}

}  // namespace tenure::churn
