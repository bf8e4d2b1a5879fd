#include "tenure/churn/uplift_curve.hpp"

#include <algorithm>
#include <cmath>

#include "descending.hpp"
#include "tenure/support/errors.hpp"

namespace tenure::churn {
namespace {

void require_valid(const ScoredCampaign& campaign) {
  const auto n = campaign.score.size();
  if (campaign.treated.size() != n)
    throw InvalidInput("treated", -1, static_cast<double>(campaign.treated.size()), "one a score");
  if (campaign.outcome.size() != n)
    throw InvalidInput("outcome", -1, static_cast<double>(campaign.outcome.size()), "one a score");
  bool arm[2] = {false, false};
  for (std::size_t at = 0; at < n; ++at) {
    const auto i = static_cast<std::int64_t>(at);
    if (!std::isfinite(campaign.score[at]))
      throw InvalidInput("score", i, campaign.score[at], "finite");
    if (campaign.treated[at] > 1)
      throw InvalidInput("treated", i, static_cast<double>(campaign.treated[at]), "0 or 1");
    if (!std::isfinite(campaign.outcome[at]))
      throw InvalidInput("outcome", i, campaign.outcome[at], "finite");
    arm[campaign.treated[at]] = true;
  }
  if (!arm[0] || !arm[1])
    throw InvalidInput("treated", -1, arm[1] ? 1.0 : 0.0, "of both arms: 0 and 1");
}

/// V does not change where all outcomes move by a constant. Around the mean of the controls sums of
/// squares do not cancel, whatever the level of the outcome.
double centre_of(const ScoredCampaign& campaign) {
  double sum = 0.0, controls = 0.0;
  for (std::size_t i = 0; i < campaign.score.size(); ++i) {
    if (campaign.treated[i] != 0) continue;
    controls += 1.0;
    sum += (campaign.outcome[i] - sum) / controls;  // a running mean cannot overflow
  }
  return sum;
}

/// One arm of the customers with the highest scores.
struct Arm {
  double n = 0.0, sum = 0.0, square = 0.0;
  void add(double y) {
    n += 1.0;
    sum += y;
    square += y * y;
  }
  /// Sum of squares around m.
  double around(double m) const { return std::max(0.0, square - 2.0 * m * sum + n * m * m); }
};

/// Calls body(from, to, treated, control) for every run of rows that go in together, with the arms
/// after it.
template <class Body>
void each_prefix(const Buffer<KeyedRow>& rows, const ScoredCampaign& campaign, double centre,
                 const Execution& execution, const Body& body) {
  Arm treated, control;
  std::int64_t start = 0;
  each_run(rows, execution, [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t k = from; k < to; ++k) {
      const auto row = static_cast<std::size_t>(rows[k].row);
      (campaign.treated[row] != 0 ? treated : control).add(campaign.outcome[row] - centre);
    }
    if (treated.n == 0.0 || control.n == 0.0) return;
    body(start, to, treated, control);
    start = to;
  });
}

}  // namespace

UpliftPoints uplift_points(const ScoredCampaign& campaign, const Execution& execution) {
  require_valid(campaign);
  const Buffer<KeyedRow> rows = descending(campaign.score, execution);
  const auto n = static_cast<double>(rows.size());
  UpliftPoints points;
  each_prefix(rows, campaign, centre_of(campaign), execution,
              [&](std::int64_t, std::int64_t to, const Arm& treated, const Arm& control) {
                const double mean = control.sum / control.n, ratio = treated.n / control.n;
                const double increment = treated.sum - mean * treated.n;
                const double square = treated.around(mean) + ratio * ratio * control.around(mean);
                points.threshold.push_back(score_of(rows[to - 1].key));
                points.treated.push_back(treated.n);
                points.control.push_back(control.n);
                points.increment.push_back(increment);
                points.variance.push_back(std::max(0.0, square - increment * increment / n));
              });
  return points;
}

UpliftArea uplift_area(const ScoredCampaign& campaign, const Execution& execution) {
  require_valid(campaign);
  const Buffer<KeyedRow> rows = descending(campaign.score, execution);
  const double centre = centre_of(campaign);
  const auto n = static_cast<double>(rows.size());

  struct Prefix {
    std::int64_t to;
    double mean, ratio, v;  // v: V / n
  };
  std::vector<Prefix> prefixes{{0, 0.0, 0.0, 0.0}};
  each_prefix(
      rows, campaign, centre, execution,
      [&](std::int64_t, std::int64_t to, const Arm& treated, const Arm& control) {
        const double mean = control.sum / control.n;
        prefixes.push_back({to, mean, treated.n / control.n, (treated.sum - mean * treated.n) / n});
      });

  double area = 0.0;  // over shares of customers, of V / n
  for (std::size_t j = 1; j < prefixes.size(); ++j) {
    const Prefix &before = prefixes[j - 1], &here = prefixes[j];
    area += 0.5 * (here.v + before.v) * (static_cast<double>(here.to - before.to) / n);
  }
  const Prefix all = prefixes.back();
  UpliftArea found{n * area, n * (area - 0.5 * all.v), Buffer<double>(rows.size()),
                   Buffer<double>(rows.size())};

  // V / n at a prefix is a mean over its rows of (y - m) if treated and of -(y - m) T / C if not;
  // a row is in its own prefix and in all behind it, hence sums from the end. By the trapezoidal
  // rule a prefix weighs half the rows up to its neighbours.
  double weight = 0.0, mean = 0.0, ratio = 0.0, both = 0.0;
  for (std::size_t j = prefixes.size() - 1; j > 0; --j) {
    execution.poll();
    const Prefix &before = prefixes[j - 1], &here = prefixes[j];
    const std::int64_t next = j + 1 < prefixes.size() ? prefixes[j + 1].to : here.to;
    const double w = 0.5 * static_cast<double>(next - before.to) / n;
    weight += w;
    mean += w * here.mean;
    ratio += w * here.ratio;
    both += w * here.ratio * here.mean;
    const double here_and_before = 0.5 * (here.v + before.v);
    for (std::int64_t k = before.to; k < here.to; ++k) {
      const auto row = static_cast<std::size_t>(rows[k].row);
      const double y = campaign.outcome[row] - centre;
      const bool treated = campaign.treated[row] != 0;
      const double within = treated ? weight * y - mean : both - ratio * y;
      const double of_all = treated ? y - all.mean : all.ratio * (all.mean - y);
      const double influence = within + here_and_before - 2.0 * area;
      found.auuc_influence[rows[k].row] = influence;
      found.qini_influence[rows[k].row] = influence - 0.5 * (of_all - all.v);
    }
  }
  return found;
}

}  // namespace tenure::churn
