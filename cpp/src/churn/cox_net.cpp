#include "tenure/churn/cox_net.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "cox_points.hpp"
#include "elastic_path.hpp"
#include "tenure/support/errors.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn {
namespace {

using Vector = std::vector<double>;

/// The rows with some of their columns.
CoxData columns_of(const CoxData& d, const std::vector<std::size_t>& columns,
                   const Execution& execution) {
  CoxData out{.sample_rows = d.sample_rows,
              .columns = std::ssize(columns),
              .stride = (std::ssize(columns) + 7) / 8 * 8,
              .strata = d.strata,
              .total_weight = d.total_weight,
              .weighted = d.weighted,
              .truncated = d.truncated,
              .mean = {},
              .scale = {},
              .least = {},
              .most = {},
              .x = Buffer<double>(d.rows() * ((std::ssize(columns) + 7) / 8 * 8)),
              .weight = d.weight,
              .offset = d.offset,
              .churned = d.churned,
              .stratum = d.stratum,
              .first = d.first,
              .last = d.last,
              .source = d.source,
              .time = d.time,
              .row_begin = d.row_begin,
              .deaths = d.deaths,
              .death_weight = d.death_weight,
              .leave_begin = d.leave_begin,
              .leaver = d.leaver,
              .slot_begin = d.slot_begin};
  for_each_block(d.rows(), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const double* const from = d.x.data() + i * d.stride;
      double* to = out.x.data() + i * out.stride;
      for (const std::size_t j : columns) *to++ = from[j];
      std::fill(to, out.x.data() + (i + 1) * out.stride, 0.0);
    }
  });
  return out;
}

/// What a regression reads, and holds while it lasts.
struct Reader {
  Reader(std::shared_ptr<const CoxData> d, Ties ties)
      : data(std::move(d)), likelihood(*data, ties), points(*data, ties) {}
  std::shared_ptr<const CoxData> data;
  CoxLikelihood likelihood;
  detail::CoxPoints points;
};

detail::SmoothLoss loss_of(std::shared_ptr<const CoxData> data, Ties ties,
                           const Execution& execution) {
  const double unit = 1.0 / data->total_weight;
  const auto reader = std::make_shared<Reader>(data, ties);
  return {static_cast<std::size_t>(data->columns), unit,
          [=, &execution](const std::vector<Vector>& at) {
            return detail::look_in_lanes(at, unit, [&](std::span<const double> beta) {
              return reader->points.evaluate(beta, execution);
            });
          },
          [=, &execution](const Vector& at, Vector& hessian) {
            const double value = reader->likelihood.move(at, execution);
            if (!std::isfinite(value))
              throw InvalidInput("offset", -1,
                                 "the offset leaves no finite likelihood: see its range");
            CoxPoint point = reader->likelihood.point(execution);
            for (double& g : point.score) g *= -unit;
            hessian = std::move(point.information);
            for (double& h : hessian) h *= unit;
            return detail::ElasticPoint{at, -unit * value, std::move(point.score)};
          },
          [=, &execution](const std::vector<std::size_t>& terms) {
            return loss_of(std::make_shared<const CoxData>(columns_of(*data, terms, execution)),
                           ties, execution);
          }};
}

}  // namespace

ElasticNetPath cox_net(const CoxData& data, Ties ties, const ElasticNetSettings& settings,
                       const Execution& execution) {
  double churned = 0.0;
  for (const double w : data.death_weight) churned += w;
  if (!(churned > 0.0))
    throw InvalidInput("churned", -1, "nobody churned: a hazard cannot be compared");
  // The caller's data outlives the path.
  const std::shared_ptr<const CoxData> lent(&data, [](const CoxData*) {});
  return detail::elastic_path(loss_of(lent, ties, execution),
                              Vector(static_cast<std::size_t>(data.columns), 0.0), settings,
                              execution);
}

}  // namespace tenure::churn
