#include "tenure/clv/mbg_nbd.hpp"

#include "bg_nbd_family.hpp"

namespace tenure::clv {
namespace {

/// The chance to outlive the first purchase.
double stays(const MbgNbdParameters& p) { return p.b / (p.a + p.b); }

}  // namespace

BgNbdParameters mbg_nbd_outlived(const MbgNbdParameters& p) {
  require_valid(p);
  return {p.r, p.alpha, p.a, p.b + 1.0};
}

Derivatives<4> mbg_nbd_log_likelihood(const MbgNbdParameters& parameters,
                                      const RepeatPurchases& purchases,
                                      const Execution& execution) {
  return log_likelihood(parameters, OneTimeBuyers::may_leave, purchases, execution);
}

Fit fit_mbg_nbd(const RepeatPurchases& purchases, const FitOptions& options,
                const Execution& execution) {
  return fit(OneTimeBuyers::may_leave, purchases, options, execution);
}

PreparedLikelihood prepare_mbg_nbd(const RepeatPurchases& purchases, const Execution& execution) {
  return prepare(OneTimeBuyers::may_leave, purchases, execution);
}

Buffer<double> mbg_nbd_log_odds_alive(const MbgNbdParameters& p, const RepeatPurchases& purchases,
                                      const Execution& execution) {
  return log_odds_alive(mbg_nbd_outlived(p), OneTimeBuyers::may_leave, purchases, execution);
}

Buffer<double> mbg_nbd_probability_alive(const MbgNbdParameters& p,
                                         const RepeatPurchases& purchases,
                                         const Execution& execution) {
  return probability_alive(mbg_nbd_outlived(p), OneTimeBuyers::may_leave, purchases, execution);
}

Buffer<double> mbg_nbd_expected_purchases(const MbgNbdParameters& p,
                                          const RepeatPurchases& purchases, double horizon,
                                          double discount_rate, const Execution& execution) {
  return expected_purchases(mbg_nbd_outlived(p), OneTimeBuyers::may_leave, purchases, horizon,
                            discount_rate, execution);
}

Prospects mbg_nbd_prospects(const MbgNbdParameters& p, const RepeatPurchases& purchases,
                            double horizon, double discount_rate, const Execution& execution) {
  return prospects(mbg_nbd_outlived(p), OneTimeBuyers::may_leave, purchases, horizon, discount_rate,
                   execution);
}

Buffer<double> mbg_nbd_expected_purchases_new(const MbgNbdParameters& p,
                                              std::span<const double> time,
                                              const Execution& execution) {
  Buffer<double> out = bg_nbd_expected_purchases_new(mbg_nbd_outlived(p), time, execution);
  for (double& v : out.span()) v *= stays(p);
  return out;
}

Buffer<double> mbg_nbd_pmf(const MbgNbdParameters& p, std::span<const double> count, double time,
                           const Execution& execution) {
  Buffer<double> out = bg_nbd_pmf(mbg_nbd_outlived(p), count, time, execution);
  for (std::int64_t i = 0; i < out.size(); ++i)
    out[i] = stays(p) * out[i] + (count[i] == 0.0 ? p.a / (p.a + p.b) : 0.0);
  return out;
}

std::vector<double> mbg_nbd_frequency_counts(const MbgNbdParameters& p, std::span<const double> age,
                                             std::optional<std::span<const double>> weight,
                                             std::int64_t frequencies, const Execution& execution) {
  std::vector<double> counts =
      bg_nbd_frequency_counts(mbg_nbd_outlived(p), age, weight, frequencies, execution);
  double customers = 0.0;
  for (const double n : counts) customers += n;
  for (double& n : counts) n *= stays(p);
  counts.front() += customers * p.a / (p.a + p.b);
  return counts;
}

}  // namespace tenure::clv
