#include "tenure/churn/cox_likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cox_kernels.hpp"
#include "cox_slots.hpp"
#include "tenure/support/parallel.hpp"

namespace tenure::churn {
namespace {

/// Slots in blocks of about as many rows each, those who leave counted too.
std::vector<std::int64_t> blocks_of_slots(const CoxData& d) {
  const std::int64_t size =
      detail::block_rows(d.rows() + static_cast<std::int64_t>(d.leaver.size()) + d.slots());
  std::vector<std::int64_t> begin{0};
  std::int64_t work = 0;
  for (std::int64_t g = 0; g < d.slots(); ++g) {
    const auto slot = static_cast<std::size_t>(g);
    work += d.row_begin[slot + 1] - d.row_begin[slot] + d.leave_begin[slot + 1] -
            d.leave_begin[slot] + 1;
    if (work >= size && g + 1 < d.slots()) {
      begin.push_back(g + 1);
      work = 0;
    }
  }
  begin.push_back(d.slots());
  return begin;
}

/// A scalar sum in twice the precision of a double.
class PreciseSum {
 public:
  void add(double x) {
    const double sum = high_ + x;
    const double shadow = sum - high_;
    low_ += (high_ - (sum - shadow)) + (x - shadow);
    high_ = sum;
  }
  double value() const { return high_ + low_; }

 private:
  double high_ = 0.0, low_ = 0.0;
};

/// The largest eta of each stratum, so that no exp overflows.
std::vector<double> largest_eta(const CoxData& d, std::span<const double> eta) {
  std::vector<double> largest(static_cast<std::size_t>(d.strata),
                              -std::numeric_limits<double>::infinity());
  for (std::size_t i = 0; i < eta.size(); ++i) {
    double& at = largest[static_cast<std::size_t>(d.stratum[i])];
    at = eta[i] > at ? eta[i] : at;
  }
  return largest;
}

}  // namespace

CoxLikelihood::CoxLikelihood(const CoxData& data, Ties ties)
    : data_(data),
      ties_(ties),
      eta_(static_cast<std::size_t>(data.rows())),
      risk_(eta_.size()),
      sum_(static_cast<std::size_t>(data.slots())),
      sum_own_(sum_.size()),
      slot_block_(blocks_of_slots(data)) {
  for (auto* const of : {&slots_.hazard, &slots_.own, &slots_.square, &slots_.square_own,
                         &slots_.square_own2, &slots_.cumulative})
    of->assign(sum_.size(), 0.0);
}

double CoxLikelihood::move(std::span<const double> beta, const Execution& execution) {
  const CoxData& d = data_;
  std::vector<double> b(beta.begin(), beta.end());
  b.resize(static_cast<std::size_t>(d.stride), 0.0);
  for_each_block(d.rows(), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    std::copy(d.offset.begin() + first, d.offset.begin() + last, eta_.begin() + first);
    detail::add_products(d.x.data() + first * d.stride, last - first, d.stride, b.data(),
                         eta_.data() + first);
  });
  shift_ = largest_eta(d, eta_);
  for_each_block(d.rows(), execution, [&](std::int64_t, std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first, end; i < last; i = end) {
      const auto k = d.stratum[static_cast<std::size_t>(i)];
      for (end = i + 1; end < last && d.stratum[static_cast<std::size_t>(end)] == k;) ++end;
      detail::risks(eta_.data() + i, d.weight.data() + i, end - i,
                    shift_[static_cast<std::size_t>(k)], risk_.data() + i);
    }
  });
  sum_risks(execution);

  const std::int64_t blocks = std::ssize(slot_block_) - 1;
  std::vector<double> part(static_cast<std::size_t>(blocks));
  for_each_task(blocks, execution, [&](std::int64_t block) {
    const auto b0 = static_cast<std::size_t>(block);
    part[b0] = slot_terms(slot_block_[b0], slot_block_[b0 + 1]);
  });
  double total = 0.0;
  for (const double value : part) total += value;
  slots_.cumulative = cumulate(slots_.hazard);
  return total;
}

