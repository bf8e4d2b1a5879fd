#include "logistic_part.hpp"

#include <algorithm>

#include "tenure/support/buffer.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn::detail {
namespace {

/// `data` looks at `x`.
struct Part {
  Buffer<double> x;
  LogisticData data;
};

/// Cells of so many rows and columns; nothing else is known yet.
std::shared_ptr<Part> part_of(const LogisticData& d, std::int64_t rows, std::int64_t columns) {
  auto part = std::make_shared<Part>();
  part->x = Buffer<double>(rows * columns);
  LogisticData& to = part->data;
  to.x = part->x.span();
  to.rows = rows;
  to.columns = columns;
  to.intercept = d.intercept;
  to.terms = columns + (d.intercept ? 1 : 0);
  to.stride = (to.terms + 7) / 8 * 8;
  return part;
}

template <class T>
std::vector<T> thinned(const std::vector<T>& column, std::int64_t every) {
  std::vector<T> out;
  for (std::size_t i = 0; i < column.size(); i += static_cast<std::size_t>(every))
    out.push_back(column[i]);
  return out;
}

std::vector<double> chosen(const std::vector<double>& column, const std::vector<std::size_t>& of) {
  std::vector<double> out;
  for (const std::size_t j : of) out.push_back(column[j]);
  return out;
}

}  // namespace

std::shared_ptr<const LogisticData> some_rows(const LogisticData& d, std::int64_t every,
                                              const Execution& execution) {
  const std::int64_t p = d.columns;
  const auto part = part_of(d, block_count(d.rows, every), p);
  LogisticData& to = part->data;
  to.event = thinned(d.event, every);
  to.weight = thinned(d.weight, every);
  to.offset = thinned(d.offset, every);
  to.centre = d.centre;
  to.scale = d.scale;
  for (std::size_t i = 0; i < to.event.size(); ++i) {
    const double w = to.weight.empty() ? 1.0 : to.weight[i];
    to.total_weight += w;
    to.event_weight += to.event[i] ? w : 0.0;
  }
  for_each_block(to.rows, execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i)
      std::copy_n(d.x.data() + i * every * p, p, part->x.data() + i * p);
  });
  return {part, &to};
}

std::shared_ptr<const LogisticData> some_terms(const LogisticData& d,
                                               const std::vector<std::size_t>& terms,
                                               const Execution& execution) {
  std::vector<std::size_t> columns;
  for (const std::size_t t : terms)
    if (!d.intercept || t > 0) columns.push_back(t - (d.intercept ? 1 : 0));
  const auto part = part_of(d, d.rows, std::ssize(columns));
  LogisticData& to = part->data;
  to.event = d.event;
  to.weight = d.weight;
  to.offset = d.offset;
  to.total_weight = d.total_weight;
  to.event_weight = d.event_weight;
  to.centre = chosen(d.centre, columns);
  to.scale = chosen(d.scale, columns);
  for_each_block(d.rows, execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    double* at = part->x.data() + first * to.columns;
    for (std::int64_t i = first; i < last; ++i)
      for (const std::size_t j : columns) *at++ = d.x[static_cast<std::size_t>(i * d.columns) + j];
  });
  return {part, &to};
}

}  // namespace tenure::churn::detail
