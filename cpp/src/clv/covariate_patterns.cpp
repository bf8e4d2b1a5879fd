#include "covariate_patterns.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::clv {

void require_valid(const Effects& e, std::int64_t parameters, std::int64_t rows,
                   const Execution& execution) {
  if (e.columns < 1 || std::ssize(e.design) != rows * e.columns)
    throw InvalidInput("covariates", -1, static_cast<double>(e.design.size()),
                       "one value a row and column");
  if (std::ssize(e.sign) != parameters * e.coefficients())
    throw InvalidInput("sign", -1, static_cast<double>(e.sign.size()),
                       "one a coefficient and parameter");
  for (std::int64_t c = 0; c < e.coefficients(); ++c) {
    if (e.column[c] < 0 || e.column[c] >= e.columns)
      throw InvalidInput("column", c, static_cast<double>(e.column[c]), "a column of the design");
    for (std::int64_t q = 0; q < parameters; ++q) {
      const double s = e.sign[parameters * c + q];
      // The kernels take the first parameter from one row for all.
      if (!(s == 0.0 || (q > 0 && std::abs(s) == 1.0)))
        throw InvalidInput("sign", c, s, "-1, 0 or 1, and 0 for the first parameter");
    }
  }
  for_each_block(rows, execution, [&](std::int64_t, std::int64_t from, std::int64_t to) {
    for (std::int64_t i = from; i < to; ++i)
      for (std::int64_t j = 0; j < e.columns; ++j)
        if (!std::isfinite(e.design[i * e.columns + j]))
          throw InvalidInput("covariates", i, e.design[i * e.columns + j], "finite");
  });
}

std::optional<Patterns> few_patterns(const Effects& e, std::int64_t most,
                                     const Execution& execution) {
  constexpr std::int64_t kFree = -1;
  const std::int64_t rows = e.rows();
  Patterns p;
  p.of.resize(static_cast<std::size_t>(rows));
  std::vector<std::int64_t> slots(1024, kFree);
  int shift = 64 - std::countr_zero(slots.size());
  const auto hash = [&](std::int64_t row) {
    std::uint64_t h = 0;
    for (std::int64_t j = 0; j < e.columns; ++j) {
      const auto bits = std::bit_cast<std::uint64_t>(e.design[row * e.columns + j] + 0.0);
      h = (h ^ bits ^ (bits >> 32)) * 0x9e3779b97f4a7c15u;
    }
    return h;
  };
  const auto same = [&](std::int64_t a, std::int64_t b) {
    return std::equal(e.design.data() + a * e.columns, e.design.data() + (a + 1) * e.columns,
                      e.design.data() + b * e.columns);
  };
  const auto find = [&](std::int64_t row) {
    std::size_t s = hash(row) >> shift;
    while (slots[s] != kFree && !same(p.first[slots[s]], row)) s = (s + 1) & (slots.size() - 1);
    return s;
  };
  for (std::int64_t i = 0; i < rows; ++i) {
    if ((i & 65'535) == 0) execution.poll();
    const std::size_t s = find(i);
    if (slots[s] == kFree) {
      if (std::ssize(p.first) >= most) return std::nullopt;
      slots[s] = std::ssize(p.first);
      p.first.push_back(i);
      if (4 * p.first.size() > slots.size()) {
        slots.assign(4 * slots.size(), kFree);
        shift = 64 - std::countr_zero(slots.size());
        p.of[i] = std::ssize(p.first) - 1;
        for (std::int64_t k = 0; k < std::ssize(p.first); ++k) slots[find(p.first[k])] = k;
        continue;
      }
    }
    p.of[i] = slots[s];
  }
  return p;
}

}  // namespace tenure::clv