void CoxLikelihood::sum_risks(const Execution& execution) {
  const CoxData& d = data_;
  PreciseSum precise;
  double plain = 0.0;
  for (std::size_t g = 0; g < sum_.size(); ++g) {
    if (g % 65'536 == 0) execution.poll();
    if (detail::starts_stratum(d, static_cast<std::int64_t>(g))) {
      precise = {};
      plain = 0.0;
    }
    const std::int64_t last = d.row_begin[g + 1], own = last - d.deaths[g];
    double joined = 0.0, died = 0.0;
    for (std::int64_t i = d.row_begin[g]; i < own; ++i)
      joined += risk_[static_cast<std::size_t>(i)];
    for (std::int64_t i = own; i < last; ++i) died += risk_[static_cast<std::size_t>(i)];
    sum_own_[g] = died;
    if (!d.truncated) {
      sum_[g] = plain += joined + died;
      continue;
    }
    for (std::int64_t i = d.row_begin[g]; i < last; ++i)
      precise.add(risk_[static_cast<std::size_t>(i)]);
    for (std::int64_t k = d.leave_begin[g]; k < d.leave_begin[g + 1]; ++k)
      precise.add(-risk_[static_cast<std::size_t>(d.leaver[static_cast<std::size_t>(k)])]);
    sum_[g] = std::max(precise.value(), died);
  }
}

double CoxLikelihood::slot_terms(std::int64_t first, std::int64_t last) {
  const CoxData& d = data_;
  double total = 0.0;
  for (std::int64_t at = first; at < last; ++at) {
    const auto g = static_cast<std::size_t>(at);
    const std::int64_t deaths = d.deaths[g];
    if (deaths == 0) continue;
    const std::int64_t end = d.row_begin[g + 1];
    for (std::int64_t i = end - deaths; i < end; ++i) {
      const auto row = static_cast<std::size_t>(i);
      total += d.weight[row] * (eta_[row] - shift_[static_cast<std::size_t>(d.stratum[row])]);
    }
    const double s = sum_[g], t = sum_own_[g], weight = d.death_weight[g];
    if (ties_ == Ties::breslow || deaths == 1) {
      total -= weight * std::log(s);
      slots_.hazard[g] = weight / s;
      slots_.square[g] = weight / s / s;
      continue;
    }
    const double each = weight / static_cast<double>(deaths);
    double logs = 0.0, h = 0.0, h1 = 0.0, c0 = 0.0, c1 = 0.0, c2 = 0.0;
    for (std::int64_t k = 0; k < deaths; ++k) {
      const double f = static_cast<double>(k) / static_cast<double>(deaths);
      const double inverse = 1.0 / (s - f * t);
      logs -= std::log(s - f * t);
      const double rate = each * inverse, square = rate * inverse;
      h += rate;
      h1 += f * rate;
      c0 += square;
      c1 += f * square;
      c2 += f * f * square;
    }
    total += each * logs;
    slots_.hazard[g] = h;
    slots_.own[g] = h1;
    slots_.square[g] = c0;
    slots_.square_own[g] = c1;
    slots_.square_own2[g] = c2;
  }
  return total;
}

/// Sums from the first time to the last, so that the hazard of a short life keeps its digits.
std::vector<double> CoxLikelihood::cumulate(std::span<const double> hazard) const {
  std::vector<double> out(hazard.size());
  double sum = 0.0;
  for (std::size_t g = hazard.size(); g-- > 0;) {
    if (data_.deaths[g] == 0) sum = 0.0;  // the end of the next stratum
    out[g] = sum += hazard[g];
  }
  return out;
}

std::vector<double> CoxLikelihood::martingale() const {
  const CoxData& d = data_;
  std::vector<double> out(risk_.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto first = static_cast<std::size_t>(d.first[i]),
               last = static_cast<std::size_t>(d.last[i]);
    double hazard = slots_.cumulative[first] - slots_.cumulative[last];
    if (d.churned[i]) hazard -= slots_.own[first];
    out[i] = d.weight[i] * d.churned[i] - risk_[i] * hazard;
  }
  return out;
}

CoxPoint CoxLikelihood::point(const Execution& execution) const {
  CoxPoint out;
  out.information = curvature({}, &out.score, execution);
  return out;
}

std::vector<double> CoxLikelihood::information(std::span<const double> multiplier,
                                               const Execution& execution) const {
  return curvature(multiplier, nullptr, execution);
}

std::vector<double> CoxLikelihood::score(const Execution& execution) const {
  const CoxData& d = data_;
  const std::vector<double> m = martingale();
  const std::int64_t size = detail::block_rows(d.rows());
  const std::int64_t blocks = block_count(d.rows(), size);
  std::vector<double> part(static_cast<std::size_t>(blocks * d.stride), 0.0);
  for_each_block(
      d.rows(), execution,
      [&](std::int64_t block, std::int64_t first, std::int64_t last) {
        detail::add_rows(d.x.data() + first * d.stride, m.data() + first, last - first, d.stride,
                         part.data() + block * d.stride);
      },
      size);
  std::vector<double> total(static_cast<std::size_t>(d.columns), 0.0);
  for (std::int64_t b = 0; b < blocks; ++b)
    for (std::size_t j = 0; j < total.size(); ++j)
      total[j] += part[static_cast<std::size_t>(b * d.stride) + j];
  return total;
}

}  // namespace tenure::churn
