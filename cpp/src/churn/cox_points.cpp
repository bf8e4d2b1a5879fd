#include "cox_points.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "cox_slots.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn::detail {
namespace {

constexpr std::int64_t kTileRows = 32;
constexpr std::int64_t kSlotsAtATime = 1024;

/// Lane by lane sums of blocks, in their order.
std::array<double, kLanes> total(std::span<const double> part) {
  std::array<double, kLanes> sum{};
  for (std::size_t k = 0; k < part.size(); ++k) sum[k % kLanes] += part[k];
  return sum;
}

}  // namespace

CoxPoints::CoxPoints(const CoxData& data, Ties ties)
    : data_(data),
      tied_(ties == Ties::efron &&
            std::ranges::any_of(data.deaths, [](std::int64_t d) { return d > 1; })),
      risk_(data.rows() * kLanes),
      slot_(data.slots() * kLanes),
      own_(tied_ ? data.slots() * kLanes : 0),
      shift_(static_cast<std::size_t>(data.strata * kLanes)) {}

void CoxPoints::find_shifts() {
  std::ranges::fill(shift_, -std::numeric_limits<double>::infinity());
  for (std::int64_t k = 0; k < data_.strata; ++k) {
    const auto at = static_cast<std::size_t>(k);
    const std::int64_t first = data_.row_begin[static_cast<std::size_t>(data_.slot_begin[at])],
                       end = data_.row_begin[static_cast<std::size_t>(data_.slot_begin[at + 1])];
    lane_largest(risk_.data() + first * kLanes, end - first, shift_.data() + k * kLanes);
  }
}

LaneValues CoxPoints::evaluate(std::span<const double> beta, const Execution& execution) {
  const CoxData& d = data_;
  std::vector<double> b(beta.begin(), beta.end());
  b.resize(static_cast<std::size_t>(d.stride * kLanes), 0.0);
  for_each_block(d.rows(), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i)
      std::fill_n(risk_.data() + i * kLanes, kLanes, d.offset[static_cast<std::size_t>(i)]);
    lane_products(d.x.data() + first * d.stride, last - first, d.stride, b.data(),
                  risk_.data() + first * kLanes);
  });
  find_shifts();

  std::vector<double> grown(static_cast<std::size_t>(block_count(d.rows()) * kLanes), 0.0);
  for_each_block(
      d.rows(), execution, [&](std::int64_t block, std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first, end; i < last; i = end) {
          const auto k = d.stratum[static_cast<std::size_t>(i)];
          for (end = i + 1;
               end < last && end - i < kTileRows && d.stratum[static_cast<std::size_t>(end)] == k;)
            ++end;
          lane_risks(risk_.data() + i * kLanes, d.weight.data() + i, d.churned.data() + i, end - i,
                     shift_.data() + k * kLanes, grown.data() + block * kLanes);
        }
      });
  sum_risks(execution);

  const LaneSlots slots{d.death_weight.data(), d.deaths.data(), slot_.data(),
                        tied_ ? own_.data() : nullptr};
  std::vector<double> met(static_cast<std::size_t>(block_count(d.slots(), kSlotsAtATime) * kLanes),
                          0.0);
  for_each_block(
      d.slots(), execution,
      [&](std::int64_t block, std::int64_t first, std::int64_t last) {
        lane_slots(slots, first, last, met.data() + block * kLanes);
      },
      kSlotsAtATime);
  cumulate();

  LaneValues out;
  const auto up = total(grown), down = total(met);
  for (std::size_t l = 0; l < up.size(); ++l) out.log_likelihood[l] = up[l] + down[l];
  out.score = score(execution);
  return out;
}

void CoxPoints::sum_risks(const Execution& execution) {
  const CoxData& d = data_;
  std::array<double, kLanes> high{}, low{};
  for (std::int64_t g = 0; g < d.slots(); ++g) {
    if (g % kSlotsAtATime == 0) execution.poll();
    const auto slot = static_cast<std::size_t>(g);
    if (starts_stratum(d, g)) high = low = {};
    const std::int64_t first = d.row_begin[slot], last = d.row_begin[slot + 1];
    const double* const risk = risk_.data();
    double* const own = tied_ ? own_.data() + g * kLanes : nullptr;
    if (own) {
      std::fill_n(own, kLanes, 0.0);
      lane_sum(risk + (last - d.deaths[slot]) * kLanes, d.deaths[slot], own);
    }
    double* const out = slot_.data() + g * kLanes;
    if (!d.truncated) {
      lane_sum(risk + first * kLanes, last - first, high.data());
      std::ranges::copy(high, out);
      continue;
    }
    for (std::int64_t i = first; i < last; ++i)
      lane_sum_precisely(risk + i * kLanes, 1.0, high.data(), low.data());
    for (std::int64_t k = d.leave_begin[slot]; k < d.leave_begin[slot + 1]; ++k)
      lane_sum_precisely(risk + d.leaver[static_cast<std::size_t>(k)] * kLanes, -1.0, high.data(),
                         low.data());
    for (std::size_t l = 0; l < high.size(); ++l)
      out[l] = own ? std::max(high[l] + low[l], own[l]) : high[l] + low[l];
  }
}

/// From the first time to the last, so that the hazard of a short life keeps its digits.
void CoxPoints::cumulate() {
  std::array<double, kLanes> sum{};
  for (std::int64_t g = data_.slots(); g-- > 0;) {
    double* const hazard = slot_.data() + g * kLanes;
    if (data_.deaths[static_cast<std::size_t>(g)] == 0) {  // the end of the next stratum
      sum = {};
      std::fill_n(hazard, kLanes, 0.0);
    }
    lane_cumulate(sum.data(), hazard);
  }
}

std::vector<double> CoxPoints::score(const Execution& execution) const {
  const CoxData& d = data_;
  const LaneResiduals of{risk_.data(),
                         d.weight.data(),
                         d.churned.data(),
                         d.first.data(),
                         d.last.data(),
                         slot_.data(),
                         tied_ ? own_.data() : nullptr};
  const std::int64_t size = block_rows(d.rows());
  const std::int64_t blocks = block_count(d.rows(), size), width = d.stride * kLanes;
  std::vector<double> part(static_cast<std::size_t>(blocks * width), 0.0);
  for_each_block(
      d.rows(), execution,
      [&](std::int64_t block, std::int64_t first, std::int64_t last) {
        std::array<double, kTileRows * kLanes> residual;
        for (std::int64_t i = first; i < last; i += kTileRows) {
          const std::int64_t end = std::min(i + kTileRows, last);
          lane_residuals(of, i, end, residual.data());
          lane_rows(d.x.data() + i * d.stride, residual.data(), end - i, d.stride,
                    part.data() + block * width);
        }
      },
      size);
  std::vector<double> sum(static_cast<std::size_t>(d.columns * kLanes), 0.0);
  for (std::int64_t b = 0; b < blocks; ++b)
    for (std::size_t k = 0; k < sum.size(); ++k)
      sum[k] += part[static_cast<std::size_t>(b * width) + k];
  return sum;
}

}  // namespace tenure::churn::detail
